"""Values blanked by their paths: removed, masked or hashed."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from worker.transform import any_depth
from worker.transform.json_text import json_text
from worker.transform.path_tree import GONE, PathTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.config.record_paths import DeepPath, RecordPath

    Redact = Callable[[dict[str, Any]], dict[str, Any]]

Action: TypeAlias = Literal["mask", "remove", "hash"]

MASK: Final = "[redacted]"
HASH_PREFIX: Final = "hmac-sha256:"

_BLANKED: Final = re.compile(rf"{re.escape(MASK)}|{HASH_PREFIX}[0-9a-f]{{64}}")


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
        deep_paths: Those with ``**`` in them.

    Attributes:
        redact: Takes a record, and gives it without what the paths lead to.
        values_count: Values blanked so far.
    """

    def __init__(
        self,
        paths: Iterable[RecordPath],
        *,
        action: Action,
        hash_key: bytes = b"",
        deep_paths: Iterable[DeepPath] = (),
    ) -> None:
        self.values_count = 0
        self._blank = _blanking(action, hash_key)
        redact: Redact = PathTree(paths).changer(self._blanked)
        if deep_paths := [*deep_paths]:
            below: Redact = any_depth.changer(deep_paths, self._blanked_once)
            self.redact: Redact = lambda record: below(redact(record))
        else:
            self.redact = redact

    def _blanked(self, value: object) -> object:
        self.values_count += 1
        return self._blank(value)

    def _blanked_once(self, value: object) -> object:
        """What another path has led to is left as that made it."""
        if isinstance(value, str) and _BLANKED.fullmatch(value):
            return value
        return self._blanked(value)


def _blanking(action: Action, hash_key: bytes) -> Callable[[object], object]:
    match action:
        case "mask":
            return lambda _value: MASK
        case "remove":
            return lambda _value: GONE
        case "hash":
            return lambda value: _hashed(value, hash_key)


def _hashed(value: object, key: bytes) -> str:
    text = value if isinstance(value, str) else json_text(value, is_canonical=True)
    if text is None:
        return MASK
    data = text.encode("utf-8", "surrogatepass")
    return HASH_PREFIX + hmac.digest(key, data, "sha256").hex()
