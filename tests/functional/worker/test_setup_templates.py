"""What ``trailfeed setup --format`` prints, given to the tools that it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws import forget_machine
from tests.unit.worker.aws_setup.wirings import ACCOUNT, KEY_ARN, wiring
from worker.aws_setup.account.patience import Patience
from worker.aws_setup.account.setup import Setup
from worker.aws_setup.step import Verdict
from worker.aws_setup.templates import aws_cli, cloudformation, terraform
from worker.aws_setup.wiring import Via, Wiring
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, EmbeddedAws
from worker.source.own_aws import own_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional

TIMEOUT_S = 180
PROVIDERS = "TRAILFEED_TEST_TERRAFORM_PLUGINS"
"""Names a folder with Terraform's providers, as ``-plugin-dir`` takes it."""
ALL = {"kms_keys": (KEY_ARN,), "role": "reader", "can_send": True}
WIRINGS = {
    "s3": wiring(),
    "sns-new-bucket": wiring(via=Via.SNS, is_new_bucket=True, **ALL),
    "eventbridge": wiring(via=Via.EVENTBRIDGE, **ALL),
    "foreign-bucket": wiring(bucket_account="210987654321"),
    "new-bucket": wiring(
        is_new_bucket=True, has_reader=False, prefix="", region="eu-west-1"
    ),
}

each = pytest.mark.parametrize("name", WIRINGS)


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name} on the PATH")
    return path


def run(
    *command: str, cwd: Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - tools from the PATH
        command,
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT_S,
        cwd=cwd,
        env=os.environ | (environ or {}),
    )


@each
def test_cfn_lint_finds_nothing(name: str, tmp_path: Path) -> None:
    cfn_lint = tool("cfn-lint")
    path = tmp_path / "template.yaml"
    path.write_text(cloudformation.template(WIRINGS[name]))
    linted = run(cfn_lint, "--", str(path), cwd=tmp_path)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the provider in it."""
    path = tool("terraform")
    providers = os.environ.get(PROVIDERS)
    if not providers:
        pytest.skip(f"{PROVIDERS} names no folder of Terraform's providers")
    folder = tmp_path_factory.mktemp("terraform")
    (folder / "main.tf").write_text(terraform.template(wiring()))
    plugins = f"-plugin-dir={providers}"
    made = run(path, "init", "-input=false", plugins, cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder


class TestTerraform:
    @each
    def test_it_is_in_its_own_layout(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "main.tf").write_text(terraform.template(WIRINGS[name]))
        path = tool("terraform")
        laid_out = run(path, "fmt", "-check", "-diff", "main.tf", cwd=tmp_path)
        assert (laid_out.returncode, laid_out.stdout) == (0, "")

    @each
    def test_it_is_valid(self, name: str, folder: Path) -> None:
        (folder / "main.tf").write_text(terraform.template(WIRINGS[name]))
        valid = run(tool("terraform"), "validate", "-no-color", cwd=folder)
        assert valid.returncode == 0, valid.stdout


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


class TestScript:
    @each
    def test_shellcheck_finds_nothing(self, name: str, tmp_path: Path) -> None:
        shellcheck = tool("shellcheck")
        path = tmp_path / "setup.sh"
        path.write_text(aws_cli.script(WIRINGS[name]))
        checked = run(shellcheck, str(path), cwd=tmp_path)
        assert (checked.returncode, checked.stdout) == (0, "")

    @pytest.fixture
    def environ(
        self, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> dict[str, str]:
        forget_machine(monkeypatch, tmp_path)
        environ = {
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        # Version 1 of AWS's CLI knows an endpoint of SQS's by the option only.
        wrapper = tmp_path / "bin" / "aws"
        wrapper.parent.mkdir()
        command = f'exec {tool("aws")} --endpoint-url {aws.endpoint_url} "$@"'
        wrapper.write_text(f"#!/bin/sh\n{command}\n")
        wrapper.chmod(0o755)
        return environ | {"PATH": f"{wrapper.parent}:{os.environ['PATH']}"}

    @pytest.mark.parametrize("via", Via)
    def test_it_makes_what_the_plan_wants_and_can_be_run_again(
        self, aws: EmbeddedAws, environ: dict[str, str], tmp_path: Path, via: Via
    ) -> None:
        tool("jq")
        wanted = wiring(
            bucket=f"{via.value}-logs", queue=f"{via.value}-events", via=via
        )
        aws.client("s3").create_bucket(Bucket=wanted.bucket)
        path = tmp_path / "setup.sh"
        path.write_text(aws_cli.script(wanted))
        first = run("sh", str(path), cwd=tmp_path, environ=environ)
        assert first.returncode == 0, first.stderr
        done = run("sh", str(path), cwd=tmp_path, environ=environ)
        assert done.returncode == 0, done.stderr
        assert "the policy" in done.stderr
        assert "is right" in done.stderr
        assert self.not_right(wanted) == set()

    def test_what_is_there_stays(
        self, aws: EmbeddedAws, environ: dict[str, str], tmp_path: Path
    ) -> None:
        tool("jq")
        wanted = wiring(bucket="busy-logs", queue="busy-events")
        s3, sqs = aws.client("s3"), aws.client("sqs")
        s3.create_bucket(Bucket=wanted.bucket)
        sqs.create_queue(QueueName="images")
        url = sqs.create_queue(
            QueueName=wanted.queue,
            Attributes={
                "VisibilityTimeout": "43200",
                "MessageRetentionPeriod": "60",
                "Policy": '{"Version": "2012-10-17", "Statement": {"Sid": "Theirs", '
                '"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}}',
            },
        )["QueueUrl"]
        theirs = {
            "Id": "images",
            "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:images",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {
                "Key": {"FilterRules": [{"Name": "prefix", "Value": "images/"}]}
            },
        }
        s3.put_bucket_notification_configuration(
            Bucket=wanted.bucket,
            NotificationConfiguration={"QueueConfigurations": [theirs]},  # type: ignore[list-item]
        )
        path = tmp_path / "setup.sh"
        path.write_text(aws_cli.script(wanted))
        done = run("sh", str(path), cwd=tmp_path, environ=environ)
        assert done.returncode == 0, done.stderr
        assert self.not_right(wanted) == set()
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        assert attributes["VisibilityTimeout"] == "43200"
        assert '"Theirs"' in attributes["Policy"]
        found = s3.get_bucket_notification_configuration(Bucket=wanted.bucket)
        assert [one["Id"] for one in found["QueueConfigurations"]] == [
            "images",
            "trailfeed-busy-events",
        ]

    def not_right(self, wanted: Wiring) -> set[str]:
        """What the plan would still do."""
        patience = Patience(lambda _: None, lambda _: None)
        steps = Setup(wanted, own_session(wanted.region), patience).plan()
        # moto does not say that a bucket sends to EventBridge.
        unsaid = {"notification"} if wanted.via is Via.EVENTBRIDGE else set()
        return {one.kind for one in steps if one.verdict is not Verdict.OK} - unsaid
