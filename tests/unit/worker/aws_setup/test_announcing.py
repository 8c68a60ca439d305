"""Adding a notification to a bucket's: others' stay, and overlaps are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.aws_setup.wirings import ACCOUNT, wiring
from worker.aws_setup.announcing import new_notification, with_announcement
from worker.aws_setup.wiring import Via

QUEUE_ARN = wiring().queue_arn
OTHER_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:other"
TOPIC_ARN = f"arn:aws:sns:us-east-1:{ACCOUNT}:everyone"
LAMBDA_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:thumbnails"
OURS = {
    "Id": "trailfeed-trail-events",
    "QueueArn": QUEUE_ARN,
    "Events": ["s3:ObjectCreated:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "AWSLogs/"}]}},
}


def to_queue(
    prefix: str = "",
    *,
    arn: str = OTHER_ARN,
    events: tuple[str, ...] = ("s3:ObjectCreated:*",),
    suffix: str = "",
    name: str = "theirs",
) -> dict[str, Any]:
    rules = [
        {"Name": kind, "Value": value}
        for kind, value in (("Prefix", prefix), ("Suffix", suffix))
        if value
    ]
    one: dict[str, Any] = {"Id": name, "QueueArn": arn, "Events": [*events]}
    return one | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


class TestToTheQueue:
    def test_the_first_one(self) -> None:
        found = with_announcement({}, wiring())
        assert found.wanted == {"QueueConfigurations": [OURS]}
        assert not found.conflicts

    def test_no_prefix_is_no_filter(self) -> None:
        assert "Filter" not in new_notification(wiring(prefix=""))

    def test_all_kinds_of_others_stay(self) -> None:
        others = {
            "QueueConfigurations": [to_queue("images/")],
            "TopicConfigurations": [
                {"Id": "t", "TopicArn": TOPIC_ARN, "Events": ["s3:ObjectRemoved:*"]}
            ],
            "LambdaFunctionConfigurations": [
                {
                    "Id": "l",
                    "LambdaFunctionArn": LAMBDA_ARN,
                    "Events": ["s3:ObjectTagging:*"],
                }
            ],
            "EventBridgeConfiguration": {},
        }
        found = with_announcement(others, wiring())
        assert found.wanted == others | {
            "QueueConfigurations": [to_queue("images/"), OURS]
        }
        assert found.kept_count == 3

    @pytest.mark.parametrize(
        "present",
        [
            OURS,
            to_queue(arn=QUEUE_ARN),
            to_queue("AWS", arn=QUEUE_ARN),
            to_queue("AWSLogs/", arn=QUEUE_ARN, suffix=".gz"),
            to_queue(
                arn=QUEUE_ARN, events=("s3:ObjectRemoved:*", "s3:ObjectCreated:*")
            ),
        ],
    )
    def test_what_announces_as_much_will_do(self, present: dict[str, Any]) -> None:
        found = with_announcement({"QueueConfigurations": [present]}, wiring())
        assert (found.wanted, found.conflicts) == (None, ())

    @pytest.mark.parametrize(
        "present",
        [
            to_queue("AWSLogs/123/", arn=QUEUE_ARN, name="narrow"),
            to_queue("AWSLogs/", arn=QUEUE_ARN, suffix=".csv", name="narrow"),
            to_queue(
                "AWSLogs/",
                arn=QUEUE_ARN,
                events=("s3:ObjectCreated:Put",),
                name="narrow",
            ),
        ],
    )
    def test_what_announces_less_to_the_queue_is_widened(
        self, present: dict[str, Any]
    ) -> None:
        others = [to_queue("images/")]
        found = with_announcement({"QueueConfigurations": [present, *others]}, wiring())
        assert found.wanted == {"QueueConfigurations": [*others, OURS]}
        assert found.replaced == ("narrow",)

    @pytest.mark.parametrize(
        "present",
        [
            to_queue(),
            to_queue("AWSLogs/"),
            to_queue("AWSLogs/123456789012/"),
            to_queue("A"),
            to_queue(suffix=".gz"),
            to_queue(events=("s3:ObjectCreated:Put",)),
            to_queue(
                arn=QUEUE_ARN, events=("s3:ObjectCreated:Put", "s3:ObjectRemoved:*")
            ),
        ],
    )
    def test_what_overlaps_is_in_the_way(self, present: dict[str, Any]) -> None:
        found = with_announcement({"QueueConfigurations": [present]}, wiring())
        assert found.wanted is None
        (conflict,) = found.conflicts
        assert '"theirs"' in conflict
        assert present["QueueArn"] in conflict
        assert "--via-eventbridge" in conflict

    @pytest.mark.parametrize(
        "present",
        [
            to_queue("images/"),
            to_queue("AWSLogs-old/"),
            to_queue(events=("s3:ObjectRemoved:*", "s3:ObjectTagging:*")),
        ],
    )
    def test_what_does_not_is_not(self, present: dict[str, Any]) -> None:
        found = with_announcement({"QueueConfigurations": [present]}, wiring())
        assert found.wanted == {"QueueConfigurations": [present, OURS]}

    def test_a_topic_in_the_way_is_a_way_in(self) -> None:
        present = {
            "TopicConfigurations": [
                {"Id": "t", "TopicArn": TOPIC_ARN, "Events": ["s3:ObjectCreated:*"]}
            ]
        }
        (conflict,) = with_announcement(present, wiring()).conflicts
        assert "--via-sns --topic everyone" in conflict
        via_it = wiring(via=Via.SNS, topic="everyone")
        assert with_announcement(present, via_it).wanted is None
        assert with_announcement(present, via_it).conflicts == ()

    def test_a_taken_name_is_not_taken_again(self) -> None:
        present = to_queue("other/", arn=QUEUE_ARN, name="trailfeed-trail-events")
        found = with_announcement({"QueueConfigurations": [present]}, wiring())
        assert found.wanted == {
            "QueueConfigurations": [present, OURS | {"Id": "trailfeed-trail-events-2"}]
        }


class TestOtherWays:
    def test_to_a_topic(self) -> None:
        wanted = with_announcement({}, wiring(via=Via.SNS)).wanted
        assert wanted is not None
        (one,) = wanted["TopicConfigurations"]
        assert one["TopicArn"] == wiring(via=Via.SNS).topic_arn

    def test_eventbridge_goes_with_whatever_there_is(self) -> None:
        present = {"QueueConfigurations": [to_queue()]}
        found = with_announcement(present, wiring(via=Via.EVENTBRIDGE))
        assert found.wanted == present | {"EventBridgeConfiguration": {}}
        again = with_announcement(found.wanted, wiring(via=Via.EVENTBRIDGE))
        assert again.wanted is None


notifications = st.builds(
    to_queue,
    st.sampled_from(["", "A", "AWSLogs/", "AWSLogs/1/", "images/", "z"]),
    arn=st.sampled_from([OTHER_ARN, QUEUE_ARN]),
    events=st.lists(
        st.sampled_from(
            ["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*"]
        ),
        min_size=1,
        unique=True,
    ).map(tuple),
    suffix=st.sampled_from(["", ".gz", ".csv"]),
)


@given(st.lists(notifications, max_size=4))
def test_nothing_of_others_is_lost_and_the_second_time_changes_nothing(
    present: list[dict[str, Any]],
) -> None:
    found = with_announcement({"QueueConfigurations": present}, wiring())
    if found.wanted is None:
        return
    written = found.wanted["QueueConfigurations"]
    for one in present:
        assert one in written or one["QueueArn"] == QUEUE_ARN
    assert with_announcement(found.wanted, wiring()).wanted is None
