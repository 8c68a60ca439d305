"""The one interface of all formats, and the choice among them. No I/O."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from worker.config.places import parse_place
from worker.decode.json_reader import JsonReader
from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.line_reader import LineReader
from worker.decode.rows import RowReader, csv_rows, wsv_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from worker.config.model import DecodeConfig
    from worker.decode.limits import DecodeLimits

Item = TypeVar("Item")


class Reader(Protocol[Item]):
    """Takes objects of one format apart; made once, used for every object.

    An *item* is a source record before it is parsed: what the journal counts, so that
    the same object always gives the same items in the same order.
    """

    def items(
        self, blocks: Iterable[bytes], holds: Callable[[int], None]
    ) -> Generator[Item | None]:
        """Yield the items of an object, or None where there is none yet.

        No step takes long: None comes now and then while a long text is gathered.

        Args:
            blocks: The object's bytes, decompressed, cut anywhere. An empty block says
                that the next one is not here yet.
            holds: Told how many bytes are in memory, where that is more than a block;
                0 once it is not any more.

        Raises:
            BadObjectError: The object is not of this format.
        """
        ...

    def record(self, item: Item) -> dict[str, Any] | None:
        """Parse an item; None where nothing is at ``record_location``.

        Raises:
            BadObjectError: The item is not of this format.
        """
        ...

    def text(self, item: Item) -> bytes | None:
        """Return an item's own text as UTF-8; None as with :meth:`record`.

        The text of a JSON record may turn out not to be JSON when it is parsed.

        Raises:
            BadObjectError: It is not UTF-8.
        """
        ...


def reader_for(
    decode: DecodeConfig, *, text_field: str, limits: DecodeLimits = DEFAULT_LIMITS
) -> Reader[Any]:
    """Choose and make the reader of ``decode.format``.

    Args:
        decode: The section ``[decode]``.
        text_field: Field of a record that is a text, or another value without names.
        limits: What an object may take of memory.
    """
    match decode.format:
        case "json":
            return JsonReader(
                charset=decode.charset,
                location=parse_place(decode.record_location),
                is_file_shaped=decode.shape == "file",
                value_field=text_field,
                limits=limits,
            )
        case "csv":
            rows = csv_rows(decode.csv_delimiter, limits)
            return RowReader(decode.charset, decode.csv_columns, rows, limits)
        case "wsv":
            rows = partial(wsv_rows, limits=limits)
            return RowReader(decode.charset, decode.csv_columns, rows, limits)
        case "lines":
            return LineReader(decode.charset, text_field, limits)
