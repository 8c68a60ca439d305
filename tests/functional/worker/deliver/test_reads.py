"""Reads of objects in threads, and a bug in what they call."""

from __future__ import annotations

import select

import pytest

from tests.functional.worker.source.object_reading import reader
from worker.deliver.calls import BlockReads, Downloads
from worker.deliver.feed import Feed
from worker.deliver.inbox import BlockFailed, DownloadFailed, Event, Inbox
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.errors import DownloadError
from worker.source.notifications import ObjectRef
from worker.source.objects import Body
from worker.source.queue import Message

pytestmark = pytest.mark.functional


def next_of(inbox: Inbox) -> Event:
    poll = select.poll()
    poll.register(inbox.fileno(), select.POLLIN)
    assert poll.poll(10_000)
    (event,) = inbox.take()
    return event


def test_a_panic_of_obstore_is_a_failed_read_of_that_object() -> None:
    """obstore cannot make a request of a key that long, and panics."""
    inbox, source = Inbox(), reader("http://127.0.0.1:9")
    holder = HeldMessage(Message("m", "handle", ""), 0.0, 0.0)
    item = HeldObject(ObjectRef("bucket", "k" * 66_000), holder, "0")
    Downloads(source, inbox, concurrency=1).start(item)
    whole = next_of(inbox)
    BlockReads(source, inbox).start(Feed(item, Body(b"x", 9, "etag")))
    block = next_of(inbox)
    assert isinstance(whole, DownloadFailed)
    assert isinstance(block, BlockFailed)
    for failed in (whole, block):
        assert isinstance(failed.error, DownloadError)
        assert "PanicException" in str(failed.error)
    inbox.close()
