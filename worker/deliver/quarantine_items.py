"""Reading a quarantine: its items one by one, their bodies, and what they take."""

from __future__ import annotations

import logging
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from worker.deliver.quarantine_account import taken_bytes
from worker.deliver.quarantine_disk import disk_faults
from worker.deliver.quarantine_item import (
    BrokenItemError,
    NewerItemError,
    QuarantineItem,
    parse,
)
from worker.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

DOCUMENT: Final = "item.json"
BODY: Final = "body"
_ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}")


class UnknownItemError(PermanentError):
    """There is no item of this id; code ``no_such_item``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class KeptItems:
    """The items of a quarantine, which are only read.

    Safe to use from any thread, and beside processes that put and remove. Every method
    blocks on the disk.

    Args:
        folder: The quarantine's; it need not exist.

    Raises:
        RetriableError: From every method: the disk refuses
            (``quarantine_disk_full``, ``quarantine_no_access``).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._items = folder / "items"

    def items(
        self, report: Callable[[str], None] = logger.warning
    ) -> Iterator[QuarantineItem]:
        """Yield every item, oldest first.

        Args:
            report: Told, a sentence each, of what lies there and is no item that can
                be read.
        """
        with disk_faults(self._folder, "read"):
            try:
                names = sorted(entry.name for entry in self._items.iterdir())
            except FileNotFoundError:
                return  # nothing was ever put
        for name in names:
            try:
                item = self.read(name)
            except UnknownItemError:
                # One that another process has taken out since is no news.
                if os.path.lexists(self._items / name):
                    report(
                        f"{self._items / name} is no item of the quarantine: move it "
                        "elsewhere"
                    )
            except BrokenItemError as error:
                report(str(error))
            else:
                yield item

    def read(self, item_id: str) -> QuarantineItem:
        """Read one item, without its body.

        Raises:
            UnknownItemError: There is none of this id.
            BrokenItemError: There is, but it cannot be understood, or is a newer one.
        """
        text = self._read_file(self._folder_of(item_id) / DOCUMENT)
        try:
            return parse(text, item_id=item_id)
        except NewerItemError as error:
            where = self._items / item_id
            raise NewerItemError(error.code, f"{where}: {error.sentence}") from error
        except BrokenItemError as error:
            raise self._broken(item_id, error.sentence) from error

    def body(self, item_id: str) -> bytes | None:
        """Read the bytes that were kept with an item; None where there were none.

        Raises:
            UnknownItemError: There is none of this id.
            BrokenItemError: The item or its body is not what was written.
        """
        item = self.read(item_id)
        if item.body_bytes is None:
            return None
        data = self._read_file(self._folder_of(item_id) / BODY)
        if len(data) != item.body_bytes:
            raise self._broken(
                item_id, f"its body has {len(data)} of {item.body_bytes} bytes"
            )
        return data

    def body_path(self, item_id: str) -> Path:
        """Where the bytes that were kept with an item are, if there were any.

        Raises:
            UnknownItemError: There is none of this id.
        """
        return self._folder_of(item_id) / BODY

    def size_bytes(self, item_id: str) -> int:
        """What an item takes of ``max_bytes``.

        Raises:
            UnknownItemError: There is none of this id.
        """
        folder = self._folder_of(item_id)
        with disk_faults(self._folder, "read"):
            try:
                return item_size_bytes(folder)
            except FileNotFoundError:
                raise _unknown(item_id) from None

    def _folder_of(self, item_id: str) -> Path:
        folder = self._items / item_id
        # An id is also what a user types: nothing else may become a path.
        if _ID.fullmatch(item_id):
            with disk_faults(self._folder, "read"), suppress(FileNotFoundError):
                if stat.S_ISDIR(folder.lstat().st_mode):
                    return folder
        raise _unknown(item_id)

    def _read_file(self, path: Path) -> bytes:
        with disk_faults(self._folder, "read"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                self._folder_of(path.parent.name)  # gone altogether is no damage
                raise self._broken(path.parent.name, f"it has no {path.name}") from None

    def _broken(self, item_id: str, reason: str) -> BrokenItemError:
        return BrokenItemError(
            "broken_item",
            f"{self._items / item_id} cannot be read: {reason}; "
            f"trailfeed quarantine purge {item_id} removes it",
        )

    def _ids(self) -> Iterator[str]:
        with os.scandir(self._items) as entries:
            for entry in entries:
                if _ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield entry.name


def _unknown(item_id: str) -> UnknownItemError:
    return UnknownItemError("no_such_item", f"{item_id!r} is not in the quarantine")


def item_size_bytes(folder: Path) -> int:
    """What an item's folder takes, in whole blocks of the disk."""
    with os.scandir(folder) as entries:
        return taken_bytes(
            *(entry.stat(follow_symlinks=False).st_size for entry in entries)
        )
