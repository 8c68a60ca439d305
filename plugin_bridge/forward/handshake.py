"""The client's half of the greeting: HELO, PING, PONG.

A receiver with a shared key says HELO at once, takes one PING, answers with a PONG, and
takes chunks only then. Both prove that they know the key without showing it.

Source: Fluentd's "Forward Protocol Specification v1", "Connection Phase"; where it is
silent, what Fluent Bit 5.1 and Fluentd 1.16 do.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgpack
import ormsgpack

from plugin_bridge.forward.errors import (
    GreetedError,
    HandshakeError,
    LocalProtocolError,
)

MAX_GREETING_BYTES = 65_536
"""Most that HELO and PONG may hold; real ones have about two hundred bytes."""

HELO_TIMEOUT_S = 10.0
"""How long HELO, and then PONG, may take, in seconds."""

LISTENING_S = 1.0
"""How long a receiver is listened to that may say HELO in vain, in seconds."""

SALT_CHARACTERS = 32
"""Of the salt that a handshake is given: 128 random bits as hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who this end is.

    Args:
        shared_key: What both ends know, and never send.
        hostname: This end's name; the receiver must have another one.
        username: Empty: none.
        password: Of the user.
    """

    shared_key: str = field(repr=False)
    hostname: str
    username: str = ""
    password: str = field(default="", repr=False)


class Greeting(Protocol):
    """What comes on a connection before the first chunk."""

    timeout_s: float
    """Longest wait for :attr:`is_done`, in seconds."""

    @property
    def is_done(self) -> bool:
        """Whether chunks may go."""
        ...

    def receive_data(self, data: bytes) -> bytes:
        """Take in what was read (``b""`` for EOF), and return what is to be written.

        Raises:
            ForwardError: The greeting cannot succeed.
        """
        ...

    def time_out(self) -> None:
        """Draw the conclusion from ``timeout_s`` of silence.

        Raises:
            ForwardError: The greeting has failed.
        """
        ...


class ClientHandshake:
    """A greeting with a shared key. No socket, no clock, no randomness.

    The PING is to be written in one piece, and nothing else before :attr:`is_done`:
    Fluent Bit neither puts a divided one together nor takes chunks before its PONG.

    Args:
        credentials: Who this end is.
        salt: 32 random hexadecimal digits, new for each connection.
    """

    def __init__(self, credentials: Credentials, *, salt: str) -> None:
        if len(salt) != SALT_CHARACTERS:
            raise LocalProtocolError(f"salt of {len(salt)} characters instead of 32")
        self.timeout_s = HELO_TIMEOUT_S
        self._credentials = credentials
        self._salt = salt.encode()
        self._messages = _Messages()
        self._nonce: bytes | None = None  # set by HELO
        self._is_done = False

    @property
    def is_done(self) -> bool:
        return self._is_done

    def receive_data(self, data: bytes) -> bytes:
        """Take in what was read, and return the PING where it is due.

        Raises:
            HandshakeError: The keys or users differ, or it is no handshake at all.
        """
        if not data:
            raise HandshakeError(self._words_for_eof())
        reply = b""
        for message in self._messages.feed(data):
            if self._is_done:
                raise HandshakeError(f"unexpected after the handshake: {message!r:.80}")
            if self._nonce is None:
                reply = self._on_helo(message)
            else:
                self._on_pong(message, self._nonce)
        return reply

    def time_out(self) -> None:
        if self._nonce is not None:
            raise HandshakeError(
                f"the receiver did not answer the handshake within {self.timeout_s:g} s"
            )
        raise HandshakeError(
            f"no HELO from the receiver within {self.timeout_s:g} s: it is paused, or "
            "has no shared key (set one there, or leave output.shared_key empty)"
        )

    def _words_for_eof(self) -> str:
        if self._nonce is None:
            return "the receiver closed the connection instead of greeting"
        # Fluent Bit says no more where the key is wrong.
        return (
            "the receiver closed the connection in the handshake: output.shared_key is "
            "most likely not the key it has"
        )

    def _on_helo(self, message: object) -> bytes:
        match message:
            case [b"HELO", Mapping() as options, *_]:
                pass
            case _:
                raise HandshakeError(f"no HELO, but {message!r:.80}")
        nonce = options.get(b"nonce")
        if not isinstance(nonce, bytes) or not nonce:
            raise HandshakeError("the receiver's HELO holds no nonce")
        auth = options.get(b"auth", b"")
        if not isinstance(auth, bytes):
            raise HandshakeError(f"the receiver's HELO has auth {auth!r:.80}")
        if options.get(b"keepalive", True) is False:
            raise HandshakeError(
                "the receiver ends each connection after one chunk: switch its "
                "deny_keepalive off"
            )
        self._nonce = nonce
        return self._ping(nonce, auth)

    def _ping(self, nonce: bytes, auth: bytes) -> bytes:
        us = self._credentials
        hostname = us.hostname.encode()
        username, password = "", ""
        # Both receivers send an auth salt even where they ask for no user.
        if auth and us.username:
            username = us.username
            password = _digest(auth, username.encode(), us.password.encode())
        return ormsgpack.packb(
            [
                "PING",
                us.hostname,
                self._salt.decode(),
                _digest(self._salt, hostname, nonce, us.shared_key.encode()),
                username,
                password,
            ]
        )

    def _on_pong(self, message: object, nonce: bytes) -> None:
        match message:
            case [b"PONG", bool() as is_accepted, reason, bytes() as host, digest] if (
                isinstance(reason, bytes) and isinstance(digest, bytes)
            ):
                pass
            case _:
                raise HandshakeError(f"no PONG, but {message!r:.80}")
        if not is_accepted:
            raise HandshakeError(self._words_for_refusal(reason))
        us = self._credentials
        if host == us.hostname.encode():
            # Else our own digest, sent back, would pass for theirs.
            raise HandshakeError(
                f"the receiver calls itself {us.hostname!r:.80} as we do: give us "
                "another name in output.self_hostname"
            )
        expected = _digest(self._salt, host, nonce, us.shared_key.encode())
        if not hmac.compare_digest(expected.encode(), digest):
            raise HandshakeError(
                "the receiver does not know output.shared_key: its own digest is wrong"
            )
        self._is_done = True

    def _words_for_refusal(self, reason: bytes) -> str:
        words = reason.decode("utf-8", "replace").strip() or "no reason given"
        return (
            f"the receiver refused the handshake: {words:.200}; see output.shared_key, "
            "output.username and output.password"
        )


class UnexpectedGreeting:
    """Listens whether a receiver says HELO, while there is no key to answer it with.

    For those that did so on the connection before, and for where no acknowledgement
    shows that what was sent has vanished.
    """

    def __init__(self) -> None:
        self.timeout_s = LISTENING_S
        self._messages = _Messages()
        self._is_done = False

    @property
    def is_done(self) -> bool:
        return self._is_done

    def receive_data(self, data: bytes) -> bytes:
        """Take in what was read.

        Raises:
            GreetedError: HELO.
            HandshakeError: Something else, or the end.
        """
        if not data:
            raise HandshakeError("the receiver closed the connection")
        for message in self._messages.feed(data):
            match message:
                case [b"HELO", *_]:
                    raise GreetedError
                case _:
                    raise HandshakeError(f"unexpected greeting {message!r:.80}")
        return b""

    def time_out(self) -> None:
        self._is_done = True


class _Messages:
    """The messages of a stream. Text is bytes: Fluent Bit's nonce is random."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(raw=True, max_buffer_size=MAX_GREETING_BYTES)

    def feed(self, data: bytes) -> list[object]:
        """Take in what was read, and return the messages that are whole.

        Raises:
            HandshakeError: No msgpack, or too much of it.
        """
        try:
            self._unpacker.feed(data)
            return list(self._unpacker)
        except (msgpack.UnpackException, ValueError) as exc:
            raise HandshakeError(
                f"the greeting is no msgpack; is it a Forward receiver? ({data!r:.40})"
            ) from exc


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()
