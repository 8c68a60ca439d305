"""AWS with the credentials and the region of the environment, as AWS's own tools."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from worker.config import SourceConfig
from worker.source.objects import ObjectReader
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ANY_REGION: Final = "us-east-1"
"""Where no region is set; S3 says which one a bucket is in."""

_NO_QUEUE: Final = "https://localhost/000000000000/none"


def own_session(region: str = "") -> AwsSession:
    """The identity of whoever runs the command.

    Args:
        region: Of its clients; empty: the environment's.
    """
    return _session(region)[0]


def s3_client() -> S3Client:
    """A client that lists buckets."""
    return own_session().s3_client()


def object_reader(*, max_bytes: int) -> ObjectReader:
    """Reads objects, none above ``max_bytes``."""
    session, source = _session()
    return ObjectReader(session, source, max_bytes=max_bytes)


def _session(region: str = "") -> tuple[AwsSession, SourceConfig]:
    is_set = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    source = SourceConfig.model_validate(
        {"queue_url": _NO_QUEUE, "region": region or is_set or _ANY_REGION}
    )
    return AwsSession(source), source
