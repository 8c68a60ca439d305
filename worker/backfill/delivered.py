"""What was delivered before, as the journals remember it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.deliver.journal_batch import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.backfill.listing import Found
    from worker.deliver.journal_lookup import JournalLookup


class Delivered:
    """Asks every journal, for what S3 announced and for what backfills fed.

    Args:
        journals: Each with the runs that it may know; the empty one is S3's own.
    """

    def __init__(self, journals: Sequence[tuple[JournalLookup, Sequence[str]]]) -> None:
        self._journals = journals

    def of(self, bucket: str, objects: Sequence[Found]) -> set[str]:
        """The keys of those that were delivered whole, in the state they are in now.

        Raises:
            JournalError: A journal cannot be read.
        """
        finished: set[str] = set()
        for journal, run_ids in self._journals:
            for run_id in run_ids:
                asked = {
                    one
                    for found in objects
                    if found.key not in finished
                    for one in _keys(bucket, found, run_id)
                }
                finished.update(one.key for one in journal.finished(asked))
        return finished


def _keys(bucket: str, found: Found, run_id: str) -> list[ObjectKey]:
    """What the journal may know an object by: its version, or its ETag."""
    by_version = ObjectKey.of(
        bucket, found.key, version_id=found.version_id or "", etag="", run_id=run_id
    )
    by_etag = ObjectKey.of(
        bucket, found.key, version_id="", etag=found.etag, run_id=run_id
    )
    # With a version of its own, the same bytes written again are another object.
    known = by_version or by_etag
    return [known] if known is not None else []
