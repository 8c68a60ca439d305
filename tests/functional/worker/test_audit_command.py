"""``trailfeed audit`` as it is run: on files, on standard input, and on S3."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.fakes.aws import forget_machine
from tests.fakes.quarantine import item
from tests.unit.worker.audit.events import event
from worker.deliver.quarantine import Quarantine
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.functional

ACCOUNT = "123456789012"
TIMEOUT_S = 60


def _run(
    *arguments: str, stdin: bytes = b"", environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - trailfeed itself
        [sys.executable, "-m", "worker", "audit", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
        env=os.environ | (environ or {}),
    )


def _name(time: str, region: str = "us-east-1") -> str:
    return f"{ACCOUNT}_CloudTrail_{region}_{time}Z_AbC0123456789xyz.json.gz"


def _file(*events: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps({"Records": events}).encode())


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / _name("20261121T0901")).write_bytes(_file(*map(event, range(40))))
    (folder / _name("20261121T0902")).write_bytes(
        _file(
            event(90, eventName="PurgeQueue", errorCode="AccessDenied"),
            *(event(number) for number in range(60, 90)),
        )
    )
    (folder / "lines.jsonl").write_text(json.dumps(event(200, eventName="CreateQueue")))
    return folder


def _ids(output: bytes) -> list[str]:
    return [json.loads(line)["event_id"] for line in output.splitlines()]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_newest_deletions_on_one_queue(logs: Path, processes: str) -> None:
    done = _run(
        str(logs),
        *("--queue", "orders", "--event", "DeleteMessage", "--region", "us-east-1"),
        *("--limit", "3", "--json", "--processes", processes),
    )
    assert done.returncode == 0, done.stderr
    assert _ids(done.stdout) == ["e-89", "e-88", "e-87"]


def test_processes_of_their_own_find_the_same(logs: Path) -> None:
    # Enough for processes to be made at all.
    filler = json.dumps({"Records": [event(99, requestParameters={"x": "y" * 2**23})]})
    (logs / "filler.json").write_text(filler)
    by_two = _run(str(logs), "--json", "--limit", "1000", "--processes", "2")
    by_one = _run(str(logs), "--json", "--limit", "1000", "--processes", "1")
    assert by_two.returncode == by_one.returncode == 0, by_two.stderr
    assert sorted(_ids(by_two.stdout)) == sorted(_ids(by_one.stdout))
    assert len(_ids(by_two.stdout)) == 73


def test_a_table_says_how_much_there_was(logs: Path) -> None:
    done = _run(str(logs), "--limit", "2", "--errors-only")
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 2
    assert lines[1].split() == [
        *("2026-11-21", "09:01:30", "jane", "sqs:PurgeQueue"),
        *("orders", "us-east-1", "10.0.0.1", "AccessDenied"),
    ]
    assert done.stderr == b"trailfeed: 1 of 72 events in 3 files\n"


def test_csv_and_counts(logs: Path) -> None:
    done = _run(str(logs), "--csv", "--limit", "1")
    (row,) = csv.DictReader(done.stdout.decode().splitlines())
    assert (row["what"], row["to_what"]) == ("sqs:CreateQueue", "orders")
    done = _run(str(logs), "--count-by", "what,outcome", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"count": 70, "what": "sqs:DeleteMessage", "outcome": "ok"},
        {"count": 1, "what": "sqs:CreateQueue", "outcome": "ok"},
        {"count": 1, "what": "sqs:PurgeQueue", "outcome": "AccessDenied"},
    ]


def test_copies_are_left_out_and_said(logs: Path) -> None:
    (logs / "second-trail.json").write_text(json.dumps([event(200), event(89)]))
    done = _run(str(logs), "--json", "--limit", "0")
    assert len(_ids(done.stdout)) == len({*_ids(done.stdout)}) == 72
    assert done.stderr.startswith(b"trailfeed: 2 copies of events left out")
    counted = _run(str(logs), "--count-by", "who")
    assert counted.stdout.split()[-2:] == [b"72", b"jane"]
    every = _run(str(logs), "--json", "--limit", "0", "--copies")
    assert (len(_ids(every.stdout)), every.stderr) == (74, b"")


def test_a_folder_of_other_files_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    done = _run(str(tmp_path), "--json")
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode() == (
        "trailfeed: passed over 1 file that is neither JSON nor compressed: "
        f"{tmp_path}/a.txt\n"
    )
    (tmp_path / "b.json.cloudtrail").write_text(json.dumps([event(1), {"a": 1}]))
    done = _run(str(tmp_path), "--json")
    assert (done.returncode, _ids(done.stdout)) == (0, ["e-1"])
    others, passed_over = done.stderr.splitlines()
    assert others == b"trailfeed: 1 record passed over that is no event of CloudTrail"
    assert b"a.txt" in passed_over


def test_a_broken_file_costs_no_other(logs: Path) -> None:
    (logs / "broken.json.gz").write_bytes(_file(event(1))[:-4])
    done = _run(str(logs), "--json", "--limit", "1")
    assert done.returncode == 1
    assert _ids(done.stdout) == ["e-200"]
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"trailfeed: {logs}/broken.json.gz: ")
    assert "truncated" in line


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (["gone"], 1, "trailfeed: gone: no such file or folder"),
        ([".", "--from", "3x"], 2, "--from 3x: expected a time such as"),
        ([".", "--from", "2d", "--to", "3d"], 2, "--from must be before --to"),
        ([".", "--where", "a =="], 2, "--where a ==: expected a value at column 4"),
        ([".", "--count-by", "nothing"], 2, "--count-by nothing: expected fields"),
        ([".", "--json", "--csv"], 2, "do not go together"),
        (["-", "."], 2, "- goes with no other source"),
        (["s3://logs", "--run"], 2, "--run goes with --athena"),
        (["s3://logs", "--athena", "--run"], 1, "name the accounts"),
        (["s3://"], 2, "expected s3://BUCKET/PREFIX"),
        (["quarantine:gone"], 1, "name what [state] dir says"),
        (["s3://logs", "--athena"], 1, "name the accounts"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], exit_code: int, text: str) -> None:
    done = _run(*arguments)
    assert done.returncode == exit_code
    assert text in " ".join(done.stderr.decode().split())
    assert b"Traceback" not in done.stderr


def test_a_quarantine_is_asked_as_far_as_its_objects_go(tmp_path: Path) -> None:
    store = Quarantine(tmp_path / "quarantine", max_bytes=1 << 20, when_full="retry")
    store.put(item(0), _file(event(1), event(2)))
    store.put(item(1), _file(event(3))[:-4])
    done = _run(f"quarantine:{tmp_path}", "--json")
    assert done.returncode == 1
    assert _ids(done.stdout)[:2] == ["e-2", "e-1"]
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("trailfeed: s3://trail-logs/AWSLogs/1.json.gz (quarantined")


def test_lines_are_answered_as_they_come() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "worker", "audit", "-", "--event", "Delete*"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"when (UTC)")
        for number in (1, 2):
            running.stdin.write(json.dumps(event(number)).encode() + b"\n")
            running.stdin.flush()
            row = running.stdout.readline().decode()
            assert row.startswith(f"2026-11-21 09:00:0{number}  jane")
        running.stdin.close()
        assert running.wait(TIMEOUT_S) == 0


def test_a_bad_line_is_told_and_the_rest_answered() -> None:
    lines = b"{broken\n" + json.dumps(event(5)).encode()
    done = _run("-", "--json", stdin=lines)
    assert done.returncode == 1
    assert _ids(done.stdout) == ["e-5"]
    assert done.stderr.startswith(b"trailfeed: line 1: the text is not JSON")


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


def test_a_trail_in_s3(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_machine(monkeypatch, tmp_path)
    client = aws.client("s3")
    client.create_bucket(Bucket="trail")
    for day, region, number in (
        ("20", "us-east-1", 1),
        ("21", "us-east-1", 2),
        ("21", "eu-west-1", 3),
    ):
        client.put_object(
            Bucket="trail",
            Key=f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/2026/11/{day}/"
            + _name(f"202611{day}T0905", region),
            Body=_file(
                event(number, awsRegion=region, eventTime=f"2026-11-{day}T09:00:00Z")
            ),
        )
    environ = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    every = _run("s3://trail", "--json", environ=environ)
    assert every.returncode == 0, every.stderr
    assert sorted(_ids(every.stdout)) == ["e-1", "e-2", "e-3"]
    asked = ("--region", "us-east-1", "--from", "2026-11-21", "--to", "2026-11-22")
    some = _run("s3://trail/AWSLogs/", *asked, "--json", environ=environ)
    assert _ids(some.stdout) == ["e-2"]
    none = _run("s3://other/", "--json", environ=environ)
    assert none.returncode == 1
    assert none.stderr.startswith(b"trailfeed: cannot list s3://other/")
    assert b"Traceback" not in none.stderr


def test_athena_answers_in_the_same_table(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forget_machine(monkeypatch, tmp_path)
    environ = {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    shown = ("when", "who", "what", "to_what", "where", "from_where", "outcome")
    values = ("2026-11-21T09:00:00Z", "jane", "sqs:DeleteMessage", "orders", "eu", "ip")
    rows = [
        {"Data": [{"VarCharValue": value} for value in row]}
        for row in (shown, (*values, "ok"))
    ]
    # Handed out in this order: the table's definition has no rows.
    results = [{"rows": one, "column_info": []} for one in ([], rows)]
    queued = {"account_id": ACCOUNT, "region": "us-east-1", "results": results}
    request = Request(  # noqa: S310 - moto's own address
        f"{aws.endpoint_url}/moto-api/static/athena/query-results",
        data=json.dumps(queued).encode(),
        headers={"Content-Type": "application/json"},
    )
    urlopen(request, timeout=TIMEOUT_S).close()  # noqa: S310
    source = f"s3://trail/AWSLogs/{ACCOUNT}/"
    asked = (source, "--athena", "--run", "--output", "s3://results/")

    done = _run(*asked, environ=environ)

    assert done.stderr == b""
    assert done.returncode == 0
    heading, row = done.stdout.decode().splitlines()
    assert heading.startswith("when (UTC)")
    assert row.split() == ["2026-11-21", "09:00:00", *values[1:], "ok"]
