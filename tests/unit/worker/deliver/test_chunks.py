"""Segments fill chunks."""

from __future__ import annotations

import itertools

import pytest

from plugin_bridge.forward.entries import EventEncoder
from tests.fakes.calls import make_message
from worker.deliver.chunks import ChunkBuilder
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.deliver.segments import Segment
from worker.source.notifications import ObjectRef


@pytest.fixture
def builder() -> ChunkBuilder:
    ids = itertools.count()
    return ChunkBuilder(
        EventEncoder(),
        tag="ct",
        chunk_bytes=800,
        linger_s=1.0,
        random_bytes=lambda size: next(ids).to_bytes(size, "big"),
    )


def segment(size_bytes: int, *, parts: int = 1, count: int = 1) -> Segment:
    item = HeldObject(
        ObjectRef("bucket", "key"), HeldMessage(make_message(0), 0.0, 0.0), "0"
    )
    return Segment(item, 0, count, [b"x"] * parts, count, size_bytes)


def test_the_next_segment_had_best_fill_the_open_chunk(builder: ChunkBuilder) -> None:
    assert builder.room_bytes == 800
    builder.add(segment(500), 0.0)
    assert builder.room_bytes == 300
    assert builder.fits(segment(builder.room_bytes))
    builder.add(segment(200), 0.0)
    assert builder.room_bytes == 100
    builder.add(segment(1), 0.0)
    assert builder.room_bytes == 800, "hardly any is left"
    builder.seal()
    assert builder.room_bytes == 800


def test_a_chunk_counts_records_and_not_their_parts(builder: ChunkBuilder) -> None:
    builder.add(segment(3, parts=3, count=1), 0.0)
    builder.add(segment(6, parts=6, count=2), 0.0)
    chunk, spans = builder.seal()
    assert chunk.count == 3
    assert chunk.payload == b"x" * 9
    assert [span.entries for span in spans] == [1, 2]
    builder.add(segment(1), 0.0)
    assert builder.seal()[0].count == 1
