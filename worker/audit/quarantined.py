"""A quarantine's objects as files to ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.audit.places import Place
from worker.audit.trail import delivered_at
from worker.deliver.quarantine_items import KeptItems
from worker.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.audit.question import Question

SOURCE: Final = "quarantine:"
"""Before the state directory."""


def quarantined_places(
    source: str, question: Question, *, report: Callable[[str], None]
) -> Iterator[Place]:
    """The objects that were kept whole in ``quarantine:DIR``.

    Args:
        source: With the directory that ``[state] dir`` names.
        question: Objects that were delivered before its time are left out.
        report: Told, a sentence each, of what cannot be asked.

    Raises:
        PermanentError: There is no quarantine.
        RetriableError: The disk refuses.
    """
    folder = Path(source.removeprefix(SOURCE)) / "quarantine"
    if not folder.is_dir():
        raise PermanentError(
            "no_such_file",
            f"{source}: there is no {folder}: name what [state] dir says, as in "
            f"{SOURCE}/var/lib/trailfeed",
        )
    kept = KeptItems(folder)
    left_out_count = 0
    for item in kept.items(report):
        if (
            item.object is None
            or item.body_bytes is None
            or (item.record_index is not None)
        ):
            left_out_count += 1
            continue
        delivered = delivered_at(item.object.key.rpartition("/")[2])
        if delivered and question.since and delivered < question.since:
            continue
        yield Place(
            str(kept.body_path(item.id)),
            size_bytes=item.body_bytes,
            delivered_at=delivered,
            title=f"{item.object.url} (quarantined as {item.id})",
        )
    if left_out_count:
        report(
            f"{source}: {left_out_count:,} items hold no object: they are messages, "
            "objects that were never read, or single records"
        )
