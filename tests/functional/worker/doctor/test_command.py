"""``trailfeed doctor`` against an AWS of its own, whole and with one thing broken."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
import pytest

from tests.fakes.aws import forget_machine
from tests.fakes.daemon import Daemon, merged, settings_for, toml, wait_until
from tests.fakes.forward_receiver import RecordingReceiver
from worker.config import Config
from worker.demo.aws import (
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    REGION,
    SECRET_ACCESS_KEY,
    EmbeddedAws,
)
from worker.demo.processes import environment
from worker.doctor import wiring
from worker.doctor.buckets import Wanted
from worker.doctor.examination import Request, examine
from worker.doctor.notification import Announcements
from worker.source.notifications import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.daemon import Settings
    from worker.doctor.finding import Finding

pytestmark = pytest.mark.functional

BUCKET = "trail-logs"
QUEUE = "events"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{QUEUE}"
TIMEOUT_S = 60
NO_LIMIT = "1e9"


class Scene:
    """A bucket with a log of today, its queue, and a receiver."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws = aws
        self.folder = folder
        pipeline = aws.make_pipeline(bucket=BUCKET, queue=QUEUE)
        now = datetime.now(UTC)
        self.key = (
            f"AWSLogs/{ACCOUNT_ID}/CloudTrail/{REGION}/{now:%Y/%m/%d}/{ACCOUNT_ID}_"
            f"CloudTrail_{REGION}_{now:%Y%m%dT%H%MZ}_AbCdEfGhIjKlMnOp.json.gz"
        )
        records = [{"eventTime": "2026-11-21T09:00:00Z", "n": n} for n in range(17)]
        self.put(self.key, gzip.compress(json.dumps({"Records": records}).encode()))
        self.settings: Settings = merged(
            settings_for(aws, pipeline.queue_url, "stdout:", folder),
            {
                "source": {"wait_time_s": 20},
                "output": {"require_ack": False},
                "state": {"dir": str(folder)},
            },
        )

    def deliver_to(self, receiver: RecordingReceiver) -> None:
        """Have a receiver, which takes the better part of a second to look at."""
        self.settings["output"] = {"address": receiver.address}

    def put(self, key: str, body: bytes) -> None:
        self.aws.put_object(BUCKET, key, body)

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service,
            region_name=REGION,
            endpoint_url=self.aws.endpoint_url,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )

    def announce(self, **configuration: Any) -> None:
        self.aws.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration=configuration,  # type: ignore[arg-type]
        )

    def let_send(self, service: str, source_arn: str, *, key: str = "") -> None:
        """Make that the queue's whole policy, and set its key.

        Together, as moto forgets the one with the other.
        """
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE_ARN,
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        self.set_attributes(
            Policy=json.dumps({"Statement": [statement]}), KmsMasterKeyId=key
        )

    def set_attributes(self, **attributes: str) -> None:
        self.aws.client("sqs").set_queue_attributes(
            QueueUrl=str(self.settings["source"]["queue_url"]),
            Attributes=attributes,  # type: ignore[arg-type]
        )

    def empty_queue(self) -> None:
        """A purge is allowed once a minute only."""
        sqs, url = self.aws.client("sqs"), str(self.settings["source"]["queue_url"])
        while found := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get(
            "Messages"
        ):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])

    def examine(self, **request: Any) -> dict[str, Finding]:
        """By check; of several, the worst one."""
        config = Config.model_validate(self.settings)
        found: dict[str, Finding] = {}
        for one in examine(config, Request(**request)):
            if one.check not in found or one.verdict in {"warn", "fail"}:
                found[one.check] = one
        return found


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RecordingReceiver]:
    with RecordingReceiver.unix(tmp_path / "f.sock") as running:
        yield running


@pytest.fixture
def scene(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Scene]:
    forget_machine(monkeypatch, tmp_path)
    yield Scene(aws, tmp_path)
    post(aws, "/moto-api/reset-auth", NO_LIMIT)
    post(aws, "/moto-api/reset", "")


def post(aws: EmbeddedAws, path: str, body: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - the one above
        aws.endpoint_url + path,
        data=body.encode(),
        headers={"Content-Type": "application/octet-stream"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - likewise
        answer.read()


def run(
    scene: Scene, *arguments: str, settings: Settings | None = None
) -> subprocess.CompletedProcess[str]:
    config = scene.folder / "doctor.toml"
    config.write_text(toml(settings or scene.settings))
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "worker", "doctor", "--config", config, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**environment(), "AWS_EC2_METADATA_DISABLED": "true"},
    )


