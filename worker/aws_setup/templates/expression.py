"""References inside a template, in the place of what they will stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Expression:
    """Text of the template's own language, such as ``!GetAtt Queue.Arn``."""

    text: str


def substituted(value: Any, names: Mapping[str, Expression]) -> Any:
    """A JSON value with each text that is a known name replaced by its reference."""
    match value:
        case str():
            return names.get(value, value)
        case dict():
            return {key: substituted(one, names) for key, one in value.items()}
        case list() | tuple():
            return [substituted(one, names) for one in value]
        case _:
            return value
