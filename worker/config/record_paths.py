r"""Dotted paths to any number of values of a record: ``resources[*].ARN``.

Names are separated by dots. ``*`` is any key of an object or any entry of a list;
``[0]`` and ``[*]`` may stand for ``.0`` and ``.*``. A backslash takes the next
character as it is, such as a dot, a space, a star or an equals sign in a name:
``a\.b``. ``**`` is any number of keys and entries, none included: ``**.password``.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

RecordPath: TypeAlias = "tuple[str | None, ...]"
"""Names and indices from the record down; None for any."""

DeepPath: TypeAlias = "tuple[RecordPath, ...]"
"""The parts of a path between any depths; only the first one may be empty."""

_NAME: Final = re.compile(r"(?:[^\s.\[\]\\=!~&]|\\.)+", re.DOTALL)
_INDEX: Final = re.compile(r"\[([0-9]{1,9}|\*)\]")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ANY: Final = "*"
_ANY_DEPTH: Final = re.compile(r"(?:^|(?<=\.))\*\*(?:\.|$)")


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


def parse_deep_path(text: str) -> DeepPath:
    """Parse a path that stands alone and may have ``**`` in it.

    Raises:
        ValueError: It is none, or ends with ``**``.
    """
    first, *rest = _ANY_DEPTH.split(text)
    if rest and not rest[-1]:
        raise ValueError("expected a field's name after **: it stands for any depth")
    # Between two ** there is nothing to be said that one of them does not.
    parts = [part.removesuffix(".") for part in rest if part]
    return (
        parse_path(first.removesuffix(".")) if first or not rest else (),
        *map(parse_path, parts),
    )


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
