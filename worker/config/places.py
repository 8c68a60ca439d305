"""Dotted paths to places inside a message, as ``[source.mapping]`` has them."""

from __future__ import annotations

import re
from typing import Final

EVERY: Final = None
"""The step ``[*]``: each element of a list."""

Step = str | int | None
Place = tuple[Step, ...]

_NAME = r"(?:[^.\[\]\\]|\\.)+"
_SEGMENT = re.compile(rf"({_NAME})((?:\[(?:\*|\d{{1,9}})\])*)(\.(?=.)|\Z)", re.DOTALL)
_SUBSCRIPT = re.compile(r"\[(\*|\d+)\]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse_place(text: str) -> Place:
    r"""Read a path such as ``detail.files[*].path`` or ``parts[0].name``.

    A backslash takes the meaning from the character after it: ``a\.b`` is one name.

    Returns:
        Names, indices from 0, and :data:`EVERY`; empty for an empty text.

    Raises:
        ValueError: It is no such path.
    """
    steps: list[Step] = []
    at = 0
    while at < len(text):
        segment = _SEGMENT.match(text, at)
        if segment is None:
            raise ValueError('expected a dotted path such as "detail.items[0].id"')
        steps.append(_ESCAPED.sub(r"\1", segment[1]))
        steps += [
            EVERY if index == "*" else int(index)
            for index in _SUBSCRIPT.findall(segment[2])
        ]
        at = segment.end()
    return tuple(steps)
