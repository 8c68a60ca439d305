"""A bucket in memory, and what verification finds in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fakes.digest_chain import (
    BEGIN,
    BUCKET,
    HOUR,
    REGION,
    fingerprint,
    public_key,
)
from worker.errors import MissingObjectError
from worker.verify.bucket import StoredDigest
from worker.verify.verification import Period, Verification

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from worker.verify.finding import Fault, Finding, Totals


HOURS = 5
NOW = BEGIN + HOURS * HOUR + timedelta(minutes=30)


class MemoryStore:
    """A bucket as a dict."""

    def __init__(self, objects: dict[str, tuple[bytes, dict[str, str]]]) -> None:
        self.objects = objects
        self.errors: dict[str, Exception] = {}

    def region_folders(
        self, prefix: str, *, accounts: Collection[str], regions: Collection[str]
    ) -> list[str]:
        del prefix, accounts, regions
        folders = {"/".join(key.split("/")[:4]) + "/" for key in self.objects}
        return sorted(
            {one.replace("/CloudTrail/", "/CloudTrail-Digest/") for one in folders}
        )

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        return iter(
            sorted(
                key for key in self.objects if key.startswith(prefix) and key > after
            )
        )

    def digest(self, bucket: str, key: str) -> StoredDigest:
        return StoredDigest(*self._stored(bucket, key))

    def log_file(self, bucket: str, key: str) -> bytes:
        return self._stored(bucket, key)[0]

    def _stored(self, bucket: str, key: str) -> tuple[bytes, dict[str, str]]:
        if key in self.errors:
            raise self.errors[key]
        if bucket != BUCKET or key not in self.objects:
            raise MissingObjectError("missing_object", f"s3://{bucket}/{key}: none")
        return self.objects[key]


class OneKey:
    """Keys by fingerprint; remembers when they were asked for."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []

    def find(self, wanted: str, *, region: str, at: datetime) -> bytes | None:
        assert region == REGION
        self.asked.append(at)
        return {fingerprint(n): public_key(n) for n in (0, 1)}.get(wanted)


class Silence:
    def folder(self, url: str) -> None: ...
    def found(self, files_count: int) -> None: ...
    def checked(self) -> None: ...


def verify(
    store: MemoryStore,
    *,
    since: datetime | None = None,
    until: datetime = NOW,
    keys: OneKey | None = None,
) -> tuple[list[Finding], Totals]:
    verification = Verification(
        store,
        keys or OneKey(),
        BUCKET,
        Period(since, until),
        now=NOW,
        progress=Silence(),
    )
    found = [*verification.findings("", accounts=(), regions=())]
    return found, verification.totals


def told(found: list[Finding]) -> list[tuple[Fault, str]]:
    return [(one.fault, one.subject.removeprefix(f"s3://{BUCKET}/")) for one in found]
