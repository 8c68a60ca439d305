"""Every template says the same as the plan."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it, without stubs
from typer.testing import CliRunner

from tests.unit.worker.aws_setup.wirings import ACCOUNT, KEY_ARN, wiring
from worker.aws_setup.documents import (
    event_pattern,
    policy,
    queue_statement,
    reader_policy,
    redrive_allow_policy,
    topic_statement,
    trail_statements,
)
from worker.aws_setup.queues import new_queue
from worker.aws_setup.templates import aws_cli, cloudformation, terraform
from worker.aws_setup.templates.remarks import command
from worker.aws_setup.wiring import Via, Wiring
from worker.cli import app

every_via = pytest.mark.parametrize("via", Via)
TEMPLATES = {
    "cloudformation": cloudformation.template,
    "terraform": terraform.template,
    "cli": aws_cli.script,
}


def resolved(wanted: Wiring) -> dict[str, Any]:
    """The template with its references as what they will stand for."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Safe, with two tags more."""

    attributes = {
        "Queue.Arn": wanted.queue_arn,
        "DeadLetterQueue.Arn": wanted.dead_letter_queue_arn,
        "Rule.Arn": wanted.rule_arn,
    }
    references = {
        "Queue": wanted.queue_url,
        "Topic": wanted.topic_arn,
        "Bucket": wanted.bucket,
        "ReaderPolicy": wanted.policy_arn,
    }
    Loader.add_constructor("!GetAtt", lambda _, node: attributes[node.value])
    Loader.add_constructor("!Ref", lambda _, node: references[node.value])
    text = cloudformation.template(wanted)
    document: dict[str, Any] = yaml.load(text, Loader)  # noqa: S506 - see above
    return document


class TestCloudFormation:
    def properties(self, wanted: Wiring) -> dict[str, dict[str, Any]]:
        resources = resolved(wanted)["Resources"]
        return {name: one["Properties"] for name, one in resources.items()}

    @every_via
    def test_it_makes_what_the_plan_makes(self, via: Via) -> None:
        wanted = wiring(via=via, kms_keys=(KEY_ARN,), can_send=True, role="reader")
        made = self.properties(wanted)
        attributes = new_queue(wanted)
        queue = made["Queue"]
        for name in ("VisibilityTimeout", "MessageRetentionPeriod"):
            assert str(queue[name]) == attributes[name]
        assert queue["RedrivePolicy"] == json.loads(attributes["RedrivePolicy"])
        assert made["DeadLetterQueue"]["RedriveAllowPolicy"] == redrive_allow_policy(
            wanted
        )
        assert made["QueuePolicy"]["PolicyDocument"] == policy(queue_statement(wanted))
        assert made["ReaderPolicy"]["PolicyDocument"] == reader_policy(wanted)
        assert made["ReaderPolicy"]["Roles"] == ["reader"]
        assert ("Topic" in made) is (via is Via.SNS)
        assert ("Rule" in made) is (via is Via.EVENTBRIDGE)
        if via is Via.SNS:
            assert made["TopicPolicy"]["PolicyDocument"] == policy(
                topic_statement(wanted)
            )
            assert made["Subscription"]["Endpoint"] == wanted.queue_arn
        if via is Via.EVENTBRIDGE:
            assert made["Rule"]["EventPattern"] == event_pattern(wanted)
            assert made["Rule"]["Targets"][0]["Arn"] == wanted.queue_arn

    @every_via
    def test_an_existing_bucket_is_left_alone(self, via: Via) -> None:
        wanted = wiring(via=via)
        assert "Bucket" not in self.properties(wanted)
        text = cloudformation.template(wanted)
        assert f"{command(wanted)} --apply" in text

    def test_a_new_bucket_announces_once_it_may(self) -> None:
        wanted = wiring(is_new_bucket=True)
        made = self.properties(wanted)
        (one,) = made["Bucket"]["NotificationConfiguration"]["QueueConfigurations"]
        assert one == {
            "Event": "s3:ObjectCreated:*",
            "Queue": wanted.queue_arn,
            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "AWSLogs/"}]}},
        }
        assert made["BucketPolicy"]["PolicyDocument"] == policy(
            *trail_statements(wanted)
        )
        bucket = resolved(wanted)["Resources"]["Bucket"]
        assert bucket["DependsOn"] == "QueuePolicy"
        assert bucket["DeletionPolicy"] == "Retain"


class TestTerraform:
    def test_an_existing_buckets_notifications_are_warned_of(self) -> None:
        text = terraform.template(wiring())
        assert text.index("CAUTION") < text.index("resource")
        assert f"{command(wiring())} --apply" in text
        assert "CAUTION" not in terraform.template(wiring(is_new_bucket=True))

    def test_only_the_account_that_is_meant_will_do(self) -> None:
        assert f'allowed_account_ids = ["{ACCOUNT}"]' in terraform.template(wiring())

    @every_via
    @pytest.mark.parametrize("is_new_bucket", [False, True])
    def test_what_it_refers_to_is_there(self, via: Via, is_new_bucket: bool) -> None:
        text = terraform.template(wiring(via=via, is_new_bucket=is_new_bucket))
        made = {
            ".".join(names)
            for names in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)
        }
        referred = set(re.findall(r"\b(aws_\w+\.\w+)", text))
        assert referred <= made


class TestScript:
    @pytest.mark.parametrize("name", ["wanted-notification", "reader", "queue"])
    def test_its_documents_are_json(self, name: str) -> None:
        text = aws_cli.script(wiring())
        begin = f"cat >\"$work/{name}.json\" <<'JSON'\n"
        document = text.partition(begin)[2].partition("\nJSON\n")[0]
        assert json.loads(document)

    def test_an_error_ends_it(self) -> None:
        assert "\nset -eu\n" in aws_cli.script(wiring())


@pytest.mark.parametrize("form", TEMPLATES)
def test_a_foreign_bucket_is_left_to_its_account(form: str) -> None:
    text = TEMPLATES[form](wiring(bucket_account="210987654321"))
    assert "The bucket is account 210987654321's" in text
    assert '{"QueueConfigurations": [{"Id": "trailfeed-trail-events"' in text
    assert "aws_s3_bucket_notification" not in text
    assert "put-bucket-notification" not in text


@pytest.mark.parametrize("form", TEMPLATES)
@every_via
def test_a_template_names_the_command_and_a_configuration(
    form: str, via: Via, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command in a remark, run, prints the same template."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    wanted = wiring(
        via=via,
        prefix="org/AWSLogs/",
        kms_keys=(KEY_ARN,),
        can_send=True,
        role="reader",
    )
    words = shlex.split(command(wanted, "--format", form))
    printed = CliRunner().invoke(app, words[1:])
    assert printed.exit_code == 0, printed.output
    assert printed.stdout == TEMPLATES[form](wanted)
    assert f'queue_url = "{wanted.queue_url}"' in printed.stdout
