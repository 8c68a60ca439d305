"""``trailfeed setup``: the AWS side of a bucket and a queue."""

# No lazy annotations: typer reads them when the command is registered.
import json
import os
import time
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from worker.printable import printable

if TYPE_CHECKING:
    from worker.aws_setup.account.setup import Setup
    from worker.aws_setup.step import Step
    from worker.aws_setup.wiring import Wiring
    from worker.source.sessions import AwsSession


class Form(Enum):
    """What is printed."""

    PLAN = "plan"
    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"
    CLI = "cli"


def setup(
    bucket: Annotated[
        str, typer.Option(metavar="NAME", help="With CloudTrail's files.")
    ],
    queue: Annotated[str, typer.Option(metavar="NAME", help="Is made if need be.")],
    *,
    region: Annotated[
        str,
        typer.Option(help="Of both; that of the environment unless told."),
    ] = "",
    account: Annotated[
        str,
        typer.Option(
            metavar="ID", help="Of both; that of the credentials if not told."
        ),
    ] = "",
    form: Annotated[
        Form, typer.Option("--format", help="All but the plan ask AWS nothing.")
    ] = Form.PLAN,
    does_apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Safe to repeat.")
    ] = False,
    prefix: Annotated[
        str | None,
        typer.Option(help="Of the keys; AWSLogs/ unless told."),
    ] = None,
    via_sns: Annotated[
        bool, typer.Option("--via-sns", help="With a topic in between.")
    ] = False,
    topic: Annotated[
        str, typer.Option(metavar="NAME", help="Named as the queue unless told.")
    ] = "",
    via_eventbridge: Annotated[
        bool, typer.Option("--via-eventbridge", help="With a rule in between.")
    ] = False,
    rule: Annotated[
        str, typer.Option(metavar="NAME", help="Named as the queue unless told.")
    ] = "",
    role: Annotated[
        str,
        typer.Option(metavar="NAME", help="An existing role that gets the policy."),
    ] = "",
    kms_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARN", help="Under which files or queue are encrypted; any number."
        ),
    ] = None,
    can_send: Annotated[
        bool,
        typer.Option("--send", help="The reader may send, too: replay, backfill."),
    ] = False,
    has_policy: Annotated[
        bool, typer.Option("--policy/--no-policy", help="The reader's, in IAM.")
    ] = True,
    is_new_bucket: Annotated[
        bool,
        typer.Option(
            "--new-bucket", help="Make the bucket, and let trails write to it."
        ),
    ] = False,
    bucket_account: Annotated[
        str, typer.Option(metavar="ID", help="Of the bucket, if it is another one.")
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="The plan as a JSON document.")
    ] = False,
) -> None:
    """Set up the queue, the bucket's notification to it, and the reader's permissions.

    Prints what there is to do, and does it with --apply. What is there stays: other
    notifications, other statements of policies, longer times. Other formats print the
    same as a template. Exit code 1: something is in the way.

    Example: trailfeed setup --bucket my-trail --queue trail-events --region eu-west-1
    """
    from worker.aws_setup.partitions import partition_of  # noqa: PLC0415 - slow
    from worker.aws_setup.wiring import (  # noqa: PLC0415 - slow
        TRAIL_PREFIX,
        Via,
        Wiring,
        problems,
    )

    if via_sns and via_eventbridge:
        raise typer.BadParameter("--via-sns and --via-eventbridge do not go together")
    if form is not Form.PLAN and (does_apply or as_json):
        raise typer.BadParameter("--apply and --json go with --format plan")
    region = region or _own_region()
    partition = partition_of(region)
    if partition is None:
        raise typer.BadParameter(f'--region "{region}": AWS has no such region')
    session = _session(region) if form is Form.PLAN else None
    if not account:
        account = _own_account(session)
    via = Via.SNS if via_sns else Via.EVENTBRIDGE if via_eventbridge else Via.S3
    wiring = Wiring(
        bucket=bucket,
        queue=queue,
        region=region,
        account=account,
        partition=partition,
        bucket_account=bucket_account or account,
        prefix=TRAIL_PREFIX if prefix is None else prefix,
        via=via,
        topic=topic or (queue if via_sns else ""),
        rule=rule or (queue if via_eventbridge else ""),
        has_reader=has_policy,
        role=role,
        kms_keys=tuple(kms_key or ()),
        can_send=can_send,
        is_new_bucket=is_new_bucket,
    )
    if found := problems(wiring):
        raise typer.BadParameter("; ".join(found))
    if session is None:
        typer.echo(_template(form, wiring).encode(), nl=False)
    else:
        _set_up(wiring, session, does_apply=does_apply, as_json=as_json)


