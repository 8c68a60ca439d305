"""What a path leads to in a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.config.record_paths import RecordPath


def value_at(path: tuple[str, ...]) -> Callable[[dict[str, Any]], object]:
    """Make the function that follows a path of plain names; None: nothing is there.

    In a list a name is an index from 0.
    """
    first, *rest = path

    def at_top(record: dict[str, Any]) -> object:
        return record.get(first)

    def below(record: dict[str, Any]) -> object:
        value: object = record.get(first)
        for name in rest:
            if isinstance(value, dict):
                value = value.get(name)
            elif isinstance(value, list):
                value = _entry(value, name)
            else:
                return None
        return value

    return below if rest else at_top


def values_at(value: object, path: RecordPath) -> Iterator[object]:
    """Yield every value that a path leads to from ``value``, nulls left out."""
    if not path:
        if value is not None:
            yield value
        return
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        if name is None:
            for inner in value.values():
                yield from values_at(inner, rest)
        elif name in value:
            yield from values_at(value[name], rest)
    elif isinstance(value, list):
        if name is None:
            for inner in value:
                yield from values_at(inner, rest)
        else:
            yield from values_at(_entry(value, name), rest)


def _entry(entries: list[Any], name: str) -> object:
    if name.isdecimal() and name.isascii() and len(name) <= len(str(len(entries))):
        index = int(name)
        return entries[index] if index < len(entries) else None
    return None
