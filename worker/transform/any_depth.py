"""Values changed at any depth: paths with ``**`` in them. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.transform.path_tree import GONE, PathTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.config.record_paths import DeepPath, RecordPath

    Change = Callable[[Any], Any]

MAX_DEPTH: Final = 200
"""What lies deeper is changed whole: it may hold anything."""


def changer(paths: Iterable[DeepPath], change: Change) -> Change:
    """Make what changes the values at the ends of the paths, but for nulls.

    A value in which nothing changes comes back itself; of another one what lies on the
    way is copied.

    Args:
        paths: From an object down.
        change: Gives a value as it is to be: itself, if it stays, or
            :data:`~worker.transform.path_tree.GONE`.
    """
    plain: list[RecordPath] = []
    below: dict[RecordPath, list[DeepPath]] = {}
    for first, *rest in paths:
        if rest:
            below.setdefault(first, []).append(tuple(rest))
        else:
            plain.append(first)
    changes = [PathTree(plain).changer(change)] if plain else []
    for first, rests in below.items():
        everywhere = _everywhere(rests, change)
        changes.append(PathTree([first]).changer(everywhere) if first else everywhere)
    if len(changes) == 1:
        return changes[0]

    def changed(value: Any) -> Any:
        for one in changes:
            value = one(value)
        return value

    return changed


def _everywhere(paths: list[DeepPath], change: Change) -> Change:
    """Make what follows paths from a value and from all that is inside it."""
    here = changer(paths, change)
    names = [path[0][0] for path in paths]
    is_plain = all(name is not None and not name.isdecimal() for name in names)
    is_apart = frozenset(names).isdisjoint

    def inside(value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            return change(value)
        if isinstance(value, dict):
            new = value if is_plain and is_apart(value) else here(value)
            return _changed_object(new, inside, depth + 1)
        if isinstance(value, list):
            new = value if is_plain else here(value)
            return _changed_list(new, inside, depth + 1)
        return value

    return lambda value: inside(value, 0)


def _changed_object(
    fields: dict[str, Any], inside: Callable[[Any, int], Any], depth: int
) -> dict[str, Any]:
    copied = None
    for name, old in fields.items():
        if not isinstance(old, dict | list):
            continue
        new = inside(old, depth)
        if new is old:
            continue
        if copied is None:
            copied = fields.copy()
        if new is GONE:
            del copied[name]
        else:
            copied[name] = new
    return fields if copied is None else copied


def _changed_list(
    entries: list[Any], inside: Callable[[Any, int], Any], depth: int
) -> list[Any]:
    copied = [
        inside(one, depth) if isinstance(one, dict | list) else one for one in entries
    ]
    if all(new is old for new, old in zip(copied, entries, strict=True)):
        return entries
    return [one for one in copied if one is not GONE]
