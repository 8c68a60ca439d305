"""Items for the quarantine, and a look at what it does to the disk."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from worker.deliver.quarantine import QuarantineItem
from worker.deliver.quarantine_account import locked_account
from worker.source.messages import Message
from worker.source.notifications import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from worker.deliver.quarantine import Quarantine

AT = datetime(2026, 11, 21, 9, 15, 1, 123_456, tzinfo=UTC)
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/trail-queue"
ITEM_BYTES = 3 * 4096
"""What an item with a small body takes: its folder and two files."""

CHANGING_CALLS = (
    *((os, name) for name in ("mkdir", "open", "write", "fsync", "ftruncate")),
    *((os, name) for name in ("pwrite", "rename", "unlink", "rmdir")),
    (fcntl, "flock"),
)


def item(number: int = 0, **changes: Any) -> QuarantineItem:
    """One item, a second later for each ``number``; ``changes`` win."""
    values: dict[str, Any] = {
        "code": "bad_gzip",
        "sentence": f"object {number} is no gzip file",
        "at": AT + timedelta(seconds=number),
        "message": Message(f"m{number}", "", "{}", 3, AT),
        "queue_url": QUEUE_URL,
        "object": ObjectRef("trail-logs", f"AWSLogs/{number}.json.gz"),
        **changes,
    }
    return QuarantineItem(**values)


@contextmanager
def before_each_call(hook: Callable[[str], None]) -> Iterator[None]:
    """Give ``hook`` the name of each call that changes or locks a file, before it."""

    def hooked(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **more: object) -> object:
            hook(name)
            return real(*args, **more)

        return call

    with ExitStack() as patches:
        for module, name in CHANGING_CALLS:
            hooked_call = hooked(name, getattr(module, name))
            patches.enter_context(mock.patch.object(module, name, hooked_call))
        yield


def account_is_right(folder: Path) -> bool:
    """Whether the number on file is there and is what the items take."""
    account = folder / "account"
    noted = account.read_text().split()
    if not noted:
        return False
    sizes = [
        4096 * (1 + sum(-(-f.stat().st_size // 4096) for f in kept.iterdir()))
        for kept in (folder / "items").iterdir()
    ]
    with locked_account(account, items=folder / "items", count=lambda: -1) as now:
        return now.used_bytes == sum(sizes) == int(noted[0])


def unfinished(folder: Path) -> list[str]:
    return [entry.name for entry in (folder / "unfinished").iterdir()]


def numbers(quarantine: Quarantine) -> list[str]:
    return [kept.message.id for kept in quarantine.items()]
