"""Objects of S3: small ones read whole, large ones a block at a time.

Each further block is a request of its own, with a range, and only for the object that
the first one was of. So nothing is held open while a receiver takes its time, a failed
read begins where the last one ended, and credentials may change in between.

Source: Amazon S3 API Reference, GetObject.
"""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from worker.errors import (
    AccessDeniedError,
    BadObjectError,
    CommonFaultError,
    DownloadError,
)
from worker.source.deadlines import Deadline
from worker.source.faults import (
    AWS_ERRORS,
    CREDENTIALS_REFUSED,
    NOT_AWS_ERRORS,
    no_aws_answer,
    not_aws_fault,
)
from worker.source.object_faults import (
    BROKEN_OFF,
    SERVER_ERROR,
    SLOW_DOWN,
    WrongRegionError,
    boto3_fault,
    broken_off,
    overwritten,
    refused_at_home,
)
from worker.source.regions import BucketRegions, ask_region
from worker.source.s3_gets import S3Gets, body_of, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSResponse
    from typing_extensions import Buffer

    from worker.config import SourceConfig
    from worker.source.notifications import ObjectRef
    from worker.source.sessions import AwsSession

Result = TypeVar("Result")

WHOLE_BYTES = 8 << 20
"""Larger objects are delivered a block at a time."""

BLOCK_BYTES = 2 << 20
"""Of such an object."""

ANSWER_S: Final = 90.0
"""For an answer of S3, and what is small of it."""

MIN_BYTES_A_SECOND: Final = 50_000
"""What comes more slowly is given up."""

_ATTEMPTS: Final = 3
_FIRST_PAUSE_S: Final = 0.1
_QUICK_S: Final = 5.0  # what failed more slowly is not tried again at once
_TRIED_AGAIN: Final = (BROKEN_OFF, SERVER_ERROR, SLOW_DOWN)


