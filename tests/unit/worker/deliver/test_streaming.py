"""Large objects: decoded as they come, in little memory, beside the others."""

from __future__ import annotations

import json

import pytest

from tests.fakes.emission import LINGER_S, Scene, log_file
from worker.config.model import DecodeConfig
from worker.decode.limits import MAX_STREAMS
from worker.deliver.aws_state import AwsState
from worker.deliver.budget import AHEAD_BLOCKS, STREAM_BYTES, estimate_bytes
from worker.deliver.fetching import MAX_ATTEMPTS
from worker.deliver.ledger import Fate
from worker.errors import (
    AccessDeniedError,
    CommonFaultError,
    DownloadError,
    MissingObjectError,
    OverwrittenError,
    TrailfeedError,
)
from worker.source.objects import WHOLE_BYTES

CSV = DecodeConfig(format="csv", compression="none")
ROWS = 40
BLOCK_BYTES = 100
MIB = 1 << 20
CUT = DownloadError("broken_off", "s3://bucket/key: the download broke off")


def rows(prefix: str, count: int = ROWS) -> bytes:
    """A header and rows of which a block holds about five."""
    lines = ["eventID,text", *(f"{prefix}-{n},{'x' * 14}" for n in range(count))]
    return ("\n".join(lines) + "\n").encode()


def ids(prefix: str, count: int = ROWS) -> list[str]:
    return [f"{prefix}-{n}" for n in range(count)]


@pytest.fixture
def scene() -> Scene:
    return Scene(decode=CSV)


def run(scene: Scene, *, now: float = 0.0) -> None:
    """Let everything come and go out."""
    scene.step(now)
    while scene.read(BLOCK_BYTES):
        scene.step(now)
    scene.step(now + LINGER_S)


def test_a_large_object_comes_out_whole_and_in_order(scene: Scene) -> None:
    item = scene.bring(0, rows("a"), BLOCK_BYTES)
    run(scene)

    assert scene.window.ids() == ids("a")
    assert item.total_records == ROWS
    scene.acknowledge_all()
    scene.settle()
    assert item.holder.fate is Fate.COMPLETE
    assert scene.budget.used_bytes == 0
    assert not scene.streaming.is_active


def test_what_was_delivered_before_is_passed_over(scene: Scene) -> None:
    item = scene.bring(0, rows("a"), BLOCK_BYTES)
    item.acked_records = 25
    run(scene)

    assert scene.window.ids() == ids("a")[25:]
    assert item.total_records == ROWS


def test_what_is_here_does_not_wait_for_the_next_block(scene: Scene) -> None:
    scene.bring(0, rows("a"), BLOCK_BYTES)
    scene.step(0.0)
    assert not scene.emission.can_go_on, "the loop may sleep"
    scene.step(LINGER_S)

    assert scene.window.ids() == ids("a")[:4]
    assert scene.emission.backlog == 1


def test_others_go_on_while_a_block_is_missing(scene: Scene) -> None:
    scene.bring(0, rows("large"), BLOCK_BYTES)
    scene.step(0.0)
    scene.bring(1, rows("small", 2))
    assert scene.emission.can_go_on
    scene.step(0.0)
    scene.step(LINGER_S)

    assert scene.window.ids()[-2:] == ids("small", 2)


def test_others_have_their_turn_after_each_block(scene: Scene) -> None:
    """Though the next block is here long since."""
    block_bytes, count = 3000, 500
    scene.window.room = 1
    scene.bring(0, rows("large", count), block_bytes)
    scene.step(0.0)
    scene.window.room = 0
    while scene.read(block_bytes):
        scene.step(0.0)
    for number in (1, 2):
        scene.bring(number, rows(f"small{number}", 1))
    scene.window.room = 100
    run(scene)

    found = scene.window.ids()
    rows_a_block = block_bytes // len(f"large-100,{'x' * 14}")
    assert found.index("small2-0") < 2 * rows_a_block
    assert [one for one in found if one.startswith("large")] == ids("large", count)


def test_no_more_is_read_ahead_than_a_few_blocks(scene: Scene) -> None:
    scene.bring(0, rows("a"), BLOCK_BYTES)
    scene.step(0.0)
    scene.window.room = 0
    reads = 0
    for _ in range(10):
        reads += scene.read(BLOCK_BYTES)
        scene.step(0.0)

    assert reads == AHEAD_BLOCKS
    scene.window.room = 100
    run(scene)
    assert scene.window.ids() == ids("a")


