from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.demo.files import CloudTrailFile, cloudtrail_files

END = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)

# The log file name that AWS's own CloudTrail processing library looks for.
LOG_NAME = re.compile(r".+_CloudTrail_[\w\-]+_\d{8}T\d{4}Z_[\w]+\.json\.gz")

SQS_CALLS = {
    "CreateQueue",
    "DeleteQueue",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "PurgeQueue",
    "AddPermission",
    "RemovePermission",
    "SetQueueAttributes",
}


def records_of(files: list[CloudTrailFile]) -> list[dict[str, Any]]:
    return [
        record
        for file in files
        for record in json.loads(gzip.decompress(file.body))["Records"]
    ]


def test_the_same_arguments_give_the_same_files() -> None:
    first, second = (list(cloudtrail_files(8, end=END, seed=3)) for _ in range(2))
    assert first == second
    assert first != list(cloudtrail_files(8, end=END, seed=4))


def test_a_longer_run_of_files_ends_at_the_same_time() -> None:
    files = list(cloudtrail_files(15, end=END))
    assert files[-1].key.startswith(
        "AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/01/"
        "123456789012_CloudTrail_us-east-1_20260301T0010Z_"
    )
    assert "/2026/02/28/" in files[0].key
    assert len({file.key for file in files}) == 15
    assert all(LOG_NAME.fullmatch(file.key) for file in files)


@pytest.mark.parametrize("count", [1, 7, 60])
def test_all_sqs_audit_events_and_callers_are_in_there(count: int) -> None:
    records = records_of(list(cloudtrail_files(count, end=END)))
    sqs = [r for r in records if r["eventSource"] == "sqs.amazonaws.com"]
    assert {r["eventName"] for r in sqs} == SQS_CALLS
    assert {r["userIdentity"]["type"] for r in sqs} == {
        "IAMUser",
        "AssumedRole",
        "AWSService",
    }
    assert {r["eventCategory"] for r in sqs} == {"Management", "Data"}
    assert any(r.get("errorCode") == "AccessDenied" for r in sqs)


def test_event_ids_are_those_of_the_records_in_order_and_differ() -> None:
    files = list(cloudtrail_files(30, end=END))
    event_ids = [event_id for file in files for event_id in file.event_ids]
    assert event_ids == [record["eventID"] for record in records_of(files)]
    assert len(set(event_ids)) == len(event_ids)


def test_records_carry_what_every_cloudtrail_record_carries() -> None:
    for record in records_of(list(cloudtrail_files(30, end=END))):
        assert record["eventVersion"] == "1.11"
        assert record["eventType"] == "AwsApiCall"
        assert record["recipientAccountId"] == "123456789012"
        assert record["managementEvent"] is (record["eventCategory"] == "Management")
        assert {"requestID", "readOnly", "requestParameters"} <= record.keys()
        assert {"responseElements", "sourceIPAddress", "userAgent"} <= record.keys()
        assert record["eventTime"] < END.strftime("%Y-%m-%dT%H:%M:%SZ")
        is_service = record["userIdentity"]["type"] == "AWSService"
        assert ("tlsDetails" in record) is not is_service
