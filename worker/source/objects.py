"""Objects of S3, read whole.

obstore reads them at a twentieth of what boto3 costs. What it cannot do goes through
boto3: keys that it would change, and requests that name the bucket's owner.

Source: Amazon S3 API Reference, GetObject.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, UnauthenticatedError
from obstore.store import S3Store

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
    refused_at_home,
)
from worker.source.recent import Recent
from worker.source.regions import BucketRegions, ask_region
from worker.source.sessions import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, user_agent

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef
    from obstore import GetOptions
    from obstore.store import ClientConfig
    from typing_extensions import Buffer

    from worker.config import SourceConfig
    from worker.source.notifications import ObjectRef
    from worker.source.sessions import AwsSession

_MAX_STORES = 64  # each with connections of its own
_MAX_RETRIES = 3
_RETRY_TIMEOUT = timedelta(seconds=15)
_FIRST_BACKOFF = timedelta(milliseconds=100)
_MAX_BACKOFF = timedelta(seconds=2)
_NO_TOTAL_TIMEOUT = timedelta(days=1)  # 30 s by default, too short for a large object

# An empty, "." or ".." segment, or a control character.
_CHANGED_BY_OBSTORE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Body:
    """One object as it is stored.

    Attributes:
        data: All of its bytes; a buffer, not always ``bytes``.
        etag: Of the answer, without quotes.
        version_id: Of the answer; None where the bucket keeps no versions.
        region: Where it was asked for.
    """

    data: Buffer
    size_bytes: int
    etag: str | None = None
    version_id: str | None = None
    region: str | None = None


class ObjectReader:
    """Reads objects; blocks, and is safe to use from many threads.

    Args:
        session: Whose credentials and endpoints.
        source: The section ``[source]``.
        max_bytes: Larger bodies are not read at all; None: no limit.
    """

    def __init__(
        self, session: AwsSession, source: SourceConfig, *, max_bytes: int | None = None
    ) -> None:
        self._session = session
        self._expected_owner = source.expected_bucket_owner
        self._max_bytes = max_bytes
        self._stores = Recent(self._new_store, limit=_MAX_STORES)
        self._regions = BucketRegions()
        self._client_options: ClientConfig = {
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "read_timeout": timedelta(seconds=READ_TIMEOUT_S),
            "timeout": _NO_TOTAL_TIMEOUT,
            "user_agent": user_agent(),
        }
        if session.ca_bundle:
            self._client_options["root_certificate"] = session.ca_bundle

    def read(self, ref: ObjectRef) -> Body:
        """Read one object, in the version that the notification names, if it does.

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

    def _read_in(self, ref: ObjectRef, region: str) -> Body:
        if self._expected_owner or is_changed_by_obstore(ref.key):
            return self._read_by_boto3(ref, region)
        try:
            return self._read_by_obstore(ref, region)
        except AWS_ERRORS as error:
            raise boto3_fault(ref, region, error) from error
        except (BaseError, OSError) as error:
            if isinstance(error, UnauthenticatedError):
                # The provider's own error, which obstore buries in text.
                self._session.credential()
            fault = obstore_fault(ref, region, error)
            if isinstance(fault, CommonFaultError):
                # Refused credentials must not be remembered.
                self._stores.forget((ref.bucket, region))
                if fault.code == CREDENTIALS_REFUSED:
                    self._session.renew_credentials()
            raise fault from error

    def _read_by_obstore(self, ref: ObjectRef, region: str) -> Body:
        store = self._stores.get((ref.bucket, region))
        options: GetOptions = {"version": ref.version_id} if ref.version_id else {}
        result = obstore.get(store, ref.key, options=options)
        meta = result.meta
        _check_answer(ref, meta["e_tag"])
        self._check_size(ref, meta["size"])
        data = result.bytes()
        if len(data) != meta["size"]:
            raise broken_off(ref, f"{len(data)} of {meta['size']} bytes came")
        etag = _unquoted(meta["e_tag"])
        return Body(data, len(data), etag, meta["version"], region)

    def _read_by_boto3(self, ref: ObjectRef, region: str) -> Body:
        request: GetObjectRequestTypeDef = {"Bucket": ref.bucket, "Key": ref.key}
        if ref.version_id:
            request["VersionId"] = ref.version_id
        if self._expected_owner:
            request["ExpectedBucketOwner"] = self._expected_owner
        try:
            response = self._session.s3_client(region).get_object(**request)
            with closing(response["Body"]) as stream:
                _check_answer(ref, response.get("ETag"))
                self._check_size(ref, response["ContentLength"])
                data = stream.read()
        except AWS_ERRORS as error:
            raise boto3_fault(
                ref, region, error, expected_owner=self._expected_owner
            ) from error
        except NOT_AWS_ERRORS as error:
            raise not_aws_fault(error, f"cannot read {ref.url}") from error
        etag = _unquoted(response.get("ETag"))
        return Body(data, len(data), etag, response.get("VersionId"), region)

    def _check_size(self, ref: ObjectRef, size_bytes: int) -> None:
        if self._max_bytes is not None and size_bytes > self._max_bytes:
            raise BadObjectError(
                "over_max_bytes",
                f"{ref.url}: its {size_bytes:,} bytes are more than "
                "decode.max_object_bytes allows",
            )

    def _new_store(self, bucket_and_region: tuple[str, str]) -> S3Store:
        bucket, region = bucket_and_region
        # boto3 knows each partition's and each environment's endpoint.
        endpoint_url = self._session.s3_client(region).meta.endpoint_url
        return S3Store(
            bucket,
            config={
                "region": region,
                "endpoint": endpoint_url,
                # Else the environment would win over what was just said.
                "aws_endpoint_url_s3": endpoint_url,
                "virtual_hosted_style_request": False,
                "skip_signature": False,
            },
            client_options={
                **self._client_options,
                "allow_http": endpoint_url.startswith("http://"),
            },
            retry_config={
                "max_retries": _MAX_RETRIES,
                "retry_timeout": _RETRY_TIMEOUT,
                "backoff": {
                    "init_backoff": _FIRST_BACKOFF,
                    "max_backoff": _MAX_BACKOFF,
                    "base": 2,
                },
            },
            credential_provider=self._session.credential,
        )


def _check_answer(ref: ObjectRef, etag: str | None) -> None:
    if not etag:
        raise no_aws_answer(f"cannot read {ref.url}", "it has no ETag")


def is_changed_by_obstore(key: str) -> bool:
    """Whether obstore would ask for another key, or for none.

    It strips a slash from either end, and refuses empty, ``.`` and ``..`` segments and
    control characters.
    """
    return _CHANGED_BY_OBSTORE.search(key) is not None


def _unquoted(etag: str | None) -> str | None:
    return etag.strip('"') if etag else None