def test_a_few_large_objects_are_decoded_at_once(scene: Scene) -> None:
    count = 2 * MAX_STREAMS + 1
    for number in range(count):
        scene.bring(number, rows(f"n{number}"), BLOCK_BYTES)
    scene.step(0.0)
    assert len(scene.reads.started) == MAX_STREAMS
    run(scene)

    found = scene.window.ids()
    for number in range(count):
        own = [one for one in found if one.startswith(f"n{number}-")]
        assert own == ids(f"n{number}")
    assert scene.emission.backlog == 0


def test_a_bad_one_ends_there(scene: Scene) -> None:
    item = scene.bring(0, rows("a") + b'"unclosed\n', BLOCK_BYTES)
    run(scene)
    scene.settle()

    assert item.holder.fate is Fate.ABANDONED
    assert scene.progress.objects.counts["returned"] == 1
    assert scene.emission.backlog == 0
    assert not scene.streaming.is_active


def test_nothing_more_is_read_of_a_message_that_is_given_up(scene: Scene) -> None:
    item = scene.bring(0, rows("a"), BLOCK_BYTES)
    scene.step(0.0)
    scene.ledger.abandon(item.holder)
    assert scene.emission.can_go_on
    scene.step(0.0)

    assert scene.emission.backlog == 0
    assert not scene.streaming.is_active
    scene.read(BLOCK_BYTES)  # the one that was under way
    scene.step(0.0)
    assert scene.reads.started == []


# Failed reads -------------------------------------------------------------------------


@pytest.mark.parametrize("error", [CUT, CommonFaultError("credentials_refused", "no")])
def test_a_failed_read_is_tried_again_from_where_it_was(
    scene: Scene, error: TrailfeedError
) -> None:
    scene.bring(0, rows("a"), BLOCK_BYTES)
    scene.step(0.0)
    scene.read(BLOCK_BYTES)
    scene.step(0.0)
    now = 0.0
    for _ in range(4 * MAX_ATTEMPTS):  # S3 is down for all
        scene.fail(error, now)
        scene.step(now)
        assert scene.reads.started == [], "not at once"
        due = scene.streaming.due()
        assert due is not None
        now = due
        scene.step(now)
    assert scene.progress.downloads_failed == 4 * MAX_ATTEMPTS
    run(scene, now=now)

    assert scene.window.ids() == ids("a")
    assert scene.streaming.due() is None
    assert scene.progress.s3_state == AwsState.WORKS


def failed_for_good(scene: Scene, error: TrailfeedError) -> None:
    """Let one object's reads fail while another one's work."""
    now = 0.0
    for attempt in range(MAX_ATTEMPTS):
        scene.fail(error, now)
        if not attempt:
            scene.progress.downloads_done += 1
        now = scene.streaming.due() or now
        scene.step(now)
    scene.settle()


@pytest.mark.parametrize("kind", [DownloadError, AccessDeniedError])
def test_one_that_cannot_be_read_further_is_left_to_sqs(
    scene: Scene, kind: type[DownloadError]
) -> None:
    item = scene.bring(0, rows("a"), BLOCK_BYTES)
    scene.step(0.0)
    failed_for_good(scene, kind("broken_off", "s3://bucket/key: broken off"))

    assert item.holder.fate is Fate.ABANDONED
    assert scene.emission.backlog == 0
    assert scene.budget.used_bytes == sum(len(c.payload) for c in scene.window.chunks)


@pytest.mark.parametrize(
    "error",
    [
        OverwrittenError("overwritten", "s3://bucket/key: overwritten"),
        MissingObjectError("missing_object", "s3://bucket/key: not there"),
    ],
)
def test_one_that_is_gone_or_another_one_by_now_is_left_to_sqs(
    scene: Scene, error: TrailfeedError
) -> None:
    item = scene.bring(0, rows("a"), BLOCK_BYTES)
    scene.step(0.0)
    assert item.has_begun
    scene.fail(error)
    assert scene.emission.can_go_on
    scene.step(0.0)
    scene.settle()

    assert item.holder.fate is Fate.ABANDONED
    assert scene.wanted == []
    assert scene.emission.backlog == 0


