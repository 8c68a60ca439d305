"""What ``trailfeed doctor`` says of credentials and the queue."""

from __future__ import annotations

import json

import pytest

from tests.functional.worker.doctor.scene import BUCKET, Scene, post, reader_keys
from worker.demo.aws import ACCOUNT_ID, REGION
from worker.doctor.buckets import Wanted

pytestmark = pytest.mark.functional


# Credentials ---------------------------------------------------------------------


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
    assert "AWS_PROFILE" in found["credentials"].said
    assert "source.access_key_id" in found["credentials"].said
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
