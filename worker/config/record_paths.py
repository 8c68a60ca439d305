r"""Dotted paths to any number of values of a record: ``resources[*].ARN``.

Names are separated by dots. ``*`` is any key of an object or any entry of a list;
``[0]`` and ``[*]`` may stand for ``.0`` and ``.*``. A backslash takes the next
character as it is, such as a dot, a space, a star or an equals sign in a name:
``a\.b``.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

RecordPath: TypeAlias = "tuple[str | None, ...]"
"""Names and indices from the record down; None for any."""

_NAME: Final = re.compile(r"(?:[^\s.\[\]\\=!~&]|\\.)+", re.DOTALL)
_INDEX: Final = re.compile(r"\[([0-9]{1,9}|\*)\]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ANY: Final = "*"


def parse_path(text: str) -> RecordPath:
    """Parse a path that stands alone.

    Raises:
        ValueError: It is none; the text says what was expected at which column.
    """
    path, end = read_path(text, 0)
    if end != len(text):
        raise ValueError(
            f"expected a dot, an index such as [0] or [*], or the end at column "
            f"{end + 1}"
        )
    return path


def read_path(text: str, at: int) -> tuple[RecordPath, int]:
    """Read the path that begins at index ``at``; also return the index after it.

    Raises:
        ValueError: There is none; as for :func:`parse_path`.
    """
    steps: list[str | None] = []
    while True:
        name = _NAME.match(text, at)
        if name is None:
            raise ValueError(
                f"expected a field's name at column {at + 1} (a dot stands between "
                r'names; one in a name is written "\.")'
            )
        steps.append(None if name[0] == _ANY else unescape(name[0]))
        at = name.end()
        while index := _INDEX.match(text, at):
            steps.append(None if index[1] == _ANY else index[1])
            at = index.end()
        if text[at : at + 1] != ".":
            return tuple(steps), at
        at += 1


def unescape(text: str) -> str:
    """Take every character after a backslash as it is."""
    return _ESCAPED.sub(r"\1", text)
