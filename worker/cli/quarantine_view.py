"""How the quarantine's items are shown to people."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.deliver.quarantine import QuarantineItem

_KIB = 1024


def table_of(items: Sequence[QuarantineItem]) -> Iterator[str]:
    """One line an item, in the given order, under a line of headings.

    What can be long comes last and is not cut, so that lines can be searched.
    """
    rows = [("id", "when (UTC)", "code", "size", "object or message")]
    for item in items:
        size = "-" if item.body_bytes is None else size_text(item.body_bytes)
        when = f"{item.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        rows.append((item.id, when, printable(item.code), size, item.subject))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *cells, subject in rows:
        padded = map(str.ljust, cells, widths)
        yield f"{'  '.join(padded)}  {printable(subject)}"


def lines_of(item: QuarantineItem) -> Iterator[str]:
    """The whole item, a line each."""
    for name, value in _facts(item):
        yield f"{name:<14}{printable(value)}"


def _facts(item: QuarantineItem) -> Iterator[tuple[str, str]]:
    yield "id", item.id
    yield "when", item.at.astimezone(UTC).isoformat()
    yield "code", item.code
    yield "reason", item.sentence
    yield "trailfeed", item.version
    if (ref := item.object) is not None:
        yield "object", ref.url
        for name, value in (
            ("version", ref.version_id),
            ("etag", ref.etag),
            ("region", ref.region),
            ("size", None if ref.size_bytes is None else size_text(ref.size_bytes)),
            ("run id", ref.run_id),
        ):
            if value:
                yield f"  {name}", value
    if item.record_index is not None:
        yield "record", f"number {item.record_index} of the object, from 0"
    if item.body_bytes is not None:
        yield "stored", f"{size_text(item.body_bytes)} (--body writes them out)"
    message = item.message
    yield "message", message.id
    if message.sent_at is not None:
        yield "  sent", message.sent_at.astimezone(UTC).isoformat()
    yield "  received", f"{message.receive_count} times, from {item.queue_url}"
    yield "  body", message.body


def size_text(size_bytes: int) -> str:
    """As in ``1.5 MiB``."""
    size: float = size_bytes
    for unit in ("bytes", "KiB", "MiB"):
        if size < _KIB:
            return f"{size:.4g} {unit}"
        size /= _KIB
    return f"{size:.4g} GiB"
