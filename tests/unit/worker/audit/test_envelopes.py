from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.worker.audit.events import event
from worker.audit.envelopes import events_in

ONE, TWO = event(1), event(2)
TEXT_1, TEXT_2 = json.dumps(ONE), json.dumps(TWO)
BRIDGE = {"version": "0", "source": "aws.sqs", "detail-type": "x", "detail": ONE}


@pytest.mark.parametrize(
    ("record", "events"),
    [
        (ONE, [ONE]),
        (BRIDGE, [ONE]),
        ({"Type": "Notification", "Message": json.dumps(BRIDGE)}, [ONE]),
        ({"log": TEXT_1, "_metadata": {}}, [ONE]),
        (
            {
                "Events": [
                    {"EventId": "e-1", "EventName": "x", "CloudTrailEvent": TEXT_1},
                    {"EventId": "e-2", "CloudTrailEvent": TEXT_2},
                ],
                "NextToken": "more",
            },
            [ONE, TWO],
        ),
        ({"EventId": "e-1", "CloudTrailEvent": TEXT_1}, [ONE]),
        (
            {
                "messageType": "DATA_MESSAGE",
                "logGroup": "g",
                "logEvents": [
                    {"id": "1", "timestamp": 1, "message": TEXT_1},
                    {"id": "2", "timestamp": 2, "message": "START RequestId"},
                    {"id": "3", "timestamp": 2, "message": "{broken"},
                ],
            },
            [ONE, None, None],
        ),
        ({"events": [{"message": TEXT_2}], "searchedLogStreams": []}, [TWO]),
        (
            {"results": [[{"field": "@message", "value": TEXT_1}, {"field": "x"}, 7]]},
            [ONE],
        ),
        ({"detail": {"findings": []}}, [None]),
        ({"detail": 7}, [None]),
        ({"action": "BLOCK", "timestamp": 1}, [None]),
        ({"eventSource": "aws:s3", "eventName": "x", "eventVersion": "2.1"}, [None]),
        ({"logEvents": []}, []),
        ({}, [None]),
    ],
)
def test_events_are_taken_out_of_their_envelopes(
    record: dict[str, Any], events: list[dict[str, Any] | None]
) -> None:
    assert list(events_in([record])) == events


def test_envelopes_in_envelopes_come_to_an_end() -> None:
    record: dict[str, Any] = {}
    for _ in range(100):
        record = {"detail": record}
    assert list(events_in([record])) == [None]
