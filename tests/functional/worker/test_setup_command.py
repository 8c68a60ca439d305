"""``trailfeed setup`` as it is run, against moto.

moto checks no policies and keeps neither a dead-letter queue's list of sources nor that
a bucket sends to EventBridge; the rules for those are tested where they are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.aws import forget_machine
from tests.functional.worker.setup_account import BUCKET, KEY, QUEUE, Account, post
from worker.config import load
from worker.demo.aws import ACCOUNT_ID, EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def account(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Account]:
    """One with nothing but an empty bucket."""
    forget_machine(monkeypatch, tmp_path)
    found = Account(aws.endpoint_url)
    found.client("s3").create_bucket(Bucket=BUCKET)
    yield found
    post(aws.endpoint_url, "reset")


class TestPlan:
    def test_it_changes_nothing(self, account: Account) -> None:
        run = account.run()
        assert run.returncode == 0
        assert "make      queue trail-events\n" in run.stdout
        assert "4 to make, 0 to change, 1 right. Nothing was done" in run.stdout
        assert "QueueUrls" not in account.client("sqs").list_queues()
        assert account.notifications() == {}

    def test_it_ends_with_a_configuration(
        self, account: Account, tmp_path: Path
    ) -> None:
        config = tmp_path / "trailfeed.toml"
        config.write_text(account.run().stdout.partition("# trailfeed.toml\n")[2])
        source = load(config, {}).source
        assert source.queue_url.endswith(f"/{ACCOUNT_ID}/{QUEUE}")
        assert source.allowed_buckets == (BUCKET,)

    def test_without_credentials_it_says_so(self, account: Account) -> None:
        run = account.run(key=("", ""))
        assert run.returncode == 0
        assert run.stderr == (
            "trailfeed: there are no AWS credentials: AWS was not asked what is there "
            "already\n"
        )
        assert "taken to be there" in run.stdout


class TestApply:
    def test_from_nothing(self, account: Account) -> None:
        said = account.apply()
        assert "4 made, 0 changed, 1 right before." in said
        queue = account.attributes(QUEUE)
        assert queue["VisibilityTimeout"] == "600"
        assert queue["MessageRetentionPeriod"] == "604800"
        assert queue["ReceiveMessageWaitTimeSeconds"] == "20"
        redrive = json.loads(queue["RedrivePolicy"])
        dead_letters = account.attributes(f"{QUEUE}-dlq")
        assert redrive["deadLetterTargetArn"] == dead_letters["QueueArn"]
        assert redrive["maxReceiveCount"] == 10
        assert account.announced() == [(BUCKET, KEY)]

    def test_the_second_time_nothing_changes(self, account: Account) -> None:
        account.apply()
        queue, notifications = account.attributes(QUEUE), account.notifications()
        assert "0 made, 0 changed, 5 right before." in account.apply()
        assert account.notifications() == notifications
        assert account.attributes(QUEUE) == queue
        assert set(account.plan().values()) == {"ok"}

    def test_what_was_interrupted_is_ended(self, account: Account) -> None:
        account.apply()
        account.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={}
        )
        sqs = account.client("sqs")
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
        assert account.plan() == {
            "bucket": "ok",
            "dead_letter_queue": "ok",
            "queue": "change",
            "notification": "make",
            "reader_policy": "ok",
        }
        assert "visibility timeout 30 s -> 600 s" in account.apply()
        assert set(account.plan().values()) == {"ok"}

    def test_other_notifications_stay(self, account: Account) -> None:
        sqs = account.client("sqs")
        sqs.create_queue(QueueName="images")
        topic = account.client("sns").create_topic(Name="removals")["TopicArn"]
        others = {
            "QueueConfigurations": [
                {
                    "Id": "images",
                    "QueueArn": account.attributes("images")["QueueArn"],
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {
                        "Key": {"FilterRules": [{"Name": "prefix", "Value": "images/"}]}
                    },
                }
            ],
            "TopicConfigurations": [
                {
                    "Id": "removals",
                    "TopicArn": topic,
                    "Events": ["s3:ObjectRemoved:*"],
                }
            ],
        }
        account.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration=others
        )
        before = account.notifications()
        assert "2 other notifications stay" in account.apply()
        after = account.notifications()
        assert after["TopicConfigurations"] == before["TopicConfigurations"]
        first, ours = after["QueueConfigurations"]
        assert [first] == before["QueueConfigurations"]
        assert ours["QueueArn"] == account.attributes(QUEUE)["QueueArn"]

    def test_one_that_overlaps_is_named_and_nothing_is_done(
        self, account: Account
    ) -> None:
        account.client("sqs").create_queue(QueueName="other")
        arn = account.attributes("other")["QueueArn"]
        account.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"Id": "all", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )
        run = account.run("--apply")
        assert run.returncode == 1
        assert 'its notification "all" sends s3:ObjectCreated:* of the whole' in (
            run.stdout
        )
        assert account.plan()["queue"] == "make"

    def test_a_queue_takes_a_second_bucket(self, account: Account) -> None:
        account.client("s3").create_bucket(Bucket="more-logs")
        account.apply()
        account.apply(bucket="more-logs")
        assert set(account.plan().values()) == {"ok"}
        assert set(account.plan(bucket="more-logs").values()) == {"ok"}
        senders = json.loads(account.attributes(QUEUE)["Policy"])["Statement"]
        assert [one["Condition"]["ArnEquals"] for one in senders] == [
            {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}
            for bucket in (BUCKET, "more-logs")
        ]

    def test_a_role_gets_the_policy_and_it_never_runs_out_of_versions(
        self, account: Account
    ) -> None:
        iam = account.client("iam")
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument="{}")
        for number in range(4):
            account.client("s3").create_bucket(Bucket=f"logs-{number}")
        for number in range(4):
            account.apply("--role", "reader", bucket=f"logs-{number}")
            account.apply("--send", bucket=f"logs-{number}")
        (policy,) = iam.list_attached_role_policies(RoleName="reader")[
            "AttachedPolicies"
        ]
        assert policy["PolicyName"] == f"{QUEUE}-reader"
        versions = iam.list_policy_versions(PolicyArn=policy["PolicyArn"])["Versions"]
        assert len(versions) <= 5

    def test_a_new_bucket_is_closed_to_the_public(self, account: Account) -> None:
        names: dict[str, Any] = {"bucket": "new-logs", "region": "eu-west-1"}
        assert account.plan(**names)["bucket"] == "blocked"
        said = account.apply("--new-bucket", **names)
        assert "made      bucket new-logs" in said
        s3 = account.client("s3", "eu-west-1")
        block = s3.get_public_access_block(Bucket="new-logs")
        assert set(block["PublicAccessBlockConfiguration"].values()) == {True}
        policy = json.loads(s3.get_bucket_policy(Bucket="new-logs")["Policy"])
        assert {one["Principal"]["Service"] for one in policy["Statement"]} == {
            "cloudtrail.amazonaws.com"
        }
        again = account.plan("--new-bucket", **names)
        assert set(again.values()) == {"ok"}


class TestForeignBucket:
    """One of another account, which has to see to it."""

    def test_it_is_not_touched(self, account: Account) -> None:
        options = ("--bucket-account", "210987654321")
        said = account.apply(*options, bucket="their-logs")
        assert "elsewhere notification their-logs" in said
        wanted = said.partition("adds to what the bucket has: ")[2].splitlines()[0]
        (one,) = json.loads(wanted)["QueueConfigurations"]
        queue = account.attributes(QUEUE)
        assert one["QueueArn"] == queue["QueueArn"]
        (sender,) = json.loads(queue["Policy"])["Statement"]
        assert sender["Condition"]["StringEquals"] == {
            "aws:SourceAccount": "210987654321"
        }
        assert account.plan(*options, bucket="their-logs") == {
            "dead_letter_queue": "ok",
            "queue": "ok",
            "notification": "elsewhere",
            "reader_policy": "ok",
        }


class TestOtherWays:
    def test_by_a_topic(self, account: Account) -> None:
        account.apply("--via-sns")
        assert set(account.plan("--via-sns").values()) == {"ok"}
        assert account.announced() == [(BUCKET, KEY)]

    def test_by_a_topic_that_is_there(self, account: Account) -> None:
        """Whose policy, subscribers and notification stay."""
        sns = account.client("sns")
        arn = sns.create_topic(Name="everyone")["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="https", Endpoint="https://a.example/")
        account.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "TopicConfigurations": [
                    {"Id": "all", "TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}
                ]
            },
        )
        plan = account.run()
        assert "--via-sns --topic everyone" in plan.stdout
        account.apply("--via-sns", "--topic", "everyone")
        attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        assert len(json.loads(attributes["Policy"])["Statement"]) == 2
        pages = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        assert {one["Protocol"] for one in pages} == {"https", "sqs"}

    def test_by_a_rule(self, account: Account) -> None:
        account.apply("--via-eventbridge")
        plan = account.plan("--via-eventbridge")
        assert plan["rule"] == plan["queue"] == "ok"
        assert account.announced() == [(BUCKET, KEY)]

    def test_a_rule_that_was_changed_is_mended(self, account: Account) -> None:
        account.apply("--via-eventbridge")
        account.client("events").disable_rule(Name=QUEUE)
        assert account.plan("--via-eventbridge")["rule"] == "change"
        account.apply("--via-eventbridge")
        rule = account.client("events").describe_rule(Name=QUEUE)
        assert rule["State"] == "ENABLED"


class TestInTheWay:
    def test_a_bucket_elsewhere(self, account: Account) -> None:
        run = account.run("--apply", region="eu-central-1")
        assert run.returncode == 1
        assert "it is in us-east-1, and S3 announces to its own region only" in (
            run.stdout
        )
        assert "QueueUrls" not in account.client("sqs", "eu-central-1").list_queues()

    def test_another_account(self, account: Account) -> None:
        run = account.run("--apply", "--account", "210987654321")
        assert run.returncode == 1
        (line,) = run.stderr.splitlines()
        assert f"are of account {ACCOUNT_ID}, not of 210987654321" in line

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--account", "12"), "twelve digits"),
            (("--region", "mars-1"), "no such region"),
            (("--via-sns", "--via-eventbridge"), "do not go together"),
            (("--format", "terraform", "--apply"), "--format plan"),
            (("--topic", "x"), "--via-sns"),
        ],
    )
    def test_wrong_usage(
        self, account: Account, options: tuple[str, ...], said: str
    ) -> None:
        run = account.run(*options)
        assert run.returncode == 2
        assert said in " ".join(run.stderr.split())

    def test_apply_without_credentials(self, account: Account) -> None:
        run = account.run("--apply", key=("", ""))
        assert run.returncode == 1
        (line,) = run.stderr.splitlines()
        assert "--apply needs AWS credentials" in line


class TestDenied:
    """Credentials that may not do something: one line says what."""

    @pytest.fixture
    def key(self, account: Account) -> Iterator[tuple[str, str]]:
        """Of a user who may look at queues only; moto then checks what users may."""
        iam = account.client("iam")
        iam.create_user(UserName="someone")
        iam.put_user_policy(
            UserName="someone",
            PolicyName="some",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["sqs:Get*", "s3:*", "sts:*"],
                            "Resource": "*",
                        }
                    ],
                }
            ),
        )
        made = iam.create_access_key(UserName="someone")["AccessKey"]
        post(account.endpoint_url, "reset-auth", "0")
        yield made["AccessKeyId"], made["SecretAccessKey"]
        post(account.endpoint_url, "reset-auth", "inf")

    def test_the_plan_says_what_could_not_be_read(
        self, account: Account, key: tuple[str, str]
    ) -> None:
        run = account.run(key=key)
        assert run.returncode == 1
        assert "make      queue trail-events" in run.stdout
        unknown = run.stdout.partition("unknown   reader policy")[2]
        assert "not allowed: User: " in unknown
        assert "Traceback" not in run.stderr

    def test_nothing_is_done_before_all_can_be_read(
        self, account: Account, key: tuple[str, str]
    ) -> None:
        run = account.run("--apply", key=key)
        assert run.returncode == 1
        assert "nothing was done" in run.stdout

    def test_what_may_not_be_made_is_one_line(
        self, account: Account, key: tuple[str, str]
    ) -> None:
        run = account.run("--apply", "--no-policy", key=key)
        assert run.returncode == 1
        (line,) = run.stderr.splitlines()
        assert line.startswith(
            "trailfeed: cannot set up dead-letter queue trail-events-dlq: not allowed: "
        )
        assert "sqs:CreateQueue" in line

    def test_unknown_keys_are_one_line(
        self, account: Account, key: tuple[str, str]
    ) -> None:
        run = account.run(key=("AKIANOSUCHKEYEXAMPLE", key[1]))
        assert (run.returncode, run.stdout) == (1, "")
        (line,) = run.stderr.splitlines()
        assert "cannot ask AWS whose credentials these are" in line
