"""``trailfeed quarantine`` as a user runs it, against moto's queue."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.daemon import merged, settings_for, toml
from tests.fakes.quarantine import item
from worker.deliver.quarantine import Quarantine
from worker.demo.aws import EmbeddedAws
from worker.demo.processes import environment
from worker.source.messages import Message
from worker.source.notifications import ObjectRef, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.source.notifications import Notification

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 60
ODD_KEY = "AWSLogs/é\x1b[31m[bold]\ud800 +%/x.json.gz"
queue_numbers = itertools.count()


def notification(*keys: str) -> str:
    return json.dumps(
        {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "s3": {"bucket": {"name": "trail-logs"}, "object": {"key": key}},
                }
                for key in keys
            ]
        }
    )


@dataclass(frozen=True)
class Setup:
    """A queue, a configuration that names it, and the quarantine beside."""

    aws: EmbeddedAws
    queue_url: str
    config: Path
    quarantine: Quarantine

    def run(
        self, command: str, *arguments: str, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        words = ["quarantine", command, "--config", str(self.config), *arguments]
        return subprocess.run(  # noqa: S603 - trailfeed itself
            [sys.executable, "-m", "worker", *words],
            cwd=ROOT,
            env=environment() | variables,
            input=stdin.encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def told(self, command: str, *arguments: str, **more: str) -> str:
        """Standard output of a command that does its work without complaint."""
        done = self.run(command, *arguments, **more)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    def refusal(self, command: str, *arguments: str, exit_code: int = 1) -> str:
        """The one line with which a command fails."""
        done = self.run(command, *arguments)
        assert done.returncode == exit_code, done.stderr
        (line,) = done.stderr.decode().splitlines()
        return line

    def put(self, number: int = 0, body: bytes | None = b"body", **changes: Any) -> str:
        return self.quarantine.put(item(number, **changes), body)

    def left(self) -> list[str]:
        return [kept.id for kept in self.quarantine.items()]

    def sent(self) -> list[str]:
        answer = self.aws.client("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        return [message["Body"] for message in answer.get("Messages", ())]

    def announced(self) -> list[Notification]:
        return [parse(body) for body in self.sent()]


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def setup(aws: EmbeddedAws, tmp_path: Path) -> Setup:
    queue_url = aws.client("sqs").create_queue(
        QueueName=f"replayed-{next(queue_numbers)}"
    )["QueueUrl"]
    config = tmp_path / "trailfeed.toml"
    config.write_text(
        toml(settings_for(aws, queue_url, "unix:///run/x.sock", tmp_path))
    )
    (tmp_path / "state").mkdir()
    quarantine = Quarantine(
        tmp_path / "state" / "quarantine", max_bytes=10**9, when_full="retry"
    )
    return Setup(aws, queue_url, config, quarantine)


def test_an_empty_quarantine_says_so(setup: Setup) -> None:
    assert setup.told("list") == "the quarantine is empty\n"
    assert setup.told("list", "--json") == ""
    assert setup.told("replay", "--all") == "the quarantine is empty\n"
    assert setup.told("purge", "--all") == "nothing to remove\n"
    setup.put()
    assert setup.told("list", "--code", "other") == (
        "nothing in the quarantine has code other\n"
    )


def test_items_are_listed_in_a_table_oldest_first(setup: Setup) -> None:
    ids = [
        setup.put(0, b"x" * 2048, object=ObjectRef("trail-logs", ODD_KEY)),
        setup.put(1, None, code="unknown_message", object=None),
        setup.put(2, b"x", record_index=17),
    ]
    rows = [line for line in setup.told("list").splitlines() if "20261121T" in line]
    assert [item_id in row for item_id, row in zip(ids, rows, strict=True)] == [
        True,
        True,
        True,
    ]
    assert "2026-11-21 09:15:01" in rows[0]
    assert "bad_gzip" in rows[0]
    assert "s3://trail-logs/AWSLogs/é\\x1b[31m[bold]\\ud800 +%/x.json.gz" in rows[0]
    assert "2 KiB" in rows[0]
    assert "message m1" in rows[1]
    assert "s3://trail-logs/AWSLogs/2.json.gz record 17" in rows[2]
    only = setup.told("list", "--code", "unknown_message")
    assert ids[1] in only
    assert ids[0] not in only


@pytest.mark.parametrize("command", ["list", "show"])
def test_any_terminal_can_show_any_key(setup: Setup, command: str) -> None:
    item_id = setup.put(object=ObjectRef("trail-logs", ODD_KEY))
    arguments = [item_id] if command == "show" else []
    out = setup.told(command, *arguments, PYTHONIOENCODING="ascii")
    assert "\\x1b[31m[bold]\\ud800" in out


def test_lists_for_machines_hold_whole_items(setup: Setup) -> None:
    ref = ObjectRef("trail-logs", ODD_KEY, version_id="v1", etag="e", run_id="r1")
    ids = [setup.put(0, object=ref), setup.put(1, None, object=None)]
    first, second = map(json.loads, setup.told("list", "--json").splitlines())
    assert [first["id"], second["id"]] == ids
    assert first["object"]["key"] == ODD_KEY
    assert first["object"]["run_id"] == "r1"
    assert first["message"]["receive_count"] == 3
    assert second["object"] is None
    assert json.loads(setup.told("show", ids[0], "--json")) == first


def test_an_item_is_shown_whole(setup: Setup) -> None:
    ref = ObjectRef("trail-logs", "k", "v1", "etag-1", 5000, "eu-west-1", run_id="r1")
    item_id = setup.put(
        object=ref,
        record_index=4,
        message=Message("m-1", "handle", '{"a": "\x1b"}\n', 7),
    )
    out = setup.told("show", item_id)
    for text in (
        item_id,
        "2026-11-21T09:15:01.123456+00:00",
        "bad_gzip",
        "object 0 is no gzip file",
        "s3://trail-logs/k",
        "v1",
        "etag-1",
        "eu-west-1",
        "4.883 KiB",
        "r1",
        "number 4 of the object",
        "4 bytes (--body writes them out)",
        "m-1",
        "7 times, from https://sqs.",
        '{"a": "\\x1b"}\\n\n',
    ):
        assert text in out
    assert "handle" not in out


def test_the_stored_bytes_come_out_as_they_are(setup: Setup) -> None:
    body = bytes(range(256)) * 300
    item_id = setup.put(0, body)
    done = setup.run("show", item_id, "--body")
    assert (done.returncode, done.stdout, done.stderr) == (0, body, b"")
    without = setup.put(1, None)
    assert "its object was never read" in setup.refusal("show", without, "--body")


def test_a_replayed_message_names_its_object_in_a_run_of_its_own(setup: Setup) -> None:
    first, second = (
        ObjectRef("trail-logs", "a b"),
        ObjectRef("trail-logs", "c"),
    )
    sent = Message("m", "", notification("a+b", "c"))
    ids = [
        setup.put(0, message=sent, object=first),
        setup.put(1, message=sent, object=second),
        setup.put(2, code="other"),
    ]
    out = setup.told("replay", ids[0])
    assert out.startswith(f'sent {ids[0]}: "s3://trail-logs/a b" as ')
    (announced,) = setup.announced()
    assert [(ref.key, ref.run_id) for ref in announced.objects] == [("a b", ids[0])]
    assert setup.left() == ids[1:]

    setup.told("replay", "--all", "--code", "bad_gzip")
    (announced,) = setup.announced()
    assert [(ref.key, ref.run_id) for ref in announced.objects] == [("c", ids[1])]
    assert setup.left() == ids[2:]


@pytest.mark.parametrize("body", ["hello <&>", "[1, 2]", '"é"'])
def test_what_is_no_json_object_is_sent_as_it_was(setup: Setup, body: str) -> None:
    setup.put(message=Message("m", "", body), object=None)
    setup.told("replay", "--all")
    assert setup.sent() == [body]
    assert setup.left() == []


def test_a_dry_run_sends_and_removes_nothing(setup: Setup) -> None:
    item_id = setup.put()
    out = setup.told("replay", "--all", "--dry-run")
    assert out == f"would send {item_id}: s3://trail-logs/AWSLogs/0.json.gz\n"
    assert setup.left() == [item_id]
    assert setup.sent() == []


def test_unknown_ids_are_named_at_once_and_nothing_is_done(setup: Setup) -> None:
    item_id = setup.put()
    for command in ("replay", "purge"):
        line = setup.refusal(command, item_id, "nonsense", "../..")
        assert line.startswith("trailfeed: not in the quarantine: nonsense, ../..;")
    assert "'nonsense' is not in the quarantine" in setup.refusal("show", "nonsense")
    assert setup.left() == [item_id]
    assert setup.sent() == []


def test_a_message_that_sqs_refuses_stays_and_stops_no_other(setup: Setup) -> None:
    too_long = "x" * 2**21
    ids = [
        setup.put(0, message=Message("m", "", too_long), object=None),
        setup.put(1, message=Message("m", "", "fine"), object=None),
    ]
    done = setup.run("replay", "--all")
    assert done.returncode == 1
    refused, summary = done.stderr.decode().splitlines()
    assert refused.startswith(f"trailfeed: {ids[0]}: cannot send to {setup.queue_url}")
    assert refused.endswith("it stays in the quarantine")
    assert summary == "trailfeed: 1 of 2 items were not sent"
    assert setup.sent() == ["fine"]
    assert setup.left() == ids[:1]


def test_a_queue_that_is_not_there_is_one_line(setup: Setup) -> None:
    ids = [setup.put(number) for number in range(2)]
    setup.aws.client("sqs").delete_queue(QueueUrl=setup.queue_url)
    line = setup.refusal("replay", "--all")
    assert "there is no such queue: check source.queue_url" in line
    assert line.endswith("; 0 of 2 items were sent")
    assert setup.left() == ids


def test_nothing_is_purged_without_a_yes(setup: Setup) -> None:
    ids = [setup.put(number) for number in range(2)]
    for answer in ("", "n\n", "\n"):
        done = setup.run("purge", "--all", stdin=answer)
        assert done.returncode == 1
        assert b"Remove 2 items, 24 KiB for good? [y/N]" in done.stdout
        assert b"Traceback" not in done.stderr
    assert setup.left() == ids
    assert setup.told("purge", ids[0], "--yes") == "removed 1 item, 12 KiB\n"
    assert setup.left() == ids[1:]
    assert "removed 1 item" in setup.told("purge", "--all", stdin="y\n")
    assert setup.left() == []


def test_a_purge_can_be_told_which(setup: Setup) -> None:
    now = datetime.now(UTC)
    old = setup.put(0, at=now - timedelta(days=31))
    young = setup.put(1, at=now - timedelta(days=29))
    other = setup.put(2, at=now - timedelta(days=60), code="other")
    setup.told("purge", "--all", "--older-than", "30", "--code", "bad_gzip", "--yes")
    assert setup.left() == [other, young]
    assert old not in setup.left()


def test_what_cannot_be_read_is_reported_and_can_be_purged(setup: Setup) -> None:
    broken, whole = setup.put(0), setup.put(1)
    folder = setup.config.parent / "state" / "quarantine" / "items" / broken
    (folder / "item.json").write_text("{")
    done = setup.run("list")
    assert done.returncode == 0
    assert whole in done.stdout.decode()
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"trailfeed: {folder} cannot be read: ")
    assert f"trailfeed quarantine purge {broken} removes it" in line
    assert "cannot be read" in setup.refusal("show", broken)
    setup.told("purge", broken, "--yes")
    assert setup.left() == [whole]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "x", "--json", "--body"),
        ("replay",),
        ("replay", "x", "--all"),
        ("replay", "x", "--code", "c"),
        ("purge", "x", "--older-than", "1"),
        ("purge", "--all", "--older-than", "-1"),
        ("purge", "--all", "--older-than", "99999999999999"),
        ("burn",),
    ],
)
def test_wrong_usage_ends_with_2(setup: Setup, arguments: tuple[str, ...]) -> None:
    done = setup.run(*arguments)
    assert done.returncode == 2
    assert b"Error: " in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (("list",), ""),
        (("show", "x"), "{folder}/nowhere"),
        (("replay", "--all"), "{folder}/nowhere"),
        (("purge", "--all"), ""),
        (("list",), "{folder}/trailfeed.toml"),
    ],
)
def test_without_a_state_directory_the_configuration_is_bad(
    setup: Setup, tmp_path: Path, command: tuple[str, ...], state: str
) -> None:
    settings = merged(
        settings_for(setup.aws, setup.queue_url, "unix:///run/x.sock", tmp_path),
        {"state": {"dir": state.format(folder=tmp_path)}},
    )
    setup.config.write_text(toml(settings))
    line = setup.refusal(*command, exit_code=78)
    assert line.startswith("trailfeed: state.dir: ")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", ["list", "show", "replay", "purge"])
def test_help_shows_an_example(setup: Setup, command: str) -> None:
    out = " ".join(setup.told(command, "--help").split())
    assert f"Example: trailfeed quarantine {command}" in out


def test_commands_do_not_make_what_is_not_there(setup: Setup) -> None:
    shutil.rmtree(setup.config.parent / "state" / "quarantine", ignore_errors=True)
    setup.told("list")
    assert list((setup.config.parent / "state").iterdir()) == []