# The command ---------------------------------------------------------------------


def test_all_is_well_and_nothing_was_touched(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    scene.deliver_to(receiver)
    before = sorted(scene.folder.iterdir())
    done = run(scene)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, totals = done.stdout.splitlines()
    assert not [line for line in lines if line.startswith("fail")]
    assert f"object                s3://{BUCKET}/{scene.key}" in done.stdout
    assert "17 records" in done.stdout
    assert totals.endswith("0 fail, 3 skip")
    assert receiver.frames() == []
    after = {path for path in scene.folder.iterdir() if path.name != "doctor.toml"}
    assert after == set(before)
    message = scene.aws.client("sqs").receive_message(
        QueueUrl=str(scene.settings["source"]["queue_url"]),
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )["Messages"][0]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_findings_as_json(scene: Scene) -> None:
    output: Settings = {
        "output": {"address": "unix:///none/f.sock", "require_ack": True}
    }
    settings = merged(scene.settings, output)
    done = run(scene, "--json", settings=settings)
    assert (done.returncode, done.stderr) == (1, "")
    *findings, totals = map(json.loads, done.stdout.splitlines())
    (failure,) = (one for one in findings if one["verdict"] == "fail")
    assert failure["check"] == "receiver"
    assert "No such file or directory" in failure["said"]
    assert "trailfeed bridge fluent-bit" in failure["mend"]
    assert totals["fail"] == 1
    assert sum(totals.values()) == len(findings)


@pytest.mark.parametrize(
    ("settings", "arguments", "exit_code", "words"),
    [
        (
            {"source": {"wait_time_s": 99}},
            [],
            78,
            "source.wait_time_s: must be at most",
        ),
        ({"source": {"profile": "none"}}, [], 78, "AWS's configuration files have no"),
        ({}, ["--object", "trail-logs"], 1, "expected s3://BUCKET/PREFIX"),
        ({}, ["--object", "s3://trail-logs"], 2, "expected s3://BUCKET/KEY"),
        ({}, ["--timeout-s", "0"], 2, "--timeout-s"),
    ],
)
def test_what_cannot_begin(
    scene: Scene,
    settings: Settings,
    arguments: list[str],
    exit_code: int,
    words: str,
) -> None:
    keys: Settings = {"source": {"access_key_id": "", "secret_access_key": ""}}
    changes = keys if settings.get("source", {}).get("profile") else {}
    done = run(
        scene,
        *arguments,
        settings=merged(merged(scene.settings, changes), settings),
    )
    assert done.returncode == exit_code
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


# Credentials ---------------------------------------------------------------------


def reader_keys(scene: Scene, *actions: str) -> dict[str, object]:
    """A user who may do that; from then on, AWS looks at permissions."""
    iam = scene.client("iam")
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_user_policy(
        UserName="reader",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    post(scene.aws, "/moto-api/reset-auth", "0")
    return {
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
    }


def test_a_wrong_key_leaves_the_rest_of_aws_alone(scene: Scene) -> None:
    post(scene.aws, "/moto-api/reset-auth", "0")
    found = scene.examine()
    assert found["credentials"].verdict == "fail"
    assert "InvalidClientTokenId" in found["credentials"].said
    assert found["clock"].verdict == "ok"  # a refusal has a date, too
    assert {found[name].verdict for name in ("queue", "buckets", "permissions")} == {
        "skip"
    }
    assert found["receiver"].verdict == "ok"


def test_no_credentials_at_all(scene: Scene) -> None:
    scene.settings["source"] |= {"access_key_id": "", "secret_access_key": ""}
    found = scene.examine()
    assert found["credentials"].verdict == "fail"
    assert "set source.access_key_id" in found["credentials"].said
    assert found["clock"].verdict == "skip"


def test_a_role_that_cannot_be_assumed(scene: Scene) -> None:
    keys = reader_keys(scene, "sqs:*", "s3:*")
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/other"
    scene.settings["source"] |= keys | {"role_arn": role}
    found = scene.examine()
    assert found["credentials"].verdict == "fail"
    assert "check source.role_arn" in found["credentials"].said


def test_aws_is_out_of_reach(scene: Scene) -> None:
    scene.settings["source"] |= {"endpoint_url": "http://127.0.0.1:9"}
    found = scene.examine()
    assert found["credentials"].verdict == "warn"
    assert found["queue"].verdict == "fail"
    assert "Connection refused" in found["queue"].said
    assert found["state directory"].verdict == "ok"


# Queue ---------------------------------------------------------------------------


def test_there_is_no_such_queue(scene: Scene) -> None:
    url = str(scene.settings["source"]["queue_url"])
    scene.settings["source"]["queue_url"] = f"{url}-2"
    found = scene.examine(wanted=Wanted((BUCKET,)))
    assert found["queue"].verdict == "fail"
    assert "there is no such queue" in found["queue"].said
    assert found["notification"].verdict == "skip"
    assert found["object"].verdict == "ok"


def test_dead_letters_are_told(scene: Scene) -> None:
    sqs = scene.aws.client("sqs")
    url = sqs.create_queue(
        QueueName="dead", Attributes={"MessageRetentionPeriod": "1209600"}
    )["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead"
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 10})
    assert scene.examine()["dead-letter queue"].verdict == "warn"
    scene.set_attributes(RedrivePolicy=redrive)
    assert scene.examine()["dead-letter queue"].verdict == "ok"
    sqs.send_message(QueueUrl=url, MessageBody="x")
    found = scene.examine()["dead-letter queue"]
    assert (found.verdict, found.said) == ("warn", "1 messages lie in dead")


def test_the_key_of_the_queue_is_looked_at(scene: Scene) -> None:
    kms = scene.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    scene.let_send("s3.amazonaws.com", f"arn:aws:s3:::{BUCKET}", key="alias/mine")
    found = scene.examine()["queue encryption"]
    assert found.verdict == "fail"
    assert "alias/mine does not let S3 use kms:GenerateDataKey" in found.said
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert scene.examine()["queue encryption"].verdict == "ok"
    kms.disable_key(KeyId=key)
    found = scene.examine()["queue encryption"]
    assert (found.verdict, found.mend) == ("fail", "enable it, or take another one")
    scene.settings["source"] |= reader_keys(scene, "sqs:*")
    found = scene.examine()["queue encryption"]
    assert found.verdict == "skip"
    assert "AccessDenied" in found.said


def test_a_message_is_received_where_that_is_asked_for(scene: Scene) -> None:
    sqs, url = scene.aws.client("sqs"), str(scene.settings["source"]["queue_url"])
    scene.empty_queue()
    assert scene.examine(receives=True)["message"].verdict == "skip"
    scene.put("other/key.json", b'{"a": 1}')
    found = scene.examine(receives=True)
    assert f"names s3://{BUCKET}/other/key.json" in found["message"].said
    assert "1 records" in found["object"].said
    depth = scene.examine()["queue"]
    assert "1 visible" in depth.said
    scene.empty_queue()
    sqs.send_message(QueueUrl=url, MessageBody='{"hello": "world"}')
    assert scene.examine(receives=True)["message"].verdict == "warn"


# Notifications -------------------------------------------------------------------


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


# Objects -------------------------------------------------------------------------


def test_nothing_of_the_bucket_may_be_seen(scene: Scene) -> None:
    scene.settings["source"] |= reader_keys(scene, "sqs:*")
    found = scene.examine()
    assert found["notification"].verdict == "warn"
    assert found["notification"].mend == "allow s3:GetBucketNotification to see it"
    assert found["object"].verdict == "warn"
    assert "allow s3:ListBucket" in found["object"].mend
    named = scene.examine(wanted=Wanted(objects=(ObjectRef(BUCKET, scene.key),)))
    assert named["object"].verdict == "fail"
    assert "allow s3:GetObject, and kms:Decrypt" in named["object"].said


def test_an_object_that_is_not_what_the_configuration_says(scene: Scene) -> None:
    scene.put("broken.json.gz", gzip.compress(b'{"Records": [' + b"1," * 99)[:-9])
    wanted = Wanted(objects=(ObjectRef(BUCKET, "broken.json.gz"),))
    found = scene.examine(wanted=wanted)["object"]
    assert found.verdict == "fail"
    assert "cannot be decoded: " in found.said


def test_there_is_nothing_to_read(scene: Scene) -> None:
    scene.settings["source"]["include_keys"] = ["nothing-like-that"]
    found = scene.examine()["object"]
    assert found.verdict == "warn"
    assert "source.include_keys" in found.mend


def test_a_bucket_that_is_no_trail(scene: Scene) -> None:
    scene.aws.client("s3").delete_object(Bucket=BUCKET, Key=scene.key)
    scene.put("plain/a.json", b'{"a": 1}\n{"a": 2}\n')
    found = scene.examine()["object"]
    assert found.verdict == "ok"
    assert f"s3://{BUCKET}/plain/a.json: 18 bytes, 0 min old, 2 records" in found.said


# Permissions ---------------------------------------------------------------------


class FakeIam(BaseHTTPRequestHandler):
    """Answers SimulatePrincipalPolicy, which moto does not know."""

    denied: frozenset[str]

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        results = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>"
            f"{'implicitDeny' if action in self.denied else 'allowed'}"
            "</EvalDecision></member>"
            for name, (action,) in asked.items()
            if name.startswith("ActionNames.")
        )
        body = (
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult>"
            f"<EvaluationResults>{results}</EvaluationResults>"
            "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.mark.parametrize(
    ("denied", "verdict"),
    [((), "ok"), (("sqs:DeleteMessage",), "warn"), (("s3:ListBucket",), "warn")],
)
def test_the_simulator_is_asked(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    denied: tuple[str, ...],
    verdict: str,
) -> None:
    scene.settings["source"] |= {
        "endpoint_url": "",
        "role_arn": "",
        "sqs_endpoint_url": scene.aws.endpoint_url,
        "s3_endpoint_url": scene.aws.endpoint_url,
    }
    scene.settings["source"] |= reader_keys(scene, "sqs:*", "s3:*")
    handler = type("Handler", (FakeIam,), {"denied": frozenset(denied)})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", scene.aws.endpoint_url)
        found = scene.examine()
        server.shutdown()
        thread.join()
    assert found["credentials"].said.endswith(":user/reader")
    assert found["permissions"].verdict == verdict
    assert all(action in found["permissions"].said for action in denied)


