"""Files that are neither JSON nor compressed: passed over, and said so."""

from __future__ import annotations

from typing import Final

from worker.decode.compressions import HEAD_BYTES, recognise

LOOK_BYTES: Final = 64
"""Of a file's beginning: JSON may be indented."""

_NAMED_COUNT: Final = 5
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def may_hold_events(head: bytes) -> bool:
    """Whether what begins so is JSON or compressed; an empty file is neither."""
    if recognise(head[:HEAD_BYTES]) != "none":
        return True
    return head.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith((b"{", b"["))


class PassedOver:
    """Counts files, and names the first few."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self.count = 0

    def add(self, name: str) -> None:
        """Count one."""
        self.count += 1
        if len(self._names) < _NAMED_COUNT:
            self._names.append(name)

    def remark(self) -> str:
        """What people should know of them."""
        files = "1 file" if self.count == 1 else f"{self.count:,} files"
        are = "is" if self.count == 1 else "are"
        more = self.count - len(self._names)
        names = ", ".join(self._names) + (f" and {more:,} more" if more else "")
        return f"passed over {files} that {are} neither JSON nor compressed: {names}"
