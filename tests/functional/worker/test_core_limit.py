"""No command of the program leaves a core file."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, sys
from worker.__main__ import main
sys.argv = ["trailfeed", "-V"]
try:
    main()
except SystemExit:
    print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_the_limit_of_core_files_is_zero() -> None:
    said = subprocess.run(  # noqa: S603 - this program itself
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines()[-1] == "(0, 0)"
