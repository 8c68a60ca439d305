"""Reads of objects in threads, and a bug in what they call."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, cast

import pytest

from worker.deliver.calls import BlockReads, Downloads
from worker.deliver.feed import Feed
from worker.deliver.inbox import BlockFailed, DownloadFailed, Event, Inbox
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.errors import DownloadError
from worker.source.messages import Message
from worker.source.notifications import ObjectRef
from worker.source.objects import Body

if TYPE_CHECKING:
    from worker.deliver.calls import ObjectSource

pytestmark = pytest.mark.functional


def next_of(inbox: Inbox) -> Event:
    poll = select.poll()
    poll.register(inbox.fileno(), select.POLLIN)
    assert poll.poll(10_000)
    (event,) = inbox.take()
    return event


class PanicException(BaseException):
    """What a panic of such a library comes as."""


PanicException.__module__ = "pyo3_runtime"


class BrokenSource:
    """Where objects come from, with a bug in it."""

    def read(self, ref: ObjectRef) -> Body:
        raise PanicException(ref.key)

    def read_more(self, ref: ObjectRef, body: Body, begin: int) -> bytes:
        raise PanicException(ref.key, body, begin)


def test_a_panic_of_a_library_is_a_failed_read_of_that_object() -> None:
    inbox, source = Inbox(), cast("ObjectSource", BrokenSource())
    holder = HeldMessage(Message("m", "handle", ""), 0.0, 0.0)
    item = HeldObject(ObjectRef("bucket", "key"), holder, "0")
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
