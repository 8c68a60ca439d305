"""``format = "lines"``: each line is a record. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.decode.limits import DEFAULT_LIMITS
from worker.decode.text import characters, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from worker.decode.limits import DecodeLimits


class LineReader:
    r"""One record a line, empty ones included; a ``\r`` before the ``\n`` is no part.

    Args:
        charset: Of the text.
        field: The record's only field, which holds the line.
        limits: How long a line may be.
    """

    def __init__(
        self, charset: str, field: str, limits: DecodeLimits = DEFAULT_LIMITS
    ) -> None:
        self._charset = charset
        self._limits = limits
        self._field = field

    def items(
        self, blocks: Iterable[bytes], holds: Callable[[int], None]
    ) -> Generator[str | None]:
        """Yield the lines; see :class:`worker.decode.reader.Reader`."""
        texts = characters(blocks, self._charset)
        for line in lines(texts, holds, self._limits):
            yield line.removesuffix("\r") if line is not None else None

    def record(self, item: str) -> dict[str, Any]:
        """Return the record of a line."""
        return {self._field: item}

    def text(self, item: str) -> bytes:
        """Return a line as UTF-8."""
        return item.encode()
