from __future__ import annotations

from tests.unit.worker.audit.events import event
from worker.audit.copies import SeenEvents, event_key
from worker.transform.audit import view


def test_a_copy_is_the_same_event_of_the_same_account() -> None:
    keys = [
        event_key(view(one))
        for one in (
            event(1),
            event(1, eventTime="2026-11-21T10:00:00Z"),
            event(1, recipientAccountId="999999999999"),
            event(2),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert event_key(view({"eventName": "A"})) is None
    long = event_key(view(event(eventID="\ud800" * 1_000_000)))
    assert long is not None
    assert len(long) == 32


def test_copies_are_counted_within_bounded_memory() -> None:
    seen = SeenEvents(remembered_count=3)
    assert seen.remarks() == []
    # Never more than six are remembered, and the latest three always are.
    for number in range(6):
        assert seen.new_count([str(number)])
        assert not seen.new_count([str(max(0, number - 2))])
    assert seen.copies_count == 6
    assert not seen.has_forgotten
    assert seen.new_count(["6"])
    assert seen.new_count(["0"])
    left_out, forgotten = seen.remarks()
    assert left_out.startswith("6 copies of events left out")
    assert "--copies shows them" in left_out
    assert forgotten.startswith("copies more than 3 events apart")