def _set_up(
    wiring: "Wiring", session: "AwsSession", *, does_apply: bool, as_json: bool
) -> None:
    from worker.aws_setup.account.patience import Patience  # noqa: PLC0415 - slow
    from worker.aws_setup.account.setup import Setup  # noqa: PLC0415 - slow
    from worker.cli import setup_output  # noqa: PLC0415 - slow
    from worker.errors import CommonFaultError  # noqa: PLC0415 - slow
    from worker.source.faults import NO_CREDENTIALS  # noqa: PLC0415 - slow

    setting_up = Setup(wiring, session, Patience(time.sleep, _say))
    has_asked = _has_credentials(session)
    if does_apply and not has_asked:
        raise CommonFaultError(
            NO_CREDENTIALS,
            "--apply needs AWS credentials, and there are none: set AWS_PROFILE, or "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if has_asked:
        setting_up.check_account()
        steps = setting_up.plan()
    else:
        steps = setting_up.expectation()
        _say("there are no AWS credentials: AWS was not asked what is there already")
    is_blocked = any(step.is_in_the_way for step in steps)
    is_done = does_apply and not is_blocked
    if is_done:
        steps = _applied(setting_up, shows=not as_json)
    config = setup_output.config_of(wiring, setting_up)
    if as_json:
        document = setup_output.as_document(
            wiring, steps, config, has_asked=has_asked, is_done=is_done
        )
        typer.echo(json.dumps(document))
    else:
        if not is_done:
            for step in steps:
                typer.echo(setup_output.lines_of(step, is_done=False))
        typer.echo(setup_output.summary(steps, config, is_done=is_done))
    if is_blocked:
        raise typer.Exit(1)


def _applied(setting_up: "Setup", *, shows: bool) -> "tuple[Step, ...]":
    from worker.cli import setup_output  # noqa: PLC0415 - slow

    steps: list[Step] = []
    for step in setting_up.apply():
        steps.append(step)
        if shows:
            typer.echo(setup_output.lines_of(step, is_done=True))
    return tuple(steps)


def _template(form: Form, wiring: "Wiring") -> str:
    from worker.aws_setup.templates import (  # noqa: PLC0415 - slow
        aws_cli,
        cloudformation,
        terraform,
    )

    match form:
        case Form.CLOUDFORMATION:
            return cloudformation.template(wiring)
        case Form.TERRAFORM:
            return terraform.template(wiring)
        case _:
            return aws_cli.script(wiring)


def _session(region: str) -> "AwsSession":
    from worker.source.own_aws import own_session  # noqa: PLC0415 - slow

    return own_session(region)


def _has_credentials(session: "AwsSession") -> bool:
    from worker.errors import CommonFaultError  # noqa: PLC0415 - slow
    from worker.source.faults import NO_CREDENTIALS  # noqa: PLC0415 - slow

    try:
        session.credential()
    except CommonFaultError as error:
        if error.code == NO_CREDENTIALS:
            return False
        raise
    return True


def _own_region() -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise typer.BadParameter("name the region: --region us-east-1")
    return region


def _own_account(session: "AwsSession | None") -> str:
    from worker.aws_setup.account.setup import own_account  # noqa: PLC0415 - slow

    if session is None or not _has_credentials(session):
        raise typer.BadParameter("name the account: --account 123456789012")
    return own_account(session)


def _say(line: str) -> None:
    typer.echo(f"trailfeed: {printable(line)}", err=True)