@dataclass(frozen=True, slots=True)
class Body:
    """One object as it is stored.

    Attributes:
        data: All of its bytes, or the first block; a buffer, not always ``bytes``.
        size_bytes: Of all of it.
        etag: Of the answer, without quotes.
        version_id: Of the answer; None where the bucket keeps no versions.
        region: Where it was asked for.
    """

    data: Buffer
    size_bytes: int
    etag: str | None = None
    version_id: str | None = None
    region: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether ``data`` is all of it."""
        return memoryview(self.data).nbytes == self.size_bytes


class ObjectReader:
    """Reads objects; blocks, and is safe to use from many threads.

    Args:
        session: Whose credentials and endpoints.
        source: The section ``[source]``.
        max_bytes: Larger bodies are not read at all; None: no limit.
        whole_bytes: Of larger objects, only the first block is read at first; None:
            all are read whole.
        block_bytes: The size of every block but the last.
    """

    def __init__(
        self,
        session: AwsSession,
        source: SourceConfig,
        *,
        max_bytes: int | None = None,
        whole_bytes: int | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._session = session
        self._expected_owner = source.expected_bucket_owner
        self._max_bytes = max_bytes
        self._whole_bytes = whole_bytes
        self._block_bytes = block_bytes
        self._gets = S3Gets(session, expected_owner=source.expected_bucket_owner)
        self._regions = BucketRegions()

    def read(self, ref: ObjectRef) -> Body:
        """Read one object, in the version that the notification names, if it does.

        Of one above ``whole_bytes`` only the first block; :meth:`read_more` goes on
        from there.

        It is asked for in the region that the notification names, else in the queue's.
        Where S3 says that the bucket is in another, that one is remembered, and asked
        once.

        Raises:
            MissingObjectError: There is no such key or version.
            AccessDeniedError: S3 refuses, or hides that there is no such key.
            DownloadError: Broken off, too slow, or S3 failed, a few times.
            CommonFaultError: Credentials, KMS, or S3 cannot be reached at all.
            BadObjectError: It is larger than ``max_bytes``.
        """
        learned = self._regions.get(ref.bucket)
        region = self.region_of(ref)
        try:
            return self._read_in(ref, region)
        except WrongRegionError as error:
            found = self._found_region(ref.bucket, region, error.region)
            if found in (None, region):
                raise
        except AccessDeniedError:
            # As some endpoints refuse what is signed for another region. Not worth a
            # question where the region is known.
            if learned or ref.region:
                raise
            found = self._found_region(ref.bucket, region, None)
            self._regions.learn(ref.bucket, found or region)
            if found in (None, region):
                raise
        try:
            return self._read_in(ref, found)
        except WrongRegionError as error:
            raise refused_at_home(ref, found) from error

    def region_of(self, ref: ObjectRef) -> str:
        """Where an object is asked for, as far as that is known."""
        return self._regions.get(ref.bucket) or ref.region or self._session.region

    def _found_region(self, bucket: str, asked: str, named: str | None) -> str | None:
        """Where a bucket is, if that can be found out; remembered."""
        learned = self._regions.get(bucket)
        if learned not in (None, asked):
            return learned  # by another thread, meanwhile
        region = named or ask_region(
            self._session.s3_client(asked), bucket, expected_owner=self._expected_owner
        )
        if region:
            self._regions.learn(bucket, region)
        return region

    def read_more(self, ref: ObjectRef, body: Body, begin: int) -> Buffer:
        """Read the next block of a large object.

        Args:
            ref: What was read.
            body: What :meth:`read` gave.
            begin: Of the block; below the object's size.

        Returns:
            One byte at least.

        Raises:
            OverwrittenError: The object is not the same any more.
            RetriableError: As :meth:`read` does.
        """
        region = body.region or self._session.region
        return self._trying(ref, lambda: self._read_block(ref, region, body, begin))

    def _read_in(self, ref: ObjectRef, region: str) -> Body:
        return self._trying(ref, lambda: self._read_begin(ref, region))

    def _read_begin(self, ref: ObjectRef, region: str) -> Body:
        with Deadline(ANSWER_S) as deadline:
            response = self._gets.get(ref, region)
            with closing(response.raw):
                etag = _unquoted(response.headers.get("etag"))
                if not etag:
                    raise no_aws_answer(f"cannot read {ref.url}", "it has no ETag")
                size_bytes = size_of(ref, response)
                self._check_size(ref, size_bytes)
                is_large = self._is_large(size_bytes, ref.size_bytes)
                wanted_bytes = self._block_bytes if is_large else size_bytes
                deadline.extend(wanted_bytes / MIN_BYTES_A_SECOND)
                stream = body_of(response, size_bytes)
                data = stream.read(wanted_bytes if is_large else None)
        version_id = response.headers.get("x-amz-version-id")
        return Body(data, size_bytes, etag, version_id, region)

    def _read_block(
        self, ref: ObjectRef, region: str, body: Body, begin: int
    ) -> Buffer:
        end = min(begin + self._block_bytes, body.size_bytes)
        more = {"range": f"bytes={begin}-{end - 1}", "if-match": f'"{body.etag}"'}
        with Deadline(ANSWER_S + self._block_bytes / MIN_BYTES_A_SECOND):
            response = self._gets.get(ref, region, more=more)
            with closing(response.raw):
                _check_range(ref, body, begin, response)
                data: bytes = body_of(response, size_of(ref, response)).read()
        if not data:
            raise broken_off(ref, "nothing came")
        return data

    def _trying(self, ref: ObjectRef, read: Callable[[], Result]) -> Result:
        """Read, and again where that may help at once."""
        pause_s = _FIRST_PAUSE_S
        for _ in range(_ATTEMPTS - 1):
            began_at = time.monotonic()
            try:
                with self._faults(ref):
                    return read()
            except DownloadError as error:
                is_slow = time.monotonic() - began_at > _QUICK_S
                if is_slow or error.code not in _TRIED_AGAIN:
                    raise
            time.sleep(pause_s)
            pause_s *= 2
        with self._faults(ref):
            return read()

    @contextmanager
    def _faults(self, ref: ObjectRef) -> Iterator[None]:
        """Translate what a read raises, and draw the conclusions."""
        try:
            yield
        except AWS_ERRORS as error:
            raise boto3_fault(ref, ref.region or "", error) from error
        except CommonFaultError as error:
            if error.code == CREDENTIALS_REFUSED:
                self._session.renew_credentials()
            raise
        except NOT_AWS_ERRORS as error:
            raise not_aws_fault(error, f"cannot read {ref.url}") from error

    def _is_large(self, size_bytes: int, announced_bytes: int | None) -> bool:
        """Whether an object is read in blocks.

        One that is larger than its notification says was not reckoned with: it is so
        above a single block already.
        """
        if self._whole_bytes is None:
            return False
        if size_bytes <= (announced_bytes or 0):
            return size_bytes > self._whole_bytes
        return size_bytes > min(self._whole_bytes, self._block_bytes)

    def _check_size(self, ref: ObjectRef, size_bytes: int) -> None:
        if self._max_bytes is not None and size_bytes > self._max_bytes:
            raise BadObjectError(
                "over_max_bytes",
                f"{ref.url}: its {size_bytes:,} bytes are more than "
                "decode.max_object_bytes allows",
            )


def _check_range(ref: ObjectRef, body: Body, begin: int, response: AWSResponse) -> None:
    """Make sure that an answer has the wanted bytes, of the same object."""
    found = response.headers.get("content-range") or ""
    if not found.startswith(f"bytes {begin}-"):
        raise broken_off(ref, f"not the wanted range came but {found or 'all of it'}")
    size = found.rpartition("/")[2]
    etag = _unquoted(response.headers.get("etag"))
    if (etag, size) != (body.etag, str(body.size_bytes)):
        raise overwritten(ref)


def _unquoted(etag: str | None) -> str | None:
    return etag.strip('"') if etag else None