def test_one_that_is_overwritten_before_its_first_record_begins_again() -> None:
    scene = Scene()
    document = json.dumps({"Records": [{"eventID": "x"}] * 100}).encode()
    item = scene.bring(0, document, BLOCK_BYTES)
    scene.step(0.0)
    scene.fail(OverwrittenError("overwritten", "s3://bucket/key: overwritten"))
    scene.step(0.0)

    assert scene.wanted == [item]
    assert item.holder.fate is Fate.HELD
    assert scene.budget.used_bytes == 0
    assert scene.emission.backlog == 0


# The budget ---------------------------------------------------------------------------


def test_a_large_object_is_admitted_for_a_few_blocks() -> None:
    assert estimate_bytes(WHOLE_BYTES) > WHOLE_BYTES
    assert estimate_bytes(WHOLE_BYTES + 1) == STREAM_BYTES
    assert estimate_bytes(100 * WHOLE_BYTES) == STREAM_BYTES


def test_lines_stay_within_what_they_are_charged_for() -> None:
    scene = Scene(limit_bytes=STREAM_BYTES + 4096, decode=CSV)
    scene.bring(0, rows("a", 2000), BLOCK_BYTES)
    peak = 0
    scene.step(0.0)
    while scene.read(BLOCK_BYTES):
        scene.acknowledge_all()
        scene.window.chunks.clear()
        scene.step(0.0)
        peak = max(peak, scene.budget.used_bytes)

    assert peak <= scene.budget.limit_bytes


def large_document() -> bytes:
    """Four times as much as a decompressor yields at once."""
    return log_file("large", 40, padding=100_000)


def test_one_that_outgrows_the_budget_lets_others_go_before_it() -> None:
    scene = Scene(limit_bytes=2 * MIB, max_entry_bytes=MIB)
    large = scene.bring(0, large_document())
    scene.bring(1, log_file("small", 2))
    scene.bring(2, log_file("other", 2))
    scene.step(0.0)
    scene.step(LINGER_S)

    expected = [*ids("small", 2), *ids("other", 2), *ids("large", 40)]
    assert scene.window.ids() == expected
    assert large.is_emitted
    scene.acknowledge_all()
    assert scene.budget.used_bytes == 0


def test_nothing_is_begun_beside_one_that_runs_alone() -> None:
    scene = Scene(limit_bytes=3 * MIB, max_entry_bytes=MIB)
    scene.bring(0, large_document())
    scene.bring(1, log_file("small", 2))
    scene.budget.charge("a chunk", 2 * MIB)
    one_step_at_a_time = -1.0
    while scene.emission.backlog == 2:
        scene.step(one_step_at_a_time)
    scene.budget.release("a chunk")

    assert scene.emission.backlog == 1, "the small one has gone"
    assert not scene.budget.admits(1)
    scene.step(0.0)
    scene.step(LINGER_S)
    scene.acknowledge_all()
    assert scene.budget.used_bytes == 0


def test_documents_that_grow_side_by_side_all_come_to_their_end() -> None:
    """Each alone would fit; together they do not, whosever block comes when."""
    records = [{"eventID": f"n-{n}", "x": "x" * 900} for n in range(2000)]
    document = json.dumps({"Records": records}).encode()
    limit = MAX_STREAMS * STREAM_BYTES + MIB
    scene = Scene(limit_bytes=limit)
    scene.window.room = 10_000
    for number in range(MAX_STREAMS):
        scene.bring(number, document, 65_536)
    most_bytes = 0
    scene.step(0.0)
    while scene.read(65_536):
        scene.step(0.0)
        most_bytes = max(most_bytes, scene.budget.used_bytes)
    scene.step(LINGER_S)

    assert most_bytes > limit
    assert len(scene.window.ids()) == MAX_STREAMS * len(records)
    assert scene.emission.backlog == 0
    scene.acknowledge_all()
    assert scene.budget.used_bytes == 0


def test_two_that_outgrow_the_budget_run_after_each_other() -> None:
    scene = Scene(limit_bytes=2 * MIB, max_entry_bytes=MIB)
    scene.window.room = 200
    for number in range(3):
        scene.bring(number, log_file(f"n{number}", 40, padding=100_000))
    scene.step(0.0)
    scene.step(LINGER_S)

    found = scene.window.ids()
    assert sorted(found) == sorted(one for n in range(3) for one in ids(f"n{n}", 40))
    assert found[:40] == ids("n0", 40)
    assert scene.emission.backlog == 0
