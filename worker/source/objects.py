"""Objects of S3: small ones read whole, large ones a block at a time.

Each further block is a request of its own, with a range, and only for the object that
the first one was of. So nothing is held open while a receiver takes its time, a failed
read begins where the last one ended, and credentials may change in between.

obstore reads at a twentieth of what boto3 costs. What it cannot do goes through
boto3: keys that it would change, and requests that name the bucket's owner.

Source: Amazon S3 API Reference, GetObject.
"""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, UnauthenticatedError

from worker.errors import AccessDeniedError, BadObjectError, CommonFaultError
from worker.source.faults import (
    AWS_ERRORS,
    CREDENTIALS_REFUSED,
    NOT_AWS_ERRORS,
    no_aws_answer,
    not_aws_fault,
)
from worker.source.object_faults import (
    WrongRegionError,
    boto3_fault,
    broken_off,
    obstore_fault,
    overwritten,
    refused_at_home,
)
from worker.source.regions import BucketRegions, ask_region
from worker.source.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, GetObjectRequestTypeDef
    from obstore import GetOptions
    from typing_extensions import Buffer

    from worker.config import SourceConfig
    from worker.errors import RetriableError
    from worker.source.notifications import ObjectRef
    from worker.source.sessions import AwsSession

WHOLE_BYTES = 8 << 20
"""Larger objects are delivered a block at a time."""

BLOCK_BYTES = 2 << 20
"""Of such an object."""

