"""A whole trail: every account, region and chain of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from worker.errors import PermanentError
from worker.source.trail_folders import LOGS
from worker.verify.chain import ChainWalk, gap, moment
from worker.verify.coverage import MARGIN, Coverage
from worker.verify.digest_key import KIND, parse_digest_key
from worker.verify.finding import Fault, Finding, Totals
from worker.verify.log_files import check_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from worker.verify.bucket import Store
    from worker.verify.digest import Digest, NamedFile
    from worker.verify.digest_key import Chain, DigestKey
    from worker.verify.public_keys import PublicKeys

LATE: Final = timedelta(hours=2)
"""A digest covers an hour; it is there at the latest this long after its beginning and
that hour. None later than this tells that some were removed."""


class Progress(Protocol):
    """Told how far it is."""

    def folder(self, url: str) -> None:
        """The next account and region."""

    def found(self, files_count: int) -> None:
        """So many more log files are to be checked."""

    def checked(self) -> None:
        """One of them is."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is asked for, in UTC.

    Attributes:
        since: None: from the trail's beginning.
        until: Log files that were delivered before then.
    """

    since: datetime | None
    until: datetime

    def holds(self, digest: Digest) -> bool:
        """Whether a digest covers a part of it."""
        is_late_enough = self.since is None or digest.end > self.since
        return is_late_enough and digest.start < self.until


class Verification:
    """Verifies what is below one prefix.

    Args:
        store: Where the trail lies.
        keys: CloudTrail's.
        bucket: The trail's.
        period: What is asked for.
        now: Wall time, UTC.
        progress: Told how far it is.
    """

    def __init__(
        self,
        store: Store,
        keys: PublicKeys,
        bucket: str,
        period: Period,
        *,
        now: datetime,
        progress: Progress,
    ) -> None:
        self._store = store
        self._keys = keys
        self._bucket = bucket
        self._period = period
        self._now = now
        self._progress = progress
        self.totals = Totals()

    def findings(
        self, prefix: str, *, accounts: Collection[str], regions: Collection[str]
    ) -> Iterator[Finding]:
        """Yield everything that is wrong; :attr:`totals` is whole after the last.

        Raises:
            PermanentError: There is no trail.
            RetriableError: S3 or CloudTrail cannot be reached, or refuses.
        """
        folders = self._store.region_folders(prefix, accounts=accounts, regions=regions)
        for folder in folders:
            self._progress.folder(f"s3://{self._bucket}/{folder}")
            for finding in self._folder(folder):
                self.totals.findings_count += 1
                yield finding
        if not self.totals.chains_count and not self.totals.findings_count:
            raise PermanentError(
                "no_digests",
                f"s3://{self._bucket}/{prefix}: there are no digests: is the trail's "
                "log file validation on?",
            )

    def _folder(self, folder: str) -> Iterator[Finding]:
        """One account in one region."""
        logs = folder.replace(f"/{KIND}/", f"/{LOGS}/")
        coverage = Coverage(self._bucket, logs)
        chains = self._chains(folder)
        for listed in chains.values():
            yield from self._chain(listed, coverage)
        since, until = self._period.since, self._period.until
        if not chains:
            if next(self._keys_of_days(logs, since, until), None) is not None:
                yield gap(self._bucket, folder, "there are log files, and no digests")
            return
        files = self._keys_of_days(logs, since, until)
        for key in coverage.unnamed(files, since, until):
            yield Finding(
                Fault.ADDED, f"s3://{self._bucket}/{key}", "no digest names it"
            )

    def _chains(self, folder: str) -> dict[Chain, list[DigestKey]]:
        """The digests that may tell of the period, newest first."""
        since = self._period.since and self._period.since - MARGIN
        until = self._period.until + LATE
        chains: dict[Chain, list[DigestKey]] = defaultdict(list)
        for key in self._keys_of_days(folder, since, until):
            digest = parse_digest_key(key)
            if digest is None or digest.end > until:
                continue
            if since is None or digest.end > since:
                chains[digest.chain].append(digest)
        for listed in chains.values():
            listed.sort(key=lambda one: one.end, reverse=True)
        return chains

    def _keys_of_days(
        self, prefix: str, since: datetime | None, until: datetime
    ) -> Iterator[str]:
        """The keys in the folders of the days from one time to another."""
        after = f"{prefix}{since:%Y/%m/%d}/" if since else ""
        last = f"{prefix}{until:%Y/%m/%d}0"  # "0" sorts right after "/"
        for key in self._store.keys(prefix, after=after):
            if key > last:
                return
            yield key

    def _chain(
        self, listed: Sequence[DigestKey], coverage: Coverage
    ) -> Iterator[Finding]:
        self.totals.chains_count += 1
        since = self._period.since and self._period.since - MARGIN
        walk = ChainWalk(self._store, self._keys, self._bucket, listed, since)
        for step in walk.steps():
            if isinstance(step, Finding):
                yield step
                continue
            coverage.add(step)
            if self._period.holds(step):
                self.totals.digests_count += 1
                yield from self._log_files(step.log_files)
        chain = listed[0].chain
        wanted = min(self._period.until, self._now - LATE)
        if not chain.is_backfill and listed[0].end < wanted:
            yield gap(
                self._bucket,
                chain.digests_prefix,
                f"trail {chain.trail} has no digest after {moment(listed[0].end)}: it "
                "was stopped, or they were removed",
            )

    def _log_files(self, files: Sequence[NamedFile]) -> Iterator[Finding]:
        self._progress.found(len(files))
        for finding in check_all(self._store, files):
            self.totals.log_files_count += 1
            self._progress.checked()
            if finding is not None:
                yield finding
