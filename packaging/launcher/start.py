"""Starts trailfeed from the libraries beside it: those for all Pythons, and these."""

import os
import sys

_TREE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow
_ABI = f"cp{sys.version_info.major}{sys.version_info.minor}"
sys.path[:0] = [f"{_TREE}/common", f"{_TREE}/{_ABI}"]

from worker.__main__ import main  # noqa: E402 - found through the line above

main()
