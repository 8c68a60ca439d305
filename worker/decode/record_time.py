"""The time of a record, parsed or still a text (``decode.time_field``). No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from worker.config.places import parse_place
from worker.decode.json_values import parse_value, too_deep
from worker.decode.location import index_of, is_plain, value_at
from worker.decode.times import time_parser

if TYPE_CHECKING:
    from worker.config.places import Place

_Scalar = str | int | float | bool | None


class RecordTime:
    """Finds the time in records.

    Args:
        field: Dotted path of the time.
        time_format: As :func:`worker.decode.times.time_parser` takes it.

    Attributes:
        outline: The type of a record of which all but the members on the way to the
            time are passed over; None: that cannot be said in one.
        name: The field, where it is one of the record's own; None: it lies deeper.
        parse: Reads what is there.
    """

    def __init__(self, field: str, time_format: str) -> None:
        self._steps = parse_place(field)
        self.parse = time_parser(time_format)
        first, *others = self._steps
        self.name = first if isinstance(first, str) and not others else None
        self.outline = _outline(self._steps)
        self._outline: msgspec.json.Decoder[Any] | None = None
        if self.outline is not None:
            self._outline = msgspec.json.Decoder(self.outline)

    def of(self, record: dict[str, Any]) -> tuple[int, int] | None:
        """Return seconds since 1970 and nanoseconds; None where there is no time."""
        if self.name is not None:
            return self.parse(record.get(self.name))
        return self.parse(value_at(record, self._steps))

    def of_json(self, text: bytes) -> tuple[int, int] | None:
        """Do so without making an object of the record.

        Args:
            text: The record, which is UTF-8.

        Raises:
            BadObjectError: It is not JSON, or nested too deeply.
        """
        if self._outline is not None:
            try:
                value = self._outline.decode(text)
            except msgspec.DecodeError:
                pass  # not plain JSON, or something else in the place of a member
            except RecursionError as error:
                raise too_deep() from error
            else:
                for _ in self._steps:
                    value = value.value if value is not None else None
                return self.parse(value)
        record = parse_value(text)
        return self.of(record) if isinstance(record, dict) else None


def _outline(steps: Place) -> type[msgspec.Struct] | None:
    names = [step for step in steps if isinstance(step, str) and is_plain(step)]
    if len(names) < len(steps) or any(index_of(name) is not None for name in names):
        return None
    inner: Any = _Scalar
    outline: type[msgspec.Struct] | None = None
    for name in reversed(names):
        member = ("value", inner | None, msgspec.field(name=name, default=None))
        inner = outline = msgspec.defstruct("Outline", [member], gc=False)
    return outline
