"""The parsers under test, and what has to hold whatever they are given."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
from typing import TYPE_CHECKING, Any

import zstandard

from plugin_bridge.forward.entries import EventEncoder, JsonLineEncoder
from plugin_bridge.forward.split import split_entries
from tests.fakes.calls import make_message
from tests.fuzz.corpus import MESSAGES, TEXTS
from tests.fuzz.mutations import mutate
from worker.config.model import DecodeConfig
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.deliver.progress import Progress
from worker.deliver.segments import Segmenter
from worker.errors import BadObjectError, UnknownMessageError
from worker.source.notifications import ObjectRef, parse
from worker.source.objects import Body
from worker.transform.transformation import Transformation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

_REF = ObjectRef(
    "bucket", "AWSLogs/123456789012/CloudTrail/us-east-1/x.json.gz", event_time=1.7e9
)
_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda data: gzip.compress(data, 1),
    "zstd": lambda data: zstandard.compress(data, 1),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}
_CHARSETS = ("utf-8", "utf-8", "utf-8", "latin-1", "utf-16", "shift_jis", "gb18030")
_PATHS = ("", "", "", "Records", "requestParameters.items", "logFiles[0]", r"a\.b.0")
_TIMES = (
    ("eventTime", "iso8601"),
    ("eventTime", "iso8601"),
    ("userIdentity.items[0].at", "epoch_ms"),
    ("requestParameters.items.0.a", "epoch_s"),
    ("time", "%d/%b/%Y:%H:%M:%S %z"),
)


class BrokenPromiseError(Exception):
    """A parser's result is not what it has to be."""


def try_object(random: Random, more: Sequence[bytes]) -> bytes:
    """Take a mutated object apart, and make sure that a redelivery goes on right.

    Returns:
        The object, for a report.
    """
    texts = (*TEXTS, *more)
    text = mutate(random, random.choice(texts), texts)
    name = random.choice(tuple(_COMPRESSORS))
    data = _COMPRESSORS[name](text)
    if random.random() < 0.3:  # another member, or what is none
        data += _COMPRESSORS[random.choice((name, "none"))](random.choice(texts))
    if random.random() < 0.3:
        data = mutate(random, data, texts)
    decode = _decode(random, name)
    is_raw = decode.format in {"json", "lines"} and random.random() < 0.4
    encoder = random.choice((EventEncoder(), JsonLineEncoder()))
    marks = is_raw or random.random() < 0.5
    if marks:
        decode = decode.model_copy(update={"with_metadata": False, "id_field": ""})

    def taken_apart(acked_records: int) -> tuple[list[tuple[int, bytes]], int, bool]:
        segmenter = Segmenter(
            decode,
            encoder,
            segment_bytes=4096,
            max_entry_bytes=1 << 30,
            now=lambda: 1e9,
            progress=Progress(),
            is_raw=is_raw,
            transformation=Transformation(),
        )
        holder = HeldMessage(make_message(0), 0.0, 0.0)
        item = HeldObject(_REF, holder, "0", acked_records=acked_records)
        found: list[tuple[int, bytes]] = []
        is_whole = False
        with contextlib.suppress(BadObjectError):
            body = Body(data, len(data), "etag", None)
            for one in segmenter.segments(item, body, charge=lambda _: None):
                indices = one.indices or range(one.first, one.end)
                is_forward = isinstance(encoder, EventEncoder)
                parts = split_entries(b"".join(one.parts)) if is_forward else one.parts
                found += zip(indices, parts, strict=True)
            is_whole = True
        return found, item.total_records, is_whole

    found, total, is_whole = taken_apart(0)
    acked = random.randint(0, total if is_whole else (found[-1][0] if found else 0))
    again, total_again, is_whole_again = taken_apart(acked)
    expected = [one for one in found if one[0] >= acked]
    if (is_whole, total) != (is_whole_again, total_again):
        raise BrokenPromiseError(f"ends differently when begun at record {acked}")
    if is_whole and again != expected:
        raise BrokenPromiseError(f"other records when begun at record {acked}")
    return data


def try_notification(random: Random, more: Sequence[bytes]) -> bytes:
    """Parse a mutated message.

    Returns:
        The message, for a report.
    """
    del more
    data = mutate(random, random.choice(MESSAGES), MESSAGES)
    body = data.decode("utf-8", random.choice(("replace", "surrogateescape")))
    uses_sns: Any = random.choice(("auto", "auto", True, False))
    with contextlib.suppress(UnknownMessageError):
        notification = parse(body, uses_sns=uses_sns)
        for ref in notification.objects:
            if not ref.url.isprintable():
                raise BrokenPromiseError(f"{ref.url!r} is not for people")
    return data


def _decode(random: Random, compression: str) -> DecodeConfig:
    time_field, time_format = random.choice(_TIMES)
    name = random.choice(("json", "json", "json", "csv", "wsv", "lines"))
    return DecodeConfig.model_validate(
        {
            "format": name,
            "compression": random.choice(("auto", compression)),
            "charset": random.choice(_CHARSETS),
            "record_location": random.choice(_PATHS) if name == "json" else "",
            "shape": random.choice(("event", "event", "file")),
            "with_metadata": random.random() < 0.5,
            "id_field": random.choice(("", "id", "eventID")),
            "time_field": time_field,
            "time_format": time_format,
            "csv_columns": random.choice(((), (), ("a", "b"))),
            "csv_delimiter": random.choice((",", ";", "\t")),
            "max_object_bytes": random.choice((1 << 30, 1 << 16)),
            "max_ratio": random.choice((1000, 10)),
        }
    )


TARGETS = (try_object, try_object, try_object, try_notification)
