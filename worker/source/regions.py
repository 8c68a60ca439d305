"""Which region a bucket is in, where its notification does not say or is wrong.

Source: Amazon S3 API Reference, HeadBucket (``x-amz-bucket-region`` comes with every
answer, a refusal too) and "Error responses" (``PermanentRedirect``,
``AuthorizationHeaderMalformed``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from worker.source.faults import AWS_ERRORS, NOT_AWS_ERRORS
from worker.source.notifications.fields import region as region_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadBucketRequestTypeDef

_MAX_BUCKETS = 1024  # notifications name them
_HEADER = "x-amz-bucket-region"


class BucketRegions:
    """What was learned of buckets' regions; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._regions: OrderedDict[str, str] = OrderedDict()

    def get(self, bucket: str) -> str | None:
        """The region of a bucket, where it was learned."""
        with self._lock:
            return self._regions.get(bucket)

    def learn(self, bucket: str, region: str) -> None:
        """Remember a region, and forget the one that was learned first."""
        with self._lock:
            self._regions[bucket] = region
            self._regions.move_to_end(bucket)
            if len(self._regions) > _MAX_BUCKETS:
                self._regions.popitem(last=False)


def ask_region(client: S3Client, bucket: str, *, expected_owner: str) -> str | None:
    """Ask S3 where a bucket is; None where that stays unknown.

    Args:
        client: Of any region.
        bucket: Its name.
        expected_owner: Account id that must own it; empty: any.
    """
    request: HeadBucketRequestTypeDef = {"Bucket": bucket}
    if expected_owner:
        request["ExpectedBucketOwner"] = expected_owner
    try:
        return region_in(client.head_bucket(**request))
    except ClientError as error:
        return region_in(error.response)
    except (*AWS_ERRORS, *NOT_AWS_ERRORS):
        return None


def region_in(response: Mapping[str, Any]) -> str | None:
    """The bucket's region that an answer of S3 names, in its headers or its error."""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    named = headers.get(_HEADER) or response.get("Error", {}).get("Region")
    return region_name(named)
