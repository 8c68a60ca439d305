r"""Dotted paths into a record: ``requestParameters.items[0].name``, ``a\.b.c``."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:[^.\[\]\\]|\\.)+", re.DOTALL)
_INDEX = re.compile(r"\[([0-9]{1,9})\]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split_path(text: str) -> tuple[str, ...]:
    r"""Take a path apart into its steps.

    A step is a member's name or, where there is an array, an index; ``a[0].b`` and
    ``a.0.b`` are the same. A backslash takes the next character as it is: ``a\.b``.

    Raises:
        ValueError: It is no such path; says what was expected.
    """
    steps: list[str] = []
    at = 0
    while True:
        name = _NAME.match(text, at)
        if name is None:
            raise ValueError(
                'expected names with dots between them, such as "detail.items[0]"; '
                r'a dot in a name is written "\."'
            )
        steps.append(_ESCAPED.sub(r"\1", name[0]))
        at = name.end()
        while index := _INDEX.match(text, at):
            steps.append(index[1])
            at = index.end()
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise ValueError(f"expected a dot or an index such as [0] at {text[at:]!r}")
        at += 1
