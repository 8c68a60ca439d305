"""Feed mutated objects and notifications to the parsers for a while.

Objects of all formats and compressions, and messages of all forms, are damaged a
little. Only the documented errors (BadObjectError, UnknownMessageError) may leave the
parsers, and each case has to end soon. Exits 1 when one did not.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.fuzz.mutations import MAX_BYTES
from tests.fuzz.run import run, run_case


def main() -> int:
    arguments = _parser().parse_args()
    seed = arguments.seed
    if seed is None:
        seed = random.randrange(1_000_000)  # noqa: S311 - a number to repeat a run by
    more = _files(arguments.corpus) if arguments.corpus else ()
    if arguments.case is not None:
        failure = run_case(seed, arguments.case, more)
        count, failures = 1, [failure] if failure is not None else []
    else:
        sys.stderr.write(f"fuzz: seed {seed}, {arguments.seconds:.0f} s\n")
        count, failures = run(seed, arguments.seconds, more)
    for failure in failures:
        sys.stderr.write(f"\nfuzz: --seed {seed} --case {failure.number} failed:\n")
        sys.stderr.write(failure.report)
    sys.stdout.write(f"{count:,} cases, {len(failures)} failed\n")
    return 1 if failures else 0


def _files(folder: Path) -> tuple[bytes, ...]:
    """Files of a folder to be mutated too, as far as they are small."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        path.read_bytes() for path in paths if path.stat().st_size <= MAX_BYTES
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--seed", type=int, help="repeat the run that had it")
    parser.add_argument("--case", type=int, help="only this one of the seed's cases")
    parser.add_argument("--corpus", type=Path, help="a folder of files to begin with")
    return parser


if __name__ == "__main__":
    sys.exit(main())
