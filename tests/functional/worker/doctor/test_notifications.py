"""What ``trailfeed doctor`` says of the way from the bucket to the queue."""

from __future__ import annotations

import json

import pytest

from tests.functional.worker.doctor.scene import BUCKET, QUEUE, QUEUE_ARN, Scene
from worker.doctor import wiring
from worker.doctor.buckets import Wanted
from worker.doctor.notification import Announcements

pytestmark = pytest.mark.functional


def test_a_bucket_that_tells_nobody(scene: Scene) -> None:
    scene.announce()
    found = scene.examine()["notification"]
    assert found.verdict == "fail"
    assert found.said == f"{BUCKET}: does not announce its objects to {QUEUE}"
    assert found.mend == f"trailfeed setup --bucket {BUCKET} --queue {QUEUE} prints how"


def test_a_bucket_that_tells_another_queue(scene: Scene) -> None:
    scene.aws.client("sqs").create_queue(QueueName="other")
    other = {
        "QueueArn": QUEUE_ARN.replace(QUEUE, "other"),
        "Events": ["s3:ObjectCreated:*"],
    }
    scene.announce(QueueConfigurations=[other])
    assert scene.examine()["notification"].said.endswith("but to other")


def test_a_queue_that_does_not_let_s3_send(scene: Scene) -> None:
    scene.let_send("s3.amazonaws.com", "arn:aws:s3:::another")
    found = scene.examine(wanted=Wanted((BUCKET,)))["notification"]
    assert found.verdict == "fail"
    assert "does not let S3 send for arn:aws:s3:::trail-logs" in found.said


def test_a_bucket_that_is_not_there(scene: Scene) -> None:
    found = scene.examine(wanted=Wanted(("nowhere",)))
    assert found["notification"].verdict == "fail"
    assert "there is no such bucket" in found["notification"].said
    assert found["object"].verdict == "skip"


@pytest.mark.parametrize(
    ("uses_sns", "raw", "verdict"),
    [
        ("auto", "false", "ok"),
        (True, "false", "ok"),
        (True, "true", "fail"),
        (False, "false", "fail"),
        (False, "true", "ok"),
    ],
)
def test_by_sns(scene: Scene, uses_sns: object, raw: str, verdict: str) -> None:
    sns = scene.client("sns")
    topic = sns.create_topic(Name="announcements")["TopicArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=QUEUE_ARN,
        Attributes={"RawMessageDelivery": raw},
    )
    scene.let_send("sns.amazonaws.com", topic)
    scene.announce(
        TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    )
    scene.settings["source"]["uses_sns"] = uses_sns
    found = scene.examine(wanted=Wanted((BUCKET,)))["notification"]
    assert found.verdict == verdict
    assert "by the topic announcements" in found.said


def test_by_a_topic_that_the_queue_does_not_hear(scene: Scene) -> None:
    topic = scene.client("sns").create_topic(Name="announcements")["TopicArn"]
    scene.announce(
        TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    )
    found = scene.examine()["notification"]
    assert (found.verdict, found.said) == (
        "fail",
        f"{BUCKET}: does not announce its objects to {QUEUE}, but to announcements",
    )


def test_by_the_trails_own_topic(scene: Scene) -> None:
    sns = scene.client("sns")
    topic = sns.create_topic(Name="trail")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN)
    scene.let_send("sns.amazonaws.com", topic)
    scene.announce()
    found = scene.examine(wanted=Wanted((BUCKET,)))["notification"]
    assert found.verdict == "ok"
    assert "the topic trail does reach the queue" in found.said


@pytest.mark.parametrize(
    ("rule", "target", "verdict", "words"),
    [
        ({}, {}, "ok", "by EventBridge's rule objects"),
        ({"State": "DISABLED"}, {}, "fail", "is disabled"),
        ({}, {"InputPath": "$.detail"}, "fail", "changes the event"),
        ({"bucket": "another"}, {}, "fail", "but to EventBridge"),
        ({"is_off": "yes"}, {}, "fail", "does not tell EventBridge"),
    ],
)
def test_by_eventbridge(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    *,
    rule: dict[str, str],
    target: dict[str, str],
    verdict: str,
    words: str,
) -> None:
    events = scene.client("events")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [rule.get("bucket", BUCKET)]}},
    }
    arn = events.put_rule(
        Name="objects",
        EventPattern=json.dumps(pattern),
        State=rule.get("State", "ENABLED"),
    )["RuleArn"]
    events.put_targets(Rule="objects", Targets=[{"Id": "q", "Arn": QUEUE_ARN} | target])
    scene.let_send("events.amazonaws.com", arn)
    if "is_off" not in rule:  # moto takes it, and leaves it out of its answer
        answer = Announcements(to_eventbridge=True)
        monkeypatch.setattr(wiring, "parse_configuration", lambda _: answer)
    scene.announce()
    found = scene.examine(wanted=Wanted((BUCKET,)))["notification"]
    assert found.verdict == verdict
    assert words in found.said


def test_two_ways_are_one_too_many(scene: Scene) -> None:
    entry = {"QueueArn": QUEUE_ARN, "Events": ["s3:ObjectCreated:*"]}
    scene.announce(QueueConfigurations=[entry | {"Id": "a"}, entry | {"Id": "b"}])
    found = scene.examine()["notification"]
    assert found.verdict == "warn"
    assert "in 2 ways" in found.said
