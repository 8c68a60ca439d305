"""What the smaller looks make of what they are given."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from worker.config import Config
from worker.deliver.budget import POOL_BYTES, worst_worker_bytes
from worker.doctor.buckets import MAX_BUCKETS, Wanted, find_buckets
from worker.doctor.daemon import s3_test_message
from worker.doctor.finding import Finding, counts, fail, ok, skip, warn
from worker.doctor.identity import Caller, ClockReadings
from worker.doctor.limits import Limits, group_memory_bytes, judge
from worker.doctor.measured import numbers
from worker.doctor.permissions import judge as judge_permissions
from worker.doctor.permissions import principal_arn, questions
from worker.doctor.queue import QueueFacts, judge_policy
from worker.doctor.queue_policy import S3, QueuePolicy, Sender
from worker.source.notifications import TEST_EVENT, ObjectRef, parse

if TYPE_CHECKING:
    from pathlib import Path

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/events"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:events"
POLICY = QueuePolicy((Sender(S3, ("arn:aws:s3:::logs", "arn:aws:s3:::logs-*")),))
ROLE = "arn:aws:iam::123456789012:role/deploy"
OWN_ACCOUNT = "arn:aws:iam::123456789012:root"
GIB = 1 << 30
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def config(**sections: dict[str, Any]) -> Config:
    source = {"queue_url": QUEUE_URL, **sections.pop("source", {})}
    return Config.model_validate({"source": source, **sections})


def test_findings_are_counted() -> None:
    found = [ok("a", ""), warn("b", ""), warn("b", ""), fail("c", ""), skip("d", "")]
    assert counts(found) == {"ok": 1, "warn": 2, "fail": 1, "skip": 1}


# The clock -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off_s", "verdict", "words"),
    [
        (0, "ok", "in step"),
        (7, "ok", "7 s ahead of"),
        (-90, "warn", "90 s behind"),
        (299, "warn", "299 s ahead of"),
        (400, "fail", "400 s ahead of"),
    ],
)
def test_the_clock(off_s: int, verdict: str, words: str) -> None:
    readings = ClockReadings(lambda: NOW)
    there = NOW - timedelta(seconds=off_s)
    headers = {"Date": format_datetime(there, usegmt=True)}
    readings.on_answer(http_response=SimpleNamespace(headers=headers), parsed={})
    finding = readings.finding()
    assert finding.verdict == verdict
    assert words in finding.said


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sat, 21 Nov 2026 09:00:00"])
def test_a_date_that_says_nothing(date: str | None) -> None:
    readings = ClockReadings(lambda: NOW)
    readings.on_answer(http_response=SimpleNamespace(headers={"Date": date}))
    readings.on_answer()
    assert readings.finding().verdict == "skip"


# Buckets -------------------------------------------------------------------------


def facts(policy: QueuePolicy = POLICY, key: str = "") -> QueueFacts:
    return QueueFacts(QUEUE_ARN, policy, key)


@pytest.mark.parametrize(
    ("wanted", "queue", "seen", "allowed", "expected"),
    [
        (Wanted(), facts(), (), ("*",), ("logs",)),
        (Wanted(), facts(), (ObjectRef("b", "k"),), ("*",), ("logs", "b")),
        (Wanted(), facts(), (), ("logs", "more", "x-*"), ("logs", "more")),
        (Wanted(("mine",)), facts(), (), ("*",), ("mine",)),
        (Wanted(objects=(ObjectRef("b", "k"),)), None, (), ("*",), ("b",)),
        (Wanted(), None, (), ("*",), None),
    ],
)
def test_buckets_are_found_out(
    wanted: Wanted,
    queue: QueueFacts | None,
    seen: tuple[ObjectRef, ...],
    allowed: tuple[str, ...],
    expected: tuple[str, ...] | None,
) -> None:
    assert find_buckets(wanted, queue, seen, allowed).value == expected


def test_a_bucket_that_is_not_allowed_and_too_many() -> None:
    (finding,) = find_buckets(Wanted(), facts(), (), ("logs-*",)).findings
    assert finding.verdict == "warn"
    many = Wanted(tuple(f"b{n}" for n in range(MAX_BUCKETS + 1)))
    answer = find_buckets(many, None, (), ("*",))
    assert len(answer.value or ()) == MAX_BUCKETS
    assert [one.verdict for one in answer.findings] == ["skip"]


@pytest.mark.parametrize(
    ("policy", "source", "verdict", "words"),
    [
        (POLICY, {}, "ok", "lets S3 for logs or logs-* send"),
        (QueuePolicy(), {}, "warn", "nobody send: S3"),
        (
            QueuePolicy(),
            {"mapping": {"bucket": "b", "keys": "k"}},
            "ok",
            "own policies",
        ),
        (QueuePolicy((Sender("*"),)), {}, "warn", "everybody in the world"),
        (QueuePolicy(is_readable=False), {}, "warn", "cannot be read"),
        (QueuePolicy((*POLICY.senders, Sender(ROLE))), {}, "warn", f"lets {ROLE} send"),
        (
            QueuePolicy((*POLICY.senders, Sender(ROLE))),
            {"allowed_buckets": ["logs"]},
            "ok",
            ROLE,
        ),
        (QueuePolicy((Sender("*", accounts=("1",)),)), {}, "warn", "lets anyone send"),
        (QueuePolicy((Sender("*", ("arn:aws:s3:::logs",)),)), {}, "ok", "for logs"),
        (QueuePolicy((Sender(OWN_ACCOUNT),)), {}, "ok", OWN_ACCOUNT),
        (QueuePolicy((Sender("123456789012"),)), {}, "ok", "123456789012"),
    ],
)
def test_the_policy_in_a_line(
    policy: QueuePolicy, source: dict[str, Any], verdict: str, words: str
) -> None:
    finding = judge_policy(policy, config(source=source), QUEUE_ARN)
    assert finding.verdict == verdict
    assert words in finding.said


# Permissions ---------------------------------------------------------------------


class Iam:
    """Knows one role."""

    def get_role(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if RoleName != "reader":
            raise ClientError({"Error": {"Code": "NoSuchEntity"}}, "GetRole")
        return {"Role": {"Arn": "arn:aws:iam::123456789012:role/logs/reader"}}


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("arn:aws:iam::123456789012:user/eve", "arn:aws:iam::123456789012:user/eve"),
        (
            "arn:aws:sts::123456789012:assumed-role/reader/i-0",
            "arn:aws:iam::123456789012:role/logs/reader",
        ),
        (
            "arn:aws-cn:sts::123456789012:assumed-role/other/i-0",
            "arn:aws-cn:iam::123456789012:role/other",
        ),
        ("arn:aws:iam::123456789012:root", ""),
        ("arn:aws:sts::123456789012:federated-user/eve", ""),
        ("", ""),
    ],
)
def test_whose_policies_are_simulated(caller: str, expected: str) -> None:
    assert principal_arn(Iam(), config().source, Caller(caller)) == expected
    role = "arn:aws:iam::123456789012:role/mine"
    source = config(source={"role_arn": role}).source
    assert principal_arn(Iam(), source, Caller(caller)) == role


def test_what_is_to_be_allowed() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    asked = {on: actions for actions, on in questions(facts(key=key), ["logs"])}
    assert set(asked) == {QUEUE_ARN, "arn:aws:s3:::logs/*", "arn:aws:s3:::logs", key}
    assert len(asked[QUEUE_ARN]) == 4


@pytest.mark.parametrize(
    ("decisions", "verdict", "words"),
    [
        ({}, "ok", "sqs:DeleteMessage"),
        ({"sqs:DeleteMessage": "implicitDeny"}, "warn", "sqs:DeleteMessage on q"),
        ({"sqs:DeleteMessage": "explicitDeny"}, "fail", "denies sqs:DeleteMessage"),
        ({"s3:ListBucket": "implicitDeny"}, "warn", "all that is needed is allowed"),
        ({"s3:ListBucket": "explicitDeny"}, "warn", "all that is needed is allowed"),
    ],
)
def test_decisions_in_a_line(
    decisions: dict[str, str], verdict: str, words: str
) -> None:
    allowed = {"sqs:DeleteMessage": "allowed", "s3:ListBucket": "allowed"}
    by_resource = {
        (action, "q"): said for action, said in {**allowed, **decisions}.items()
    }
    finding: Finding = judge_permissions("arn:…:role/r", by_resource)
    assert finding.verdict == verdict
    assert words in finding.said


# Limits --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "pool", "expected"),
    [
        (Limits(8 * GIB, is_group=False, files=1024, processors=4), {}, "ok ok ok"),
        (Limits(GIB, is_group=True, files=1024, processors=4), {}, "warn ok ok"),
        (Limits(8 * GIB, is_group=False, files=128, processors=4), {}, "ok fail ok"),
        (
            Limits(64 * GIB, is_group=False, files=1024, processors=2),
            {"workers": 9},
            "ok ok warn",
        ),
        (
            Limits(64 * GIB, is_group=False, files=1024, processors=2),
            {"downloads_per_worker": 1000},
            "ok fail ok",
        ),
    ],
)
def test_limits(limits: Limits, pool: dict[str, Any], expected: str) -> None:
    found = judge(config(pool=pool), limits)
    assert " ".join(one.verdict for one in found) == expected


def test_memory_says_what_would_fit() -> None:
    limits = Limits(3 * GIB // 2, is_group=True, files=1024, processors=4)
    said = judge(config(), limits)[0]
    assert said.said.startswith(
        "4 workers may take 1,691 MiB at worst, and the control"
    )
    share = int(said.mend.split("inflight_bytes to ")[1].split()[0])
    assert 4 * worst_worker_bytes(share) + POOL_BYTES <= limits.memory_bytes
    small = Limits(200 << 20, is_group=True, files=1024, processors=4)
    assert "pool.workers lower" in judge(config(), small)[0].mend


def test_the_least_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    inner = tmp_path / "system.slice" / "trailfeed.service"
    inner.mkdir(parents=True)
    assert group_memory_bytes(inner, tmp_path) is None
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text(f"{GIB}\n")
    (tmp_path / "memory.max").write_text(f"{2 * GIB}\n")
    assert group_memory_bytes(inner, tmp_path) == GIB


# A running daemon's numbers ------------------------------------------------------

METRICS = """\
# TYPE trailfeed_message_parts_ignored_total counter
trailfeed_message_parts_ignored_total{worker="0",reason="test_event"} 1.0
trailfeed_message_parts_ignored_total{worker="1",reason="test_event"} 2.0
trailfeed_message_parts_ignored_total{worker="1",reason="excluded_key"} 9.0
# TYPE trailfeed_object_stage_seconds histogram
"""
STAGE = """\
trailfeed_object_stage_seconds_bucket{{le="0.1",stage="{0}"}} {1}
trailfeed_object_stage_seconds_bucket{{le="1.0",stage="{0}"}} {2}
trailfeed_object_stage_seconds_bucket{{le="+Inf",stage="{0}"}} {3}
trailfeed_object_stage_seconds_count{{stage="{0}"}} {3}
trailfeed_object_stage_seconds_sum{{stage="{0}"}} {4}
"""


def test_what_a_daemon_measured() -> None:
    text = METRICS + STAGE.format("wait", 100, 100, 100, 4)
    text += STAGE.format("ack", 50, 98, 100, 46) + STAGE.format("decode", 9, 9, 9, 900)
    found = numbers(text)
    assert found.test_events == 3
    assert found.measured is not None
    assert found.measured.mean_s == pytest.approx(0.5)
    assert found.measured.most_s == pytest.approx(0.1 + 1.0)


@pytest.mark.parametrize(
    "text", ["", METRICS, METRICS + STAGE.format("ack", 0, 0, 0, 0)]
)
def test_nothing_was_delivered_yet(text: str) -> None:
    assert numbers(text).measured is None


@pytest.mark.parametrize("wants_sns", [True, False])
def test_the_test_message_needs_no_download(wants_sns: bool) -> None:
    body = s3_test_message(wants_sns=wants_sns)
    found = parse(body, uses_sns=wants_sns)
    assert [one.reason for one in found.ignored] == [TEST_EVENT]
    assert json.loads(body)
