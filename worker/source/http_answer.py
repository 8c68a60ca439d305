"""Answers of HTTP/1.1, read as AWS's services mostly write them. No I/O.

Whatever is in any way special is left to a whole HTTP client.

Source: RFC 9112, §2.1 (message format) and §6.3 (message body length).
"""

from __future__ import annotations

_MAX_HEAD_BYTES = 64 << 10
_STATUS_DIGITS = 3
_MAX_SIZE_DIGITS = 18
_BEGIN = "HTTP/1.1 "
_END_OF_HEAD = b"\r\n\r\n"


class OddAnswerError(Exception):
    """An answer that is for a whole HTTP client to read."""


class HttpAnswer:
    """One answer, as it comes in.

    Args:
        max_bytes: A larger body is odd.

    Attributes:
        status: 200, say; 0 before it is known.
        fields: By lower-case name; the last of equal ones.
        body: Whole, once :meth:`take` has said so.
    """

    __slots__ = ("_begun", "_max_bytes", "_size_bytes", "body", "fields", "status")

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = bytearray()
        self._size_bytes = -1
        self.status = 0
        self.fields: dict[str, str] = {}
        self.body = b""

    def take(self, data: bytes) -> bool:
        """Take what came, and tell whether that was all.

        Args:
            data: Nothing: the connection has ended.

        Raises:
            OddAnswerError: This is not the kind that is read here, or not all of it.
        """
        if not data:
            raise OddAnswerError("it ends before its end")
        if self._size_bytes < 0:
            if self._begun:
                data = bytes(self._begun) + data
                self._begun.clear()
            end = data.find(_END_OF_HEAD)
            if end < 0:
                if len(data) > _MAX_HEAD_BYTES:
                    raise OddAnswerError("its head does not end")
                self._begun += data
                return False
            self._read_head(data[:end])
            data = data[end + len(_END_OF_HEAD) :]
        if not self._begun and len(data) == self._size_bytes:
            self.body = data
            return True
        self._begun += data
        if len(self._begun) > self._size_bytes:
            raise OddAnswerError("it is longer than it says")
        if len(self._begun) < self._size_bytes:
            return False
        self.body = bytes(self._begun)
        return True

    @property
    def may_be_followed(self) -> bool:
        """Whether the connection may be used again."""
        return self.fields.get("connection", "").lower() != "close"

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        status = first[len(_BEGIN) :].split(" ", 1)[0]
        is_status = len(status) == _STATUS_DIGITS and status.isdecimal()
        if not first.startswith(_BEGIN) or not is_status:
            raise OddAnswerError("it is not HTTP/1.1")
        self.status = int(status)
        fields = self.fields
        for line in lines:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        size = fields.get("content-length", "")
        is_size = size.isdecimal() and len(size) <= _MAX_SIZE_DIGITS
        if "transfer-encoding" in fields or not is_size:
            raise OddAnswerError("it does not say its length")
        self._size_bytes = int(size)
        if self._size_bytes > self._max_bytes:
            raise OddAnswerError("it is too large")
