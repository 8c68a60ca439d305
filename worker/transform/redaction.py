"""Values blanked by their paths: removed, masked or hashed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from worker.transform.json_text import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.config.record_paths import RecordPath

Action: TypeAlias = Literal["mask", "remove", "hash"]

MASK: Final = "[redacted]"
HASH_PREFIX: Final = "hmac-sha256:"

_GONE: Final = object()


class Redactor:
    """Blanks what its paths lead to; a null is left as it is.

    A record that nothing is blanked in comes back itself; of another one only what lies
    on the way to a blanked value is copied, and the original stays whole.

    Args:
        paths: From the record down.
        action: ``mask`` writes :data:`MASK`, ``remove`` takes key or entry away, and
            ``hash`` writes :data:`HASH_PREFIX` and 64 hexadecimal digits: of a text's
            UTF-8, of anything else's JSON with sorted keys.
        hash_key: Of the keyed hash (RFC 2104, with SHA-256).

    Attributes:
        values_count: Values blanked so far.
    """

    def __init__(
        self, paths: Iterable[RecordPath], *, action: Action, hash_key: bytes = b""
    ) -> None:
        self._tree = tree_of(paths)
        # Most records have nothing to blank, and this finds out at a tenth of the cost.
        self._at_top = [
            (name, None if child.is_end or child.every else child.names.keys())
            for name, child in self._tree.names.items()
        ]
        self._is_simple = self._tree.every is None and not self._tree.is_end
        self._blank = _blanking(action, hash_key)
        self.values_count = 0

    def redact(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record without what the paths lead to."""
        if self._is_simple:
            for name, wanted in self._at_top:
                value = record.get(name)
                if value is None:
                    continue
                if wanted is None or type(value) is not dict:
                    break
                if not wanted.isdisjoint(value):
                    break
            else:
                return record
        changed = self._applied(record, self._tree)
        return changed if isinstance(changed, dict) else record

    def _applied(self, value: object, node: Node) -> object:
        """The value as it is to be; itself, if nothing changes; or :data:`_GONE`."""
        if node.is_end:
            if value is None:
                return value
            self.values_count += 1
            return self._blank(value)
        if isinstance(value, dict):
            return self._applied_to_object(value, node)
        if isinstance(value, list):
            return self._applied_to_list(value, node)
        return value

    def _applied_to_object(self, value: dict[str, Any], node: Node) -> object:
        changed: dict[str, Any] | None = None
        for name in node.names if node.every is None else value:
            if name not in value:
                continue
            child = node.names.get(name, node.every)
            if child is None:
                continue
            old = value[name]
            new = self._applied(old, child)
            if new is old:
                continue
            if changed is None:
                changed = value.copy()
            if new is _GONE:
                del changed[name]
            else:
                changed[name] = new
        return value if changed is None else changed

    def _applied_to_list(self, value: list[Any], node: Node) -> object:
        is_changed = False
        entries = []
        for index, old in enumerate(value):
            child = node.names.get(str(index), node.every)
            new = old if child is None else self._applied(old, child)
            is_changed = is_changed or new is not old
            if new is not _GONE:
                entries.append(new)
        return entries if is_changed else value


@dataclass(slots=True)
class Node:
    """Paths with the same beginning, taken together.

    Attributes:
        names: What follows, by name; what ``*`` leads to is contained.
        every: What follows for any other name or index.
        is_end: Whether a path ends here.
    """

    names: dict[str, Node] = field(default_factory=dict)
    every: Node | None = None
    is_end: bool = False


def tree_of(paths: Iterable[RecordPath]) -> Node:
    """Join paths into a tree, so that each part of a record is looked at once."""
    node = Node()
    by_name: dict[str, list[RecordPath]] = {}
    of_every: list[RecordPath] = []
    for path in paths:
        if not path:
            node.is_end = True
        elif path[0] is None:
            of_every.append(path[1:])
        else:
            by_name.setdefault(path[0], []).append(path[1:])
    for name, rests in by_name.items():
        node.names[name] = tree_of(rests + of_every)
    if of_every:
        node.every = tree_of(of_every)
    return node


def leaves(value: object, node: Node) -> Iterable[object]:
    """What the paths of a tree lead to, nulls left out."""
    if node.is_end:
        if value is not None:
            yield value
    elif isinstance(value, dict):
        for name in node.names if node.every is None else value:
            child = node.names.get(name, node.every)
            if child is not None and name in value:
                yield from leaves(value[name], child)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            child = node.names.get(str(index), node.every)
            if child is not None:
                yield from leaves(entry, child)


def _blanking(action: Action, hash_key: bytes) -> Callable[[object], object]:
    match action:
        case "mask":
            return lambda _value: MASK
        case "remove":
            return lambda _value: _GONE
        case "hash":
            return lambda value: _hashed(value, hash_key)


def _hashed(value: object, key: bytes) -> str:
    text = value if isinstance(value, str) else json_text(value, is_canonical=True)
    if text is None:
        return MASK
    data = text.encode("utf-8", "surrogatepass")
    return HASH_PREFIX + hmac.digest(key, data, "sha256").hex()
