"""Things that are made at their first use and kept while they are used."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The most recently used of them; safe to use from any thread.

    Args:
        make: Makes the one of a key; called by one thread at a time.
        limit: The most that are kept.
    """

    def __init__(self, make: Callable[[Key], Value], *, limit: int) -> None:
        self._make = make
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value:
        """The one of a key; made now if it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            value = self._make(key)
            self._kept[key] = value
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
            return value

    def forget(self, key: Key) -> None:
        """Keep the one of a key no longer, if it was kept."""
        with self._lock:
            self._kept.pop(key, None)
