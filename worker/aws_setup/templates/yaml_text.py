"""JSON values as block YAML, with a template's own tags.

Source: YAML 1.1 (which CloudFormation reads): a double-quoted scalar takes JSON's
escapes; what could be taken for a number, a date, a truth value or null is quoted.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from worker.aws_setup.templates.expression import Expression

_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./:*-]*[A-Za-z0-9_./*-])?")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_INDENT: Final = "  "


def yaml_lines(value: dict[str, Any], depth: int = 0) -> list[str]:
    """The lines of a mapping, in block style.

    Args:
        value: Texts (ASCII), numbers, truth values, lists, mappings and expressions;
            no list right in a list.
        depth: How far it is indented, in steps.
    """
    lines: list[str] = []
    for key, one in value.items():
        head = f"{_INDENT * depth}{scalar(key)}:"
        lines += _under(head, one, depth)
    return lines


def scalar(value: Any) -> str:
    """A single value."""
    match value:
        case Expression():
            return value.text
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        case dict() | list() if not value:
            return json.dumps(value)
        case _:
            return json.dumps(value)


def _under(head: str, value: Any, depth: int) -> list[str]:
    if isinstance(value, dict) and value:
        return [head, *yaml_lines(value, depth + 1)]
    if isinstance(value, list) and value:
        return [head, *(line for one in value for line in _item(one, depth + 1))]
    return [f"{head} {scalar(value)}"]


def _item(value: Any, depth: int) -> list[str]:
    bullet = f"{_INDENT * depth}- "
    if isinstance(value, dict) and value:
        first, *others = yaml_lines(value, depth + 1)
        return [bullet + first.lstrip(), *others]
    return [bullet + scalar(value)]
