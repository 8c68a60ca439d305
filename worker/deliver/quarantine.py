"""The quarantine: what could not be decoded or delivered, kept on disk with its reason.

::

    <state.dir>/quarantine/
        account          bytes taken; the lock (see quarantine_account)
        unfinished/      what is being written or removed
        items/<id>/      one item each, by time
            item.json    message, object, reason (see quarantine_item)
            body         the object's bytes as stored, or one record's; where there are

An item comes and goes with one rename of its folder, so it is there whole or not at
all. Files are synced before it, the folder of items after it.
"""

from __future__ import annotations

import fcntl
import heapq
import importlib.metadata
import logging
import os
import secrets
import shutil
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Literal

from worker.deliver.quarantine_account import locked_account, taken_bytes
from worker.deliver.quarantine_disk import (
    Blocks,
    disk_faults,
    open_folder,
    sweep,
    sync_folder,
    write_file,
)
from worker.deliver.quarantine_item import BrokenItemError, QuarantineItem, serialize
from worker.deliver.quarantine_items import (
    BODY,
    DOCUMENT,
    KeptItems,
    UnknownItemError,
    item_size_bytes,
)
from worker.errors import RetriableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typing_extensions import Buffer

    from worker.deliver.quarantine_account import Account

__all__ = [
    "BrokenItemError",
    "Quarantine",
    "QuarantineFullError",
    "QuarantineItem",
    "UnknownItemError",
]

logger = logging.getLogger(__name__)

QUARANTINE_FULL = "quarantine_full"

_OLDEST_AT_ONCE = 1024


class QuarantineFullError(RetriableError):
    """There is no room for the item, and nothing is dropped for it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class Quarantine(KeptItems):
    """The store; safe to use from any thread and from several processes at once.

    Every method blocks on the disk.

    Args:
        folder: Made with mode 0700 at the first :meth:`put`.
        max_bytes: What all items may take, in whole blocks of the disk.
        when_full: "retry": :meth:`put` fails; "drop_oldest": it makes room.

    Raises:
        RetriableError: From every method: the disk refuses
            (``quarantine_disk_full``, ``quarantine_no_access``).
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        when_full: Literal["retry", "drop_oldest"],
    ) -> None:
        super().__init__(folder)
        self._unfinished = folder / "unfinished"
        self._max_bytes = max_bytes
        self._when_full = when_full
        self._oldest: deque[str] = deque()

    def put(self, item: QuarantineItem, body: Buffer | Blocks | None) -> str:
        """Keep an item; on return it is synced to disk.

        Args:
            item: What is kept.
            body: The object's bytes as stored, or the record's; None where nothing
                was read.

        Returns:
            The id it is known by.

        Raises:
            QuarantineFullError: There is no room; nothing was changed.
            RetriableError: Also what comes out of ``body``.
        """
        item_id = f"{item.at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"
        files = {}
        if body is not None:
            files[BODY] = body if isinstance(body, Blocks) else Blocks.of(body)
        document = serialize(
            replace(
                item,
                id=item_id,
                version=_version(),
                body_bytes=files[BODY].size_bytes if files else None,
            )
        )
        files[DOCUMENT] = Blocks.of(document)
        size_bytes = taken_bytes(*(content.size_bytes for content in files.values()))
        with disk_faults(self._folder, "write to"):
            self._make_folders()
            with self._unfinished_folder(item_id, size_bytes) as (folder, fd):
                for name, content in files.items():
                    write_file(folder / name, content)
                os.fsync(fd)
                with self._locked() as account:
                    self._make_room(account, size_bytes)
                    with account.changing_by(size_bytes):
                        folder.rename(self._items / item_id)
                        sync_folder(self._items)
        return item_id

    def remove(self, item_id: str) -> None:
        """Take an item out for good; also one that cannot be read.

        Raises:
            UnknownItemError: There is none of this id.
        """
        self._folder_of(item_id)
        with disk_faults(self._folder, "remove an item of"), self._locked() as account:
            self._folder_of(item_id)  # another process may have been quicker
            sweep(self._unfinished)
            self._take_out(account, item_id)

    def _make_folders(self) -> None:
        if self._items.is_dir() and self._unfinished.is_dir():
            return
        for folder in (self._folder, self._unfinished, self._items):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(self._folder)
        sync_folder(self._folder.parent)

    def _locked(self) -> AbstractContextManager[Account]:
        return locked_account(
            self._folder / "account", items=self._items, count=self._count
        )

    def _count(self) -> int:
        return sum(item_size_bytes(self._items / item_id) for item_id in self._ids())

    @contextmanager
    def _unfinished_folder(
        self, item_id: str, size_bytes: int
    ) -> Iterator[tuple[Path, int]]:
        """Make a folder to write into, locked so that no other process sweeps it."""
        folder = self._unfinished / item_id
        with self._locked() as account:
            sweep(self._unfinished)
            if self._when_full == "retry" or size_bytes > self._max_bytes:
                # Rather now than after the body was written in vain.
                self._check_room(account, size_bytes)
            folder.mkdir(mode=0o700)
            fd = open_folder(folder)
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            yield folder, fd
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            os.close(fd)

    def _check_room(self, account: Account, size_bytes: int) -> None:
        used_bytes = account.used_bytes
        if used_bytes + size_bytes <= self._max_bytes:
            return
        limit = f"state.quarantine_max_bytes ({self._max_bytes})"
        if size_bytes > self._max_bytes:
            raise QuarantineFullError(
                QUARANTINE_FULL,
                f"one item of {size_bytes} bytes does not fit into the quarantine: "
                f"raise {limit}",
            )
        raise QuarantineFullError(
            QUARANTINE_FULL,
            f"the quarantine is full, {used_bytes} bytes are taken: replay or purge "
            f"items (trailfeed quarantine), or raise {limit}",
        )

    def _make_room(self, account: Account, size_bytes: int) -> None:
        """Drop the oldest items where that is wanted, until one more fits."""
        while (
            self._when_full == "drop_oldest"
            and account.used_bytes + size_bytes > self._max_bytes
        ):
            # A list of names serves for many drops; later items only come behind it.
            if not self._oldest:
                self._oldest += heapq.nsmallest(_OLDEST_AT_ONCE, self._ids())
            if not self._oldest:
                break
            self._drop(account, self._oldest.popleft())
        self._check_room(account, size_bytes)

    def _drop(self, account: Account, item_id: str) -> None:
        reason, extra = "", {}
        try:
            item = self.read(item_id)
        except UnknownItemError:
            return  # another process was quicker
        except BrokenItemError:
            pass
        else:
            reason = f" ({item.code})"
            extra["message_id"] = item.message.id
            if item.object is not None:
                extra |= {"bucket": item.object.bucket, "key": item.object.key}
        self._take_out(account, item_id)
        logger.warning(
            "the quarantine is full: dropped its oldest item %s%s",
            item_id,
            reason,
            extra=extra,
        )

    def _take_out(self, account: Account, item_id: str) -> None:
        folder, gone = self._items / item_id, self._unfinished / f"{item_id}.gone"
        with account.changing_by(-item_size_bytes(folder)):
            folder.rename(gone)
            sync_folder(self._items)
        shutil.rmtree(gone, ignore_errors=True)


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("trailfeed")
    except importlib.metadata.PackageNotFoundError:
        return "unpackaged"
