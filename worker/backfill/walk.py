"""The objects that a backfill is asked for, in the order of their keys."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from worker.backfill.listing import pages
from worker.backfill.spans import Span, spans_of_region
from worker.errors import PermanentError
from worker.source.faults import AWS_ERRORS
from worker.source.notifications import EMPTY_OBJECT, FOLDER_MARKER
from worker.source.selection import EXCLUDED_KEY
from worker.source.trail_folders import TrailFolders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from mypy_boto3_s3 import S3Client

    from worker.backfill.delivered import Delivered
    from worker.backfill.listing import BucketLister, Found
    from worker.backfill.request import Request
    from worker.source.selection import Selection

EXCLUDED_FOLDER: Final = "excluded_folder"
ARCHIVED: Final = "archived"
DELIVERED: Final = "delivered_before"


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the way.

    Attributes:
        objects: To be fed.
        left_out: How many others were asked for, by the reason for leaving them out.
        last_key: Nothing up to this one is left to be looked at.
    """

    objects: list[Found]
    left_out: Counter[str]
    last_key: str


@dataclass(slots=True)
class Walk:
    """One way through a bucket; to be gone once.

    Args:
        client: For the bucket.
        lister: The same.
        request: What is asked for.
        selection: The configuration's own rules.
        today: Nothing was delivered on a later day.
        delivered: Knows what the journal has as finished; None: not asked.

    Attributes:
        is_whole: The prefix is no part of CloudTrail's layout, and is listed whole.
            Known once the first leg is there.
        folders_left_out: That no listing went into.
    """

    client: S3Client
    lister: BucketLister
    request: Request
    selection: Selection
    today: date
    delivered: Delivered | None = None
    is_whole: bool = False
    folders_left_out: list[str] = field(default_factory=list)

    def legs(self, after: str = "") -> Iterator[Leg]:
        """Go the way.

        Args:
            after: The ``last_key`` from which to go on; empty: the beginning.

        Raises:
            PermanentError: Accounts or regions are asked for where there are none.
            RetriableError: S3 refuses or fails, or a journal does.
        """
        spans = (span.from_key(after) for span in self._spans()) if after else None
        left = self._spans() if spans is None else filter(None, spans)
        for page in pages(self.lister, left):
            yield self._leg(page)

    def _spans(self) -> Iterator[Span]:
        request = self.request
        try:
            folders = TrailFolders(self.client, request.bucket).of_regions(
                request.prefix,
                kind=None,
                accounts=request.accounts,
                regions=request.regions,
                is_wanted=self._is_wanted,
            )
            if folders is None:
                self._check_whole()
                self.is_whole = True
                yield Span(request.prefix)
            else:
                yield from self._of_regions(folders)
        except AWS_ERRORS as error:
            raise self.lister.fault(error, request.prefix) from error

    def _check_whole(self) -> None:
        """Refuse what only CloudTrail's layout tells."""
        if self.request.accounts or self.request.regions:
            raise PermanentError(
                "no_trail",
                f"{self.request.url}: is no trail down to a region, so --account and "
                "--region mean nothing there: name the bucket, or the prefix before "
                "AWSLogs/",
            )

    def _of_regions(self, folders: Iterable[str]) -> Iterator[Span]:
        for folder in folders:
            yield from spans_of_region(folder, self.request.period, self.today)

    def _is_wanted(self, folder: str) -> bool:
        if not self.selection.leaves_out(folder):
            return True
        self.folders_left_out.append(folder)
        return False

    def _leg(self, page: list[Found]) -> Leg:
        period = self.request.period
        wanted: list[Found] = []
        left_out: Counter[str] = Counter()
        for one in page:
            if not period.holds(one.key, one.modified):
                continue
            reason = self._reason(one)
            if reason:
                left_out[reason] += 1
            else:
                wanted.append(one)
        if self.delivered is not None and wanted:
            finished = self.delivered.of(self.request.bucket, wanted)
            left_out[DELIVERED] += len(finished)
            wanted = [one for one in wanted if one.key not in finished]
        return Leg(wanted, +left_out, page[-1].key)

    def _reason(self, one: Found) -> str:
        """Why an object is left out; empty: it is not."""
        if one.size_bytes == 0:
            return FOLDER_MARKER if one.key.endswith("/") else EMPTY_OBJECT
        if not self.selection.wants(one.key):
            return EXCLUDED_KEY
        return ARCHIVED if one.is_archived else ""
