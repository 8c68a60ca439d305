"""A wiring to vary."""

from __future__ import annotations

from typing import Any

from worker.aws_setup.partitions import Partition
from worker.aws_setup.wiring import Via, Wiring

ACCOUNT = "123456789012"
KEY_ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def wiring(**changes: Any) -> Wiring:
    """Bucket ``trail-logs`` and queue ``trail-events``; ``changes`` win."""
    settings: dict[str, Any] = {
        "bucket": "trail-logs",
        "queue": "trail-events",
        "region": "us-east-1",
        "account": ACCOUNT,
        "partition": Partition("aws", "amazonaws.com", "us-east-1"),
        "bucket_account": ACCOUNT,
    }
    names = {Via.SNS: "topic", Via.EVENTBRIDGE: "rule"}
    if name := names.get(changes.get("via", Via.S3)):
        settings[name] = "trail-between"
    return Wiring(**settings | changes)
