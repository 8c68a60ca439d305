"""``trailfeed backfill`` as a user runs it, against moto's S3 and SQS."""

from __future__ import annotations

import gzip
import itertools
import json
import signal
import subprocess
from contextlib import chdir
from typing import TYPE_CHECKING

import pytest

from tests.fakes.daemon import wait_until
from tests.functional.worker.backfill_scene import (
    BODY,
    FIRST,
    SECOND,
    TIMEOUT_S,
    Setup,
    log_key,
    numbers,
    recorded,
)
from worker.backfill.sending import BATCHES_AT_ONCE
from worker.config.records import DecodeConfig
from worker.deliver.journal import Batch, Journal, ObjectKey, fingerprint_of
from worker.demo.aws import EmbeddedAws
from worker.source.notifications import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    embedded = EmbeddedAws()
    # What it records is written to where it was started.
    with chdir(tmp_path_factory.mktemp("aws")):
        embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


@pytest.fixture
def setup(aws: EmbeddedAws, tmp_path: Path) -> Setup:
    number = next(numbers)
    queue_url = aws.client("sqs").create_queue(QueueName=f"backfilled-{number}")[
        "QueueUrl"
    ]
    bucket = f"trail-{number}"
    aws.client("s3").create_bucket(Bucket=bucket)
    made = Setup(aws, bucket, queue_url, tmp_path)
    made.configure()
    return made


def test_a_time_is_sent_and_nothing_outside_it_is_listed(setup: Setup) -> None:
    keys = [log_key(f"2026-{month:02}-15") for month in range(1, 13)]
    keys += [log_key("2026-06-20", f"{hour:02}00") for hour in range(24)]
    setup.put(*keys)
    times = ("--from", "2026-06-20T06:00", "--to", "2026-06-20T09:00")
    with recorded(setup.aws) as listings:
        done = setup.run(setup.url, *times)
    refs = setup.sent()
    asked_for = [log_key("2026-06-20", f"{hour:02}00") for hour in (6, 7, 8)]
    assert sorted(ref.key for ref in refs) == asked_for
    assert {ref.run_id for ref in refs} == set(setup.runs())
    assert all(ref.etag and ref.size_bytes == len(BODY) for ref in refs)
    assert done.stdout == (
        f"{setup.runs()[0]}: 3 objects, {3 * len(BODY)} B sent to the queue\n"
    )
    region = f"AWSLogs/{FIRST}/CloudTrail/us-east-1/"
    of_objects = [one for one in listings if "delimiter" not in one]
    assert {one["prefix"] for one in of_objects} == {f"{region}2026/06/20/"}
    first = log_key("2026-06-20", "0600").removesuffix("Z_AbCdEf.json.gz")
    assert {one["start-after"] for one in of_objects} == {first}
    assert len(of_objects) == 2  # to send, and to know how much there is
    folders = {one.get("prefix", "") for one in listings if "delimiter" in one}
    assert folders == {
        *("", "AWSLogs/", f"AWSLogs/{FIRST}/", f"AWSLogs/{FIRST}/CloudTrail/")
    }


def test_only_the_accounts_and_regions_asked_for_are_looked_into(setup: Setup) -> None:
    places = [*itertools.product((FIRST, SECOND), ("us-east-1", "eu-west-1"))]
    for account, region in places:
        setup.put(log_key("2026-06-20", account=account, region=region))
    narrowed = ("--account", SECOND, "--region", "eu-west-1", "--region", "eu-west-1")
    with recorded(setup.aws) as listings:
        rows, totals = setup.counts(*narrowed)
    assert [(row["account"], row["region"]) for row in rows] == [(SECOND, "eu-west-1")]
    assert totals["objects"] == 1
    assert all(
        FIRST not in one.get("prefix", "") and "us-east-1" not in one.get("prefix", "")
        for one in listings
    )


def test_what_the_configuration_leaves_out_is_counted(setup: Setup) -> None:
    digest = log_key("2026-06-20").replace("CloudTrail", "CloudTrail-Digest")
    insight = log_key("2026-06-20").replace("CloudTrail", "CloudTrail-Insight")
    config = f"AWSLogs/{FIRST}/Config/us-east-1/2026/6/20/x.json.gz"
    setup.put(digest, insight, config, log_key("2026-06-20"), log_key("2026-06-21"))
    setup.put(log_key("2026-06-22"), body=b"")
    setup.configure(source={"exclude_keys": ["/CloudTrail-Digest/", "20260621T"]})
    with recorded(setup.aws) as listings:
        done = setup.run(setup.url)
    assert {ref.key for ref in setup.sent()} == {insight, log_key("2026-06-20")}
    assert "left out: 1 empty, 1 excluded by source.include_keys" in done.stdout
    folder = digest.rpartition("/us-east-1/")[0]
    assert not any(one.get("prefix", "").startswith(folder) for one in listings)
    _, totals = setup.counts()
    assert totals["left_out"] == {"excluded_key": 1, "empty_object": 1}
    assert totals["folders_left_out"] == [f"{folder}/"]
    setup.configure(source={"exclude_keys": []})
    _, totals = setup.counts()
    assert (totals["objects"], totals["folders_left_out"]) == (4, [])


