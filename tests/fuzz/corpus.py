"""What is right, to begin with: texts of every format, and messages of every form."""

from __future__ import annotations

import json

_EVENT = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/alice"},
    "eventTime": "2026-11-21T09:25:49Z",
    "eventSource": "sqs.amazonaws.com",
    "eventName": "SendMessage",
    "requestParameters": {"items": [{"a": 1.0}, {"a": 2**70}], "text": 'é \\" \u202f'},
    "responseElements": None,
    "additionalEventData": {"bytesTransferredIn": 1376.0, "odd": 1e-7},
    "eventID": "0f6c5a5e-7d0e-4a4e-9a58-6b9dcb0a3f10",
    "recipientAccountId": "123456789012",
}
_TRAIL = {"Records": [_EVENT, {"eventTime": "never"}, {}]}
_AGGREGATED = {
    "eventVersion": "1.0",
    "accountId": "123456789012",
    "eventId": "x",
    "eventCategory": "Aggregated",
    "timeWindow": {"windowStart": "2026-11-21T09:25:00Z", "windowSize": "PT5M"},
}


def _dumped(*documents: object, gap: str = "\n", indent: int | None = None) -> bytes:
    return gap.join(json.dumps(one, indent=indent) for one in documents).encode()


TEXTS = (
    _dumped(_TRAIL),
    _dumped(_TRAIL, indent=2) + b"\n",
    _dumped(_TRAIL, _TRAIL, gap=""),
    _dumped(*[_EVENT] * 20) + b"\n",
    _dumped(_EVENT, _AGGREGATED, _EVENT, indent=1),
    _dumped([_AGGREGATED, _EVENT]),
    _dumped({"digestStartTime": "2026-11-21T09:00:00Z", "logFiles": [{"a": 1}]}),
    b'{"Records":[{"v":NaN},{"s":"\\ud800"},{"n":123456789012345678901234567890}]}',
    b"\xef\xbb\xbf" + _dumped(_TRAIL),
    b'id,time,"na""me"\r\n1,2026-11-21T09:25:49Z,"a\nb"\r\n2,,\r\n3,x,y,z\r\n',
    'n;at\n1;1795253149\n2;"é"\n'.encode("latin-1"),
    b'http 2026-11-21T09:25:49.1Z app/x "GET / HTTP/1.1" "a ""b"" \\"c\\""\n',
    b"one line\n\nanother\r\n\tlast without end",
    "zwei Zeilen\nmit ü\n".encode("utf-16"),
    b"",
)

_OBJECT = {
    "key": "AWSLogs/a+b%3D%E9.json.gz",
    "size": 12,
    "eTag": "9b2c",
    "versionId": "v",
}
_S3_EVENT = {
    "Records": [
        {
            "eventVersion": "2.5",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-11-21T09:25:49.123Z",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "trail-bucket"}, "object": _OBJECT},
        }
    ]
    * 2,
    "trailfeed": {"runId": "run-1"},
}
_EVENTBRIDGE = {
    "version": "0",
    "source": "aws.s3",
    "detail-type": "Object Created",
    "region": "eu-west-1",
    "time": "2026-11-21T09:25:49Z",
    "detail": {
        "bucket": {"name": "trail-bucket"},
        "object": {"key": "a+b c", "size": 5, "etag": "9b2c", "version-id": "v"},
    },
}
_CLOUDTRAIL = {"s3Bucket": "trail-bucket", "s3ObjectKey": ["a.json.gz", "b.json.gz"]}
_TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail-bucket"}


def _in_sns(message: object) -> dict[str, object]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": text}


MESSAGES = tuple(
    one.encode() if isinstance(one, str) else _dumped(one)
    for message in (
        _S3_EVENT,
        _EVENTBRIDGE,
        _CLOUDTRAIL,
        _TEST,
        "CloudTrail validation message.",
    )
    for one in (message, _in_sns(message))
)
