"""HTTP/1.1 as far as AWS's clients use it: keep-alive, Content-Length, no more."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HEAD_END = b"\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # l_onoff, l_linger: close() sends RST
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        path: As it was sent, percent-encoded, without the query.
        target: The header ``X-Amz-Target``; empty where there is none.
        range: The header ``Range``; empty where there is none.
        if_match: The header ``If-Match``, likewise.
    """

    method: str
    path: str
    target: str
    range: str
    if_match: str
    body: bytes


class Ending(Enum):
    """What becomes of the connection after an answer."""

    KEPT = "kept"
    CLOSED = "closed"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole or broken.

    Attributes:
        headers: Lines, each with its line break.
        sent_bytes: So many bytes of the body are sent, whatever Content-Length says;
            None: all of them, -1: not even the head.
        is_bodiless: For HEAD.
        delay_s: Wait so long first.
    """

    status: int = 200
    body: bytes = b""
    headers: bytes = b""
    ending: Ending = Ending.KEPT
    sent_bytes: int | None = None
    is_bodiless: bool = False
    delay_s: float = 0.0


class Connection(asyncio.Protocol):
    """One client's connection; one request at a time, as AWS's clients do it.

    Args:
        answer: Called with each request and with what takes its answer, which may be
            called at once or later, once.
    """

    def __init__(
        self, answer: Callable[[Request, Callable[[Answer], None]], None]
    ) -> None:
        self._answer = answer
        self._buffer = b""
        self._is_busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        self._go_on()

    def _go_on(self) -> None:
        while not self._is_busy and (request := self._next_request()) is not None:
            self._is_busy = True
            self._answer(request, self._respond)

    def _next_request(self) -> Request | None:
        buffer = self._buffer
        head_end = buffer.find(_HEAD_END)
        if head_end < 0:
            return None
        head = buffer[: head_end + 2]
        lowered = head.lower()
        length = _header(head, lowered, b"\r\ncontent-length:")
        body_at = head_end + len(_HEAD_END)
        end = body_at + int(length or 0)
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        method, target, _ = head[: head.index(b"\r\n")].split(b" ", 2)
        return Request(
            method.decode("latin-1"),
            target.partition(b"?")[0].decode("latin-1"),
            _header(head, lowered, b"\r\nx-amz-target:"),
            _header(head, lowered, b"\r\nrange:"),
            _header(head, lowered, b"\r\nif-match:"),
            buffer[body_at:end],
        )

    def _respond(self, answer: Answer) -> None:
        if answer.delay_s:
            asyncio.get_running_loop().call_later(answer.delay_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: Answer) -> None:
        transport = self._transport
        if transport is None:
            return
        if answer.sent_bytes != -1:
            body = b"" if answer.is_bodiless else answer.body
            transport.write(
                b"HTTP/1.1 %d %b\r\n%bContent-Length: %d\r\n\r\n%b"
                % (
                    answer.status,
                    _REASONS.get(answer.status, b"Unknown"),
                    answer.headers,
                    len(answer.body),
                    body if answer.sent_bytes is None else body[: answer.sent_bytes],
                )
            )
        match answer.ending:
            case Ending.KEPT:
                self._is_busy = False
                if self._buffer:
                    self._go_on()
            case Ending.CLOSED:
                transport.close()
            case Ending.RESET:
                peer: socket.socket = transport.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                transport.abort()


NO_ANSWER = Answer(sent_bytes=-1, ending=Ending.RESET)
"""The connection is reset instead."""


def _header(head: bytes, lowered: bytes, name: bytes) -> str:
    at = lowered.find(name)
    if at < 0:
        return ""
    at += len(name)
    return head[at : head.index(b"\r\n", at)].strip().decode("latin-1")
