"""The receiver's half of the handshake, written apart from the client's: HELO, PONG."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgpack

HOSTNAME = "receiver.example"


class GreetingRefusedError(Exception):
    """The receiver ends the connection, after what there is to answer."""

    def __init__(self, answer: bytes = b"") -> None:
        super().__init__(answer)
        self.answer = answer


@dataclass(slots=True)
class Greeter:
    """Asks for a shared key, and for a user if there are any.

    Args:
        shared_key: The key.
        users: Passwords by user; empty: none is asked for.
        nonce: Of HELO.
        auth: Of HELO; real receivers send one even without users.
        is_fluent_bit: Text where Fluentd has bin, and no word on a wrong key.
        keepalive: Of HELO; ``None`` leaves it out.
    """

    shared_key: str
    users: dict[str, str] | None = None
    nonce: bytes = b"\xff\x00nonce-of-16-by"
    auth: bytes = b"\xfeauth"
    is_fluent_bit: bool = True
    keepalive: bool | None = None
    hostname: str = HOSTNAME

    def helo(self) -> bytes:
        options: dict[str, object] = {
            "nonce": self._text(self.nonce),
            "auth": self._text(self.auth),
        }
        if self.keepalive is not None:
            options["keepalive"] = self.keepalive
        return self._pack(["HELO", options])

    def pong(self, ping: bytes) -> bytes:
        """Return the PONG that accepts.

        Raises:
            GreetingRefusedError: Wrong key, user or password.
        """
        kind, host, salt, key_digest, user, password_digest = msgpack.unpackb(ping)
        assert kind == "PING"
        assert isinstance(salt, str), "Fluent Bit closes on a salt that is bin"
        expected = self._digest(salt, host, self.nonce, self.shared_key)
        if key_digest != expected:
            if self.is_fluent_bit:
                raise GreetingRefusedError
            raise GreetingRefusedError(self._refusal("shared_key mismatch"))
        if self.users:
            password = self.users.get(user, "")
            wanted = self._digest(self.auth, user, password)
            if user not in self.users or password_digest != wanted:
                raise GreetingRefusedError(self._refusal("username/password mismatch"))
        return self._pack(
            [
                "PONG",
                True,
                "",
                self.hostname,
                self._digest(salt, self.hostname, self.nonce, self.shared_key),
            ]
        )

    def _refusal(self, reason: str) -> bytes:
        return self._pack(["PONG", False, reason, "", ""])

    def _text(self, random: bytes) -> object:
        return random.decode("latin-1") if self.is_fluent_bit else random

    def _pack(self, message: list[object]) -> bytes:
        if self.is_fluent_bit:
            # Random bytes in a str, which no encoder of text would write.
            return _str_of_bytes(message)
        packed: bytes = msgpack.packb(message)
        return packed

    @staticmethod
    def _digest(*parts: str | bytes) -> str:
        data = b"".join(p if isinstance(p, bytes) else p.encode() for p in parts)
        return hashlib.sha512(data).hexdigest()


def _str_of_bytes(message: object) -> bytes:
    raw = _latin(message)
    packed: bytes = msgpack.packb(raw, use_bin_type=False)
    return packed


def _latin(value: object) -> object:
    match value:
        case str():
            return value.encode("latin-1")
        case dict():
            return {_latin(key): _latin(item) for key, item in value.items()}
        case list():
            return [_latin(item) for item in value]
        case _:
            return value