def test_a_prefix_of_another_layout_is_listed_whole_by_when_it_was_written(
    setup: Setup,
) -> None:
    setup.put("logs/a b+c.json.gz", "logs/é.json.gz", "other/c.json.gz")
    _, totals = setup.counts("--to", "12h")
    assert totals["objects"] == 0
    done = setup.run(f"{setup.url}/logs/", "--from", "12h")
    assert "is no trail down to a region: listed whole" in done.stderr
    assert {ref.key for ref in setup.sent()} == {"logs/a b+c.json.gz", "logs/é.json.gz"}
    done = setup.run(f"{setup.url}/logs/", "--region", "us-east-1", exit_code=1)
    assert "so --account and --region mean nothing there" in done.stderr


def test_a_killed_run_goes_on_where_it_was(setup: Setup) -> None:
    keys = [log_key("2026-06-20", f"{n // 60:02}{n % 60:02}") for n in range(200)]
    setup.put(*keys)
    with setup.start(setup.url, "--rate", "50") as process:
        wait_until(lambda: setup.noted_objects() >= 40)
        process.kill()
    noted = setup.noted_objects()
    assert noted < len(keys)
    done = setup.run(setup.url)
    assert f"where {noted} objects of {setup.url}/ are done with" in done.stderr
    assert len(setup.runs()) == 1
    assert f"{len(keys)} objects" in done.stdout
    sent = [ref.key for ref in setup.sent()]
    assert set(sent) == set(keys)
    assert len(sent) - len(keys) <= BATCHES_AT_ONCE * 10
    # It is over: the same asked again is another run.
    setup.run(setup.url)
    assert len(setup.runs()) == 2
    assert {ref.run_id for ref in setup.sent()} == {setup.runs()[1]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on_and_repeats_nothing(
    setup: Setup, number: signal.Signals
) -> None:
    keys = [log_key("2026-06-20", f"{n // 60:02}{n % 60:02}") for n in range(100)]
    setup.put(*keys)
    with setup.start(setup.url, "--rate", "40") as process:
        wait_until(lambda: setup.noted_objects() >= 20)
        process.send_signal(number)
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    (run_id,) = setup.runs()
    assert err.decode().splitlines()[-1] == (
        "trailfeed: interrupted; it goes on where it was with: "
        f"trailfeed backfill --resume {run_id} --config {setup.config}"
    )
    done = setup.run("--resume", run_id, "--json")
    outcome = json.loads(done.stdout)
    assert (outcome["objects"], outcome["is_finished"]) == (100, True)
    assert sorted(ref.key for ref in setup.sent()) == keys
    setup.run("--resume", run_id)
    assert setup.depth() == 0


def test_a_deep_queue_is_waited_for(setup: Setup) -> None:
    keys = [log_key("2026-06-20", f"12{n:02}") for n in range(60)]
    setup.put(*keys)
    sqs = setup.aws.client("sqs")
    for _ in range(30):
        sqs.send_message(QueueUrl=setup.queue_url, MessageBody="live")
    with setup.start(setup.url, "--max-depth", "30") as process:
        wait_until(lambda: bool(setup.runs()))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert setup.depth() == 30
        sqs.purge_queue(QueueUrl=setup.queue_url)
        wait_until(lambda: setup.depth() >= 30)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert setup.depth() == 30
        sent = setup.sent()
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert sorted(ref.key for ref in sent + setup.sent()) == keys


def test_what_was_delivered_before_is_left_out(setup: Setup) -> None:
    days = [f"2026-06-{day}" for day in range(10, 16)]
    setup.put(*map(log_key, days))
    s3 = setup.aws.client("s3")
    etags = {
        key: s3.head_object(Bucket=setup.bucket, Key=key)["ETag"]
        for key in map(log_key, days[:3])
    }
    (setup.folder / "state").mkdir()
    journal = Journal(
        setup.folder / "state" / "journal.sqlite3",
        owner="r:0:1",
        slot=0,
        fingerprint=fingerprint_of(DecodeConfig()),
        window_s=86_400,
    )
    batch = Batch()
    for key, etag in etags.items():
        found = ObjectKey.of(setup.bucket, key, version_id="", etag=etag)
        assert found is not None
        batch.finish(found, 1)
    journal.commit(batch, 0.0)
    # As a daemon's would: the journal stays open meanwhile.
    _, totals = setup.counts("--skip-delivered")
    assert (totals["objects"], totals["left_out"]) == (3, {"delivered_before": 3})
    setup.put(log_key(days[0]), body=gzip.compress(b"overwritten"))
    done = setup.run(setup.url, "--skip-delivered")
    assert "left out: 2 delivered before" in done.stdout
    assert {ref.key for ref in setup.sent()} == {log_key(days[0])} | {
        log_key(day) for day in days[3:]
    }
    journal.close()


def test_in_a_bucket_with_versions_the_current_ones_are_sent(setup: Setup) -> None:
    s3 = setup.aws.client("s3")
    s3.put_bucket_versioning(
        Bucket=setup.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    first, second, gone = (log_key(f"2026-06-{day}") for day in (10, 11, 12))
    setup.put(first, second, gone)
    setup.put(first, body=gzip.compress(b"overwritten"))
    s3.delete_object(Bucket=setup.bucket, Key=gone)
    # Without --from: moto loses a version where the marker is no key that there is.
    setup.run(setup.url, "--skip-delivered")
    refs = setup.sent()
    assert sorted(ref.key for ref in refs) == [first, second]
    for ref in refs:
        head = s3.head_object(Bucket=setup.bucket, Key=ref.key)
        assert (ref.version_id, f'"{ref.etag}"') == (head["VersionId"], head["ETag"])


def test_archived_objects_are_left_out_and_make_it_a_failure(setup: Setup) -> None:
    setup.put(log_key("2026-06-10"), StorageClass="GLACIER")
    setup.put(log_key("2026-06-11"), StorageClass="GLACIER_IR")
    done = setup.run(setup.url, exit_code=1)
    assert done.stdout.endswith(
        "left out: 1 archived (restore them first); 1 object archived: restore them, "
        "and ask for them anew\n"
    )
    assert [ref.key for ref in setup.sent()] == [log_key("2026-06-11")]


def test_without_raw_delivery_messages_come_in_sns_s_envelope(setup: Setup) -> None:
    setup.put(log_key("2026-06-10"))
    setup.configure(source={"uses_sns": True})
    setup.run(setup.url)
    answer = setup.aws.client("sqs").receive_message(QueueUrl=setup.queue_url)
    (message,) = answer["Messages"]
    (ref,) = parse(message["Body"], uses_sns=True).objects
    assert ref.key == log_key("2026-06-10")


def test_a_dry_run_is_a_table_and_changes_nothing(setup: Setup) -> None:
    setup.put(log_key("2026-06-10"), log_key("2026-06-10", "1300"))
    setup.put(log_key("2026-06-11", account=SECOND, region="eu-west-1"), "notes.txt")
    done = setup.run(setup.url, "--dry-run")
    assert done.stdout.splitlines() == [
        "account       region     day         objects  bytes",
        f"{FIRST}  us-east-1  2026-06-10        2   70 B",
        f"{SECOND}  eu-west-1  2026-06-11        1   35 B",
        f"{setup.url}/: 3 objects, 105 B",
    ]
    assert setup.depth() == 0
    assert setup.runs() == []


def test_faults_are_one_line_each_and_say_how_to_go_on(setup: Setup) -> None:
    setup.put(log_key("2026-06-10"))
    setup.configure(source={"queue_url": f"{setup.queue_url}-gone"})
    done = setup.run(setup.url, exit_code=1)
    _, fault, hint = done.stderr.splitlines()
    assert "there is no such queue: check source.queue_url" in fault
    assert f"--resume {setup.runs()[0]} --config" in hint
    setup.configure()
    done = setup.run("s3://no-such-bucket-here", "--dry-run", exit_code=1)
    assert "cannot list s3://no-such-bucket-here/" in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": {"allowed_buckets": ["a", "b-*"]}}, "source.allowed_buckets: no"),
        ({"state": {"dir": ""}}, "state.dir: is empty, and a backfill notes there"),
        ({"state": {"dir": "{folder}/trailfeed.toml"}}, "state.dir: cannot use"),
        ({"source": {"queue_url": ""}}, "source.queue_url"),
    ],
)
def test_a_configuration_that_cannot_work_ends_with_78(
    setup: Setup, changes: dict[str, dict[str, object]], said: str
) -> None:
    if "state" in changes:
        folder = str(changes["state"]["dir"]).format(folder=setup.folder)
        changes = {"state": {"dir": folder}}
    setup.configure(**changes)
    (line,) = setup.run(setup.url, exit_code=78).stderr.splitlines()
    assert line.startswith(f"trailfeed: {said}")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("trail",),
        ("s3://b", "--from", "tomorrow"),
        ("s3://b", "--from", "2026-06-02", "--to", "2026-06-01"),
        ("s3://b", "--rate", "-1"),
        ("s3://b", "--account", "1"),
        ("s3://b", "--account", ""),
        ("s3://b", "--direct", "--max-depth", "3"),
        ("s3://b", "--resume", "x"),
        ("--resume", "x", "--dry-run"),
        ("--resume", "x", "--direct"),
    ],
)
def test_wrong_usage_ends_with_2(setup: Setup, arguments: tuple[str, ...]) -> None:
    assert "Error: " in setup.run(*arguments, exit_code=2).stderr


def test_a_run_that_is_not_there_is_named(setup: Setup) -> None:
    done = setup.run("--resume", "nonsense", exit_code=1)
    assert done.stderr.startswith("trailfeed: 'nonsense': there is no such run in ")
