"""The times of records, ready to be encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugin_bridge.forward.event_time import MAX_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.decode.record_time import RecordTime

_MAX_KNOWN = 4096


class Stamps:
    """Remembers the stamp of each text: records beside each other mostly share theirs.

    Args:
        time: Finds the time in a record.
        prepare: Makes of seconds and nanoseconds what the encoder wants; never None.

    Attributes:
        known: Stamps by the text in ``field``; none where the time lies deeper.
        field: The records' field of that text.
    """

    def __init__(self, time: RecordTime, prepare: Callable[[int, int], object]) -> None:
        self._time = time
        self._prepare = prepare
        self.known: dict[str, Any] = {}
        self.field = time.name or ""
        self._remembers = time.name is not None

    def of(self, record: object) -> Any:
        """The stamp of a record; None: it is no record, or has no usable time."""
        if not isinstance(record, dict):
            return None
        time = self._time.of(record)
        if time is None or not 1 <= time[0] <= MAX_SECONDS:
            return None
        stamp = self._prepare(*time)
        text = record.get(self.field) if self._remembers else None
        if isinstance(text, str):
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            self.known[text] = stamp
        return stamp

    def learn(self, texts: Iterable[object]) -> None:
        """Remember the stamps of texts; whatever else there is is passed over."""
        for text in set(texts).difference(self.known):
            self.of({self.field: text})
