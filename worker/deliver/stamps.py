"""The times of records, ready to be encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.decode.usable_time import MAX_TIME_S, MIN_TIME_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.decode.record_time import RecordTime

_MAX_KNOWN = 4096


class Known(dict[str, Any]):
    """Stamps by the texts of times; one that is missing is made.

    Args:
        make: Gives the stamp of a text; None: it is no text, or no usable time.
    """

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: Any) -> Any:
        """Make a stamp, and remember it.

        Raises:
            KeyError: There is no usable time.
        """
        stamp = self._make(text)
        if stamp is None:
            raise KeyError(text)
        if len(self) >= _MAX_KNOWN:
            self.clear()
        self[text] = stamp
        return stamp


class Stamps:
    """Remembers the stamp of each text: records beside each other mostly share theirs.

    Args:
        time: Finds the time in a record.
        prepare: Makes of seconds and nanoseconds what the encoder wants; never None.

    Attributes:
        known: By the text in ``field``; none where the time lies deeper.
        field: The records' field of that text.
    """

    def __init__(self, time: RecordTime, prepare: Callable[[int, int], object]) -> None:
        self._time = time
        self._prepare = prepare
        self.field = time.name or ""
        self.known = Known(self._of_text)

    def _of_text(self, text: object) -> Any:
        if not isinstance(text, str) or not self.field:
            return None
        return self._stamp(self._time.parse(text))

    def of(self, record: object) -> Any:
        """The stamp of a record; None: it is no record, or has no usable time."""
        return self._stamp(self._time.of(record)) if isinstance(record, dict) else None

    def _stamp(self, time: tuple[int, int] | None) -> Any:
        if time is None or not MIN_TIME_S <= time[0] <= MAX_TIME_S:
            return None
        return self._prepare(*time)
