"""Python's own JSON parser, for what a faster one refuses. No I/O.

It takes lone surrogates, NaN, the infinities and numbers of any size.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_MAX_INTEGER_CHARACTERS = 4300
"""Python's own limit (sys.get_int_max_str_digits)."""

# What is no lone surrogate is passed over in runs: for a match of each escape there
# would be thirty bytes of memory for one of text.
_PASSED_OR_LONE = re.compile(
    r"(?:[^\\]++"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\(?!u[dD][89a-fA-F][0-9a-fA-F]{2}).?)++"
    r"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})",
    re.DOTALL,
)
_LONE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(text: str) -> Any:
    """Parse a document; the last of equal keys wins.

    A lone surrogate comes out as U+FFFD. A number that no float holds, as 1e400, stays
    text, and so does an integer of more characters than Python converts.

    Raises:
        json.JSONDecodeError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    if _LONE.search(text):
        text = _PASSED_OR_LONE.sub(_without_surrogate, text)
    return _parser.decode(text)


def _without_surrogate(match: re.Match[str]) -> str:
    return r"\ufffd" if match["lone"] else match[0]


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_INTEGER_CHARACTERS else digits


def _float(text: str) -> float | str:
    number = float(text)
    return text if math.isinf(number) else number


_parser = json.JSONDecoder(parse_int=_integer, parse_float=_float)
