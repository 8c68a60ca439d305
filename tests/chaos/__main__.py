"""Break everything around a running trailfeed, then count.

Everything stays on this machine's loopback. Exits 1 when an event was lost, or
repeated without a reason, or trailfeed itself broke.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.mischief import GROUPS
from tests.chaos.receivers import SHIPPERS, missing_program
from tests.chaos.report import details, failures, figures, table
from tests.chaos.run import Plan, run

MAX_MINUTES = 60.0


def main() -> int:
    arguments = _parser().parse_args()
    if missing := missing_program(arguments.receiver):
        sys.stderr.write(f"chaos: {missing}\n")
        return 2
    seed = arguments.seed
    if seed is None:
        seed = random.randrange(1_000_000)  # noqa: S311 - a number to repeat a run by
    plan = Plan(
        seconds=min(arguments.minutes, MAX_MINUTES) * 60,
        seed=seed,
        objects_per_second=arguments.objects_per_second,
        receiver=arguments.receiver,
        groups=tuple(arguments.faults.split(",")) if arguments.faults else (),
        workers=arguments.workers,
    )
    sys.stderr.write(f"chaos: seed {seed}, {plan.seconds:.0f} s\n")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    outcome = run(plan, folder)
    found = figures(plan, outcome)
    wrong = failures(found, allow_repeats=arguments.allow_repeats)
    if arguments.json:
        sys.stdout.write(json.dumps({**found, "failures": wrong}) + "\n")
    else:
        sys.stdout.write(table(found))
    sys.stderr.write(details(outcome))
    if wrong:
        sys.stderr.write(f"\nchaos: failed: {'; '.join(wrong)}\n")
    if wrong or arguments.keep:
        sys.stderr.write(f"chaos: logs are in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long to break")
    parser.add_argument("--seed", type=int, help="repeat the run that had it")
    parser.add_argument("--objects-per-second", type=float, default=15.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--receiver", choices=("fake", *SHIPPERS), default="fake")
    parser.add_argument(
        "--faults",
        default=",".join(GROUPS),
        help=f"which groups of faults: some of {','.join(GROUPS)}, or empty",
    )
    parser.add_argument(
        "--allow-repeats",
        choices=("journal", "none", "any"),
        default="any",
        help="journal: one window for each lost connection; none; any: only report",
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
