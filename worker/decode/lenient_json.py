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

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|.)"
)


def loads(text: str) -> Any:
    """Parse a document; the last of equal keys wins.

    A lone surrogate comes out as U+FFFD. A number that no float holds, as 1e400, stays
    text, and so does an integer of more characters than Python converts.

    Raises:
        json.JSONDecodeError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    return _parser.decode(_ESCAPE.sub(_without_surrogate, text))


def _without_surrogate(match: re.Match[str]) -> str:
    return r"\ufffd" if match["lone"] else match[0]


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_INTEGER_CHARACTERS else digits


def _float(text: str) -> float | str:
    number = float(text)
    return text if math.isinf(number) else number


_parser = json.JSONDecoder(parse_int=_integer, parse_float=_float)