# The rest ------------------------------------------------------------------------


def test_a_marked_record_is_sent_where_that_is_asked_for(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    scene.deliver_to(receiver)
    found = scene.examine(sends_record=True)
    assert found["acknowledgement"].verdict == "ok"
    (record,) = receiver.records()
    assert record["message"] == "trailfeed doctor: a test record; ignore it"


def test_a_receiver_that_does_not_acknowledge(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    receiver.faults.acks = False
    scene.deliver_to(receiver)
    found = scene.examine(sends_record=True, timeout_s=3.0)
    assert found["receiver"].verdict == "ok"
    assert found["acknowledgement"].verdict == "fail"


def test_a_look_that_takes_too_long_is_given_up(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, says nothing
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        scene.settings["source"]["sqs_endpoint_url"] = url
        found = scene.examine(timeout_s=1.0)
    assert found["queue"].verdict == "fail"
    assert found["queue"].said == "no answer within 1 s"
    assert found["state directory"].verdict == "ok"


@pytest.mark.parametrize(
    ("make", "check", "verdict", "words"),
    [
        (lambda _: None, "state directory", "ok", "free"),
        (lambda state: state.rmdir(), "state directory", "ok", "is not there yet"),
        (
            lambda state: (state.rmdir(), state.write_text("")),
            "state directory",
            "fail",
            "is no directory",
        ),
        (
            lambda state: (state / "journal.sqlite3").write_bytes(b"x" * 9999),
            "journal",
            "fail",
            "cannot be read",
        ),
    ],
)
def test_the_state_directory(
    scene: Scene, make: Any, check: str, verdict: str, words: str
) -> None:
    state = scene.folder / "state"
    state.mkdir()
    (state / "lock").touch()
    if verdict == "fail" or "yet" in words:
        (state / "lock").unlink()
    make(state)
    scene.settings["state"]["dir"] = str(state)
    found = scene.examine()[check]
    assert found.verdict == verdict
    assert words in found.said


def test_a_running_daemon_is_asked_and_takes_a_test_message(
    scene: Scene, receiver: RecordingReceiver
) -> None:
    scene.deliver_to(receiver)
    listen = "127.0.0.1:0"
    settings = merged(
        scene.settings,
        {
            "status": {"listen": listen},
            "log": {"format": "text"},
            "state": {"dir": str(scene.folder / "s")},
            "source": {"wait_time_s": 1},
        },
    )
    with Daemon(scene.folder, settings) as daemon:
        wait_until(lambda: "status at http://" in daemon.log)
        address = daemon.log.partition("status at http://")[2].split()[0].strip("/")
        settings["status"]["listen"] = address
        scene.settings = settings
        receiver.wait_for_records(17, timeout_s=TIMEOUT_S)
        wait_until(lambda: scene.examine()["daemon"].verdict == "ok")
        found = scene.examine(sends_message=True)
        assert found["test message"].verdict == "ok"
        assert "in use by process" in found["state directory"].said
        assert "one runs and is ready" in found["daemon"].said
        assert "on average" in found["visibility timeout"].said
