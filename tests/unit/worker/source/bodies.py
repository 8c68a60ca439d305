"""Bodies of messages as producers write them."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import pytest

from worker.errors import UnknownMessageError
from worker.source.notifications import parse

VALIDATION_TEXT = "CloudTrail validation message."
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:trail"
PUBLISHED = "2024-05-06T07:08:09.250Z"
CLOUDTRAILS_OWN = json.dumps({"s3Bucket": "trail-logs", "s3ObjectKey": ["a", "b"]})


def s3_record(key: str = "logs/a.json.gz", **changes: object) -> dict[str, Any]:
    """One record as S3 sends it; ``changes`` go into ``s3.object`` or the record."""
    object_ = {
        "key": key,
        "size": 1024,
        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
        "sequencer": "0055AED6DCD90281E5",
    }
    object_ |= {name: changes.pop(name) for name in list(changes) if name in object_}
    if "versionId" in changes:
        object_["versionId"] = changes.pop("versionId")
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2024-03-01T12:00:00.500Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": "trail-logs", "arn": "arn:aws:s3:::trail-logs"},
            "object": object_,
        },
        **changes,
    }


def s3_event(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": records})


def eventbridge(key: str = "logs/a.json.gz", /, **changes: object) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": "2024-03-01T12:00:00Z",
            "region": "eu-west-1",
            "detail": {
                "bucket": {"name": "trail-logs"},
                "object": {
                    "key": key,
                    "size": 5,
                    "etag": "b1946ac92492d2347c6235b4d2611184",
                    "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                },
            },
            **changes,
        }
    )


def in_sns(message: str, kind: str = "Notification", **members: object) -> str:
    return json.dumps(
        {"Type": kind, "TopicArn": TOPIC_ARN, "Message": message, **members}
    )


def refusal(body: str, *, uses_sns: Literal["auto"] | bool = "auto") -> str:
    """The code of the error that parsing ends with."""
    with pytest.raises(UnknownMessageError) as caught:
        parse(body, uses_sns=uses_sns)
    assert "\n" not in str(caught.value)
    assert re.search("source.uses_sns|confirm the sub|on_unknown_m", str(caught.value))
    return caught.value.code
