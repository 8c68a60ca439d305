"""The trail in S3: folders, digests with their signatures, log files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from worker.errors import PermanentError
from worker.source.faults import AWS_ERRORS
from worker.source.notifications import ObjectRef
from worker.source.object_faults import boto3_fault
from worker.source.trail_folders import LOGS, TrailFolders, listing_fault
from worker.verify.digest_key import KIND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from typing_extensions import Buffer

    from worker.source.objects import ObjectReader
    from worker.source.sessions import AwsSession

MAX_LOG_FILE_BYTES: Final = 1 << 30
"""As stored; CloudTrail's own are 50 MB at most."""


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest as it lies in S3.

    Attributes:
        data: As stored.
        metadata: The object's own, which hold the signature.
    """

    data: bytes
    metadata: dict[str, str]


class Store(Protocol):
    """Where a trail lies. Each method raises what :class:`ObjectReader` raises."""

    def region_folders(
        self, prefix: str, *, accounts: Collection[str], regions: Collection[str]
    ) -> list[str]:
        """The folders of digests, one an account and region; also absent ones."""

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """The keys below a prefix that sort after another one, in order."""

    def digest(self, bucket: str, key: str) -> StoredDigest:
        """Read a digest."""

    def log_file(self, bucket: str, key: str) -> Buffer:
        """Read a log file as it is stored. Called from several threads."""


class S3Store:
    """A trail in S3.

    Args:
        session: Whose credentials.
        reader: For log files.
        bucket: The trail's.
    """

    def __init__(self, session: AwsSession, reader: ObjectReader, bucket: str) -> None:
        self._session = session
        self._reader = reader
        self._bucket = bucket
        self._regions: dict[str, str | None] = {}

    def region_folders(
        self, prefix: str, *, accounts: Collection[str], regions: Collection[str]
    ) -> list[str]:
        """See :class:`Store`; regions that have only log files count too.

        Raises:
            PermanentError: The prefix does not lead to a trail's regions.
            AwsError: S3 refuses or fails.
        """
        found: dict[str, None] = {}
        # Either kind may be named; the folders of both are looked for.
        prefix = prefix.replace(f"/{KIND}/", f"/{LOGS}/").removesuffix("/")
        head, _, name = prefix.rpartition("/")
        if name in {KIND, LOGS}:
            prefix = head
        try:
            for kind in (KIND, LOGS):
                of_kind = prefix.replace(f"/{LOGS}/", f"/{kind}/")
                folders = self._folders().of_regions(
                    of_kind, kind=kind, accounts=accounts, regions=regions
                )
                if folders is None:
                    raise PermanentError(
                        "no_trail",
                        f"s3://{self._bucket}/{prefix}: is no trail: name the bucket, "
                        "the prefix before AWSLogs/, an account or a region",
                    )
                for folder in folders:
                    found[folder.replace(f"/{LOGS}/", f"/{KIND}/")] = None
        except AWS_ERRORS as error:
            raise listing_fault(error, self._bucket, prefix) from error
        return [*found]

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """See :class:`Store`."""
        try:
            for one in self._folders().objects(prefix, after=after):
                yield one["Key"]
        except AWS_ERRORS as error:
            raise listing_fault(error, self._bucket, prefix) from error

    def digest(self, bucket: str, key: str) -> StoredDigest:
        """See :class:`Store`."""
        region = self._region(bucket)
        try:
            client = self._session.s3_client(region)
            answer = client.get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as stream:
                return StoredDigest(stream.read(), answer["Metadata"])
        except AWS_ERRORS as error:
            ref = ObjectRef(bucket, key)
            raise boto3_fault(ref, region or self._session.region, error) from error

    def log_file(self, bucket: str, key: str) -> Buffer:
        """See :class:`Store`."""
        region = self._region(bucket)
        return self._reader.read(ObjectRef(bucket, key, region=region)).data

    def _folders(self) -> TrailFolders:
        client = self._session.s3_client(self._region(self._bucket))
        return TrailFolders(client, self._bucket)

    def _region(self, bucket: str) -> str | None:
        if bucket not in self._regions:
            client = self._session.s3_client()
            self._regions[bucket] = TrailFolders(client, bucket).bucket_region()
        return self._regions[bucket]
