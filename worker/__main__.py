"""The program ``trailfeed``: commands, and how their errors end it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys

from worker.errors import ConfigError, TrailfeedError
from worker.pool.exit_codes import BAD_CONFIG, FAILURE
from worker.pool.signals import keep_from_the_start
from worker.printable import printable


def main() -> None:
    """Run the command line and exit with its code.

    0 done; 1 failure; 2 wrong usage; 78 bad configuration; 130 interrupted.
    """
    # A core file would hold credentials and records.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[1:2] == ["run"]:
        keep_from_the_start(os.getpid())
    # Importing the commands takes a while, in which a signal may come.
    from worker.cli import app  # noqa: PLC0415

    # multiprocessing-logging takes nothing else, and it looks at the global method.
    multiprocessing.set_start_method("fork", force=True)
    try:
        app(prog_name="trailfeed")
    except ConfigError as error:
        _fail(error.problems, BAD_CONFIG)
    except TrailfeedError as error:
        _fail((str(error),), FAILURE)


def _fail(lines: tuple[str, ...], exit_code: int) -> None:
    for line in lines:
        sys.stderr.write(f"trailfeed: {printable(line)}\n")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
