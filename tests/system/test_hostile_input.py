"""Objects made to harm: each is delivered, or refused with a reason; no worker dies."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.fakes.aws_standin.process import AwsStandIn
from tests.fakes.daemon import Daemon, merged, settings_for
from tests.fakes.forward_receiver import RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.system

QUEUE = "events"
MIB = 1 << 20
GZIP_HEADER_BYTES = 10
PATIENCE_S = 300.0


def zeros_10_gb() -> bytes:
    """10 MB of gzip that hold 10 GB in one member, but for its end."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = deflate.compress(bytes(64 * MIB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:GZIP_HEADER_BYTES] + block * 160


def record_of_300_mb() -> bytes:
    # Repeats too far apart for gzip to take more than a hundredth of them away.
    text = random.Random(1).randbytes(10_000).hex()  # noqa: S311 - filler
    return gzip.compress(
        b'{"Records":[{"eventID":"big","x":"%b"}]}' % (text * 15_000).encode(),
        compresslevel=1,
    )


def million_records() -> bytes:
    records = ",".join(f'{{"eventID":"tiny-{n}"}}' for n in range(1_000_000))
    return gzip.compress(b'{"Records":[%b]}' % records.encode(), compresslevel=1)


def deep() -> bytes:
    return b'{"Records":[%b%b]}' % (b'{"a":' * 200_000, b"1" + b"}" * 200_000)


def not_utf8() -> bytes:
    return b'{"Records":[{"eventID":"\xff\xfe"}]}'


def many_values() -> bytes:
    values = ",".join(["0"] * 5_000_000)
    return b'{"Records":[{"eventID":"many","x":[%b]}]}' % values.encode()


def odd_but_json() -> bytes:
    return (
        b'{"Records":[{"eventID":"odd","big":123456789012345678901234567890,'
        b'"half":"\\ud800","twice":1,"twice":2,"float":1376.0}]}'
    )


def not_a_number() -> bytes:
    return b'{"Records":[{"eventID":"nan","value":NaN}]}'


REFUSED: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "zeros": ("not_json", zeros_10_gb),
    "big": ("record_too_large", record_of_300_mb),
    "deep": ("too_deep", deep),
    "not-utf8": ("not_utf8", not_utf8),
    "many": ("too_many_values", many_values),
}
DELIVERED: Mapping[str, Callable[[], bytes]] = {
    "tiny": million_records,
    "odd": odd_but_json,
    "nan": not_a_number,
}


def test_each_is_delivered_or_refused_with_its_reason(tmp_path: Path) -> None:
    with (
        AwsStandIn() as aws,
        RecordingReceiver.unix(tmp_path / "forward.sock") as receiver,
    ):
        queue_url = aws.make_queue(QUEUE)
        for key, (_, body) in REFUSED.items():
            aws.load("logs", {f"{key}.json.gz": body()}, queue=QUEUE)
        for key, body in DELIVERED.items():
            aws.load("logs", {f"{key}.json.gz": body()}, queue=QUEUE)
        settings = merged(
            settings_for(aws, queue_url, receiver.address, tmp_path),
            {"source": {"on_bad_object": "quarantine", "wait_time_s": 1}},
        )
        arguments = ("--until-empty", "--idle-s", "0.5")
        with Daemon(tmp_path, settings, *arguments) as daemon:
            assert daemon.wait(PATIENCE_S) == 1, "some failed for good"
            assert daemon.log.count("started, process") == 2, "no worker was replaced"
        items = [
            json.loads(path.read_text())
            for path in (tmp_path / "state" / "quarantine").rglob("item.json")
        ]
        codes = {item["object"]["key"]: item["code"] for item in items}
        assert codes == {f"{key}.json.gz": code for key, (code, _) in REFUSED.items()}
        records = {str(one["eventID"]): one for one in receiver.records()}
        assert len(records) == 1_000_000 + 2
        assert records["odd"] == {
            "eventID": "odd",
            "big": "123456789012345678901234567890",
            "half": "\ufffd",
            "twice": 2,
            "float": 1376.0,
        }
        assert isinstance(records["odd"]["float"], float)
        assert records["nan"]["value"] != records["nan"]["value"]
