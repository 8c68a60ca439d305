"""Events for questions, short and readable."""

from __future__ import annotations

from typing import Any


def event(number: int = 0, **changes: Any) -> dict[str, Any]:
    """An event at second ``number``; ``changes`` win."""
    return {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser",
            "userName": "jane",
            "arn": "arn:aws:iam::123456789012:user/jane",
            "accountId": "123456789012",
            "accessKeyId": "AKIAEXAMPLE",
        },
        "eventTime": f"2026-11-21T09:{number // 60:02}:{number % 60:02}Z",
        "eventSource": "sqs.amazonaws.com",
        "eventName": "DeleteMessage",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "10.0.0.1",
        "requestParameters": {"queueUrl": "https://sqs.example/123456789012/orders"},
        "eventID": f"e-{number}",
        "managementEvent": False,
        "eventCategory": "Data",
        "recipientAccountId": "123456789012",
        **changes,
    }