# An empty, "." or ".." segment, or a control character.
_CHANGED_BY_OBSTORE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\x7f]")


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
        self._stores = Stores(session)
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
            DownloadError: Broken off, too slow, or S3 failed; boto3's and obstore's own
                few attempts are over by then.
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
            # obstore follows S3's temporary redirects without signing anew, which ends
            # like this. Not worth a question where the region is known.
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
            self._stores.forget((bucket, asked))
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
        if self._is_for_boto3(ref):
            return self._read_more_by_boto3(ref, region, body, begin)
        try:
            return self._read_more_by_obstore(ref, region, body, begin)
        except (*AWS_ERRORS, BaseError, OSError) as error:
            raise self._fault(ref, region, error) from error

    def _is_for_boto3(self, ref: ObjectRef) -> bool:
        return bool(self._expected_owner) or is_changed_by_obstore(ref.key)

    def _read_in(self, ref: ObjectRef, region: str) -> Body:
        if self._is_for_boto3(ref):
            return self._read_by_boto3(ref, region)
        try:
            return self._read_by_obstore(ref, region)
        except (*AWS_ERRORS, BaseError, OSError) as error:
            raise self._fault(ref, region, error) from error

    def _fault(self, ref: ObjectRef, region: str, error: Exception) -> RetriableError:
        """Translate what came out of obstore, and draw the conclusions."""
        if isinstance(error, AWS_ERRORS):
            return boto3_fault(ref, region, error)
        if isinstance(error, UnauthenticatedError):
            # The provider's own error, which obstore buries in text.
            self._session.credential()
        fault = obstore_fault(ref, region, error)
        if isinstance(fault, CommonFaultError):
            # Refused credentials must not be remembered.
            self._stores.forget((ref.bucket, region))
            if fault.code == CREDENTIALS_REFUSED:
                self._session.renew_credentials()
        return fault

    # obstore ----------------------------------------------------------------------

    def _read_by_obstore(self, ref: ObjectRef, region: str) -> Body:
        store = self._stores.get((ref.bucket, region))
        options: GetOptions = {"version": ref.version_id} if ref.version_id else {}
        result = obstore.get(store, ref.key, options=options)
        meta = result.meta
        size_bytes = meta["size"]
        _check_answer(ref, meta["e_tag"])
        self._check_size(ref, size_bytes)
        data: Buffer
        if self._is_large(size_bytes):
            data = next(result.stream(self._block_bytes), b"")
        else:
            data = result.bytes()
            if len(data) != size_bytes:
                raise broken_off(ref, f"{len(data)} of {size_bytes} bytes came")
        etag = _unquoted(meta["e_tag"])
        return Body(data, size_bytes, etag, meta["version"], region)

    def _read_more_by_obstore(
        self, ref: ObjectRef, region: str, body: Body, begin: int
    ) -> Buffer:
        store = self._stores.get((ref.bucket, region))
        options: GetOptions = {
            "range": (begin, min(begin + self._block_bytes, body.size_bytes)),
            "if_match": f'"{body.etag}"',
        }
        if ref.version_id:
            options["version"] = ref.version_id
        result = obstore.get(store, ref.key, options=options)
        meta = result.meta
        if (_unquoted(meta["e_tag"]), meta["size"]) != (body.etag, body.size_bytes):
            raise overwritten(ref)
        data = result.bytes()
        if not len(data):
            raise broken_off(ref, "nothing came")
        return data

    # boto3 ------------------------------------------------------------------------

    def _request(self, ref: ObjectRef) -> GetObjectRequestTypeDef:
        request: GetObjectRequestTypeDef = {"Bucket": ref.bucket, "Key": ref.key}
        if ref.version_id:
            request["VersionId"] = ref.version_id
        if self._expected_owner:
            request["ExpectedBucketOwner"] = self._expected_owner
        return request

    def _read_by_boto3(self, ref: ObjectRef, region: str) -> Body:
        with self._boto3_faults(ref, region):
            response = self._session.s3_client(region).get_object(**self._request(ref))
            with closing(response["Body"]) as stream:
                _check_answer(ref, response.get("ETag"))
                size_bytes = response["ContentLength"]
                self._check_size(ref, size_bytes)
                is_large = self._is_large(size_bytes)
                data = stream.read(self._block_bytes if is_large else None)
        etag = _unquoted(response.get("ETag"))
        return Body(data, size_bytes, etag, response.get("VersionId"), region)

    def _read_more_by_boto3(
        self, ref: ObjectRef, region: str, body: Body, begin: int
    ) -> Buffer:
        request = self._request(ref)
        end = min(begin + self._block_bytes, body.size_bytes)
        request["Range"] = f"bytes={begin}-{end - 1}"
        request["IfMatch"] = f'"{body.etag}"'
        with self._boto3_faults(ref, region):
            response = self._session.s3_client(region).get_object(**request)
            with closing(response["Body"]) as stream:
                _check_range(ref, body, begin, response)
                data = stream.read()
        if not data:
            raise broken_off(ref, "nothing came")
        return data

    @contextmanager
    def _boto3_faults(self, ref: ObjectRef, region: str) -> Iterator[None]:
        try:
            yield
        except AWS_ERRORS as error:
            raise boto3_fault(
                ref, region, error, expected_owner=self._expected_owner
            ) from error
        except NOT_AWS_ERRORS as error:
            raise not_aws_fault(error, f"cannot read {ref.url}") from error

    def _is_large(self, size_bytes: int) -> bool:
        return self._whole_bytes is not None and size_bytes > self._whole_bytes

    def _check_size(self, ref: ObjectRef, size_bytes: int) -> None:
        if self._max_bytes is not None and size_bytes > self._max_bytes:
            raise BadObjectError(
                "over_max_bytes",
                f"{ref.url}: its {size_bytes:,} bytes are more than "
                "decode.max_object_bytes allows",
            )


def _check_answer(ref: ObjectRef, etag: str | None) -> None:
    if not etag:
        raise no_aws_answer(f"cannot read {ref.url}", "it has no ETag")


def _check_range(
    ref: ObjectRef, body: Body, begin: int, response: GetObjectOutputTypeDef
) -> None:
    """Make sure that an answer has the wanted bytes, of the same object."""
    found = response.get("ContentRange") or ""
    if not found.startswith(f"bytes {begin}-"):
        raise broken_off(ref, f"not the wanted range came but {found or 'all of it'}")
    size = found.rpartition("/")[2]
    if (_unquoted(response.get("ETag")), size) != (body.etag, str(body.size_bytes)):
        raise overwritten(ref)


def is_changed_by_obstore(key: str) -> bool:
    """Whether obstore would ask for another key, or for none.

    It strips a slash from either end, and refuses empty, ``.`` and ``..`` segments and
    control characters.
    """
    return _CHANGED_BY_OBSTORE.search(key) is not None


def _unquoted(etag: str | None) -> str | None:
    return etag.strip('"') if etag else None
