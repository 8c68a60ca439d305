"""The greeting, against a receiver's half and against vectors written by hand."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.forward.errors import (
    GreetedError,
    HandshakeError,
    LocalProtocolError,
)
from plugin_bridge.forward.handshake import (
    ClientHandshake,
    Credentials,
    UnexpectedGreeting,
)
from tests.fakes.greeter import Greeter, GreetingRefusedError

SALT = "0123456789abcdef0123456789abcdef"
PW = "pw"
LONG_PW = "pass-word"
FLUENT_BIT_PING_BYTES = 1_024


def handshake(
    key: str = "secret", *, host: str = "sender", user: str = "", password: str = ""
) -> ClientHandshake:
    return ClientHandshake(Credentials(key, host, user, password), salt=SALT)


def greeted(greeter: Greeter, client: ClientHandshake) -> None:
    """Let both halves speak to their end; raises what the client does."""
    ping = client.receive_data(greeter.helo())
    assert not client.is_done
    try:
        pong = greeter.pong(ping)
    except GreetingRefusedError as refusal:
        if refusal.answer:
            client.receive_data(refusal.answer)
        client.receive_data(b"")
    else:
        assert client.receive_data(pong) == b""


class TestGoldenVectors:
    """Digests computed with ``printf '%s' … | sha512sum``."""

    HELO = b"\x92\xa4HELO\x83\xa5nonce\xc4\x04\x01\x02\x03\x04\xa4auth\xc4\x00"
    HELO += b"\xa9keepalive\xc3"
    KEY_DIGEST = (
        "d0e2db68c218b496d2888822f062d9e4d6023b5cabbc95c660ed0521625db0cd"
        "b2cb2c04dfe0ff91497d5e5eb5299344788b2f1c510bc62adb945cdf78d81d0b"
    )
    PONG_DIGEST = (
        "9071450fd772e33999f9b0db12d53d22b5d2f55b8dd185f7a70b6853fe4f449d"
        "1578378e632453f963577e484f4133788c192502ba988cb3c0237363347a4ea5"
    )

    def test_ping(self) -> None:
        ping = handshake().receive_data(self.HELO)
        assert ping == (
            b"\x96\xa4PING\xa6sender\xd9\x20"
            + SALT.encode()
            + b"\xd9\x80"
            + self.KEY_DIGEST.encode()
            + b"\xa0\xa0"
        )

    def test_pong(self) -> None:
        client = handshake()
        client.receive_data(self.HELO)
        client.receive_data(
            b"\x95\xa4PONG\xc3\xa0\xa8receiver\xd9\x80" + self.PONG_DIGEST.encode()
        )
        assert client.is_done


@pytest.mark.parametrize("is_fluent_bit", [True, False])
class TestBothEndsAgree:
    def test_on_a_key(self, is_fluent_bit: bool) -> None:
        client = handshake()
        greeted(Greeter("secret", is_fluent_bit=is_fluent_bit, keepalive=True), client)
        assert client.is_done

    def test_on_a_user(self, is_fluent_bit: bool) -> None:
        client = handshake(user="alice", password=PW)
        users = {"alice": PW}
        greeted(Greeter("secret", users, is_fluent_bit=is_fluent_bit), client)
        assert client.is_done

    def test_on_text_beyond_ascii(self, is_fluent_bit: bool) -> None:
        client = handshake("schlüssel ☃")
        greeted(Greeter("schlüssel ☃", is_fluent_bit=is_fluent_bit), client)
        assert client.is_done

    def test_without_auth_no_user_is_shown(self, is_fluent_bit: bool) -> None:
        client = handshake(user="alice", password=PW)
        greeter = Greeter("secret", auth=b"", is_fluent_bit=is_fluent_bit)
        ping = client.receive_data(greeter.helo())
        assert msgpack.unpackb(ping)[4:] == ["", ""]

    @pytest.mark.parametrize(
        ("user", "password"), [("alice", "wrong"), ("eve", PW), ("", "")]
    )
    def test_not_on_a_wrong_user(
        self, is_fluent_bit: bool, user: str, password: str
    ) -> None:
        client = handshake(user=user, password=password)
        greeter = Greeter("secret", {"alice": PW}, is_fluent_bit=is_fluent_bit)
        with pytest.raises(HandshakeError, match="username/password mismatch"):
            greeted(greeter, client)
        assert not client.is_done

    def test_not_on_a_wrong_key(self, is_fluent_bit: bool) -> None:
        client = handshake("wrong")
        with pytest.raises(HandshakeError, match=r"output\.shared_key"):
            greeted(Greeter("secret", is_fluent_bit=is_fluent_bit), client)
        assert not client.is_done


class TestRefuses:
    def test_a_receiver_that_does_not_know_the_key(self) -> None:
        client = handshake()
        client.receive_data(Greeter("secret").helo())
        with pytest.raises(HandshakeError, match="does not know"):
            client.receive_data(
                msgpack.packb(["PONG", True, "", "receiver.example", "0" * 128])
            )
        assert not client.is_done

    def test_our_own_digest_sent_back(self) -> None:
        client = handshake()
        ping = msgpack.unpackb(client.receive_data(Greeter("secret").helo()))
        with pytest.raises(HandshakeError, match=r"output\.self_hostname"):
            client.receive_data(msgpack.packb(["PONG", True, "", ping[1], ping[3]]))
        assert not client.is_done

    @pytest.mark.parametrize(
        ("helo", "words"),
        [
            (["HELO", {"auth": b""}], "nonce"),
            (["HELO", {"nonce": b"", "auth": b""}], "nonce"),
            (["HELO", {"nonce": 5}], "nonce"),
            (["HELO", {"nonce": b"n", "auth": 5}], "auth"),
            (["HELO", {"nonce": b"n", "keepalive": False}], "deny_keepalive"),
            (["HELO"], "no HELO"),
            (["HELO", None], "no HELO"),
            ({"ack": "c"}, "no HELO"),
            (5, "no HELO"),
        ],
    )
    def test_helo(self, helo: object, words: str) -> None:
        with pytest.raises(HandshakeError, match=words):
            handshake().receive_data(msgpack.packb(helo))

    @pytest.mark.parametrize(
        "pong",
        [
            ["PONG", True, "", "h"],
            ["PONG", 1, "", "h", "d"],
            ["PONG", True, None, "h", "d"],
            ["PONG", True, "", "h", None],
            {},
        ],
    )
    def test_pong(self, pong: object) -> None:
        client = handshake()
        client.receive_data(Greeter("secret").helo())
        with pytest.raises(HandshakeError, match="no PONG"):
            client.receive_data(msgpack.packb(pong))

    def test_what_follows_a_pong(self) -> None:
        greeter, client = Greeter("secret"), handshake()
        pong = greeter.pong(client.receive_data(greeter.helo()))
        with pytest.raises(HandshakeError, match="after the handshake"):
            client.receive_data(pong + b"\x80")

    @pytest.mark.parametrize("data", [b"\xc1", b"HTTP/1.1 400\r\n\r\n", b"x" * 70_000])
    def test_what_is_no_greeting(self, data: bytes) -> None:
        with pytest.raises(HandshakeError):
            handshake().receive_data(data)

    def test_a_close_instead_of_helo(self) -> None:
        with pytest.raises(HandshakeError, match="instead of greeting"):
            handshake().receive_data(b"")

    def test_silence_says_what_to_change(self) -> None:
        with pytest.raises(HandshakeError, match=r"leave output\.shared_key empty"):
            handshake().time_out()

    def test_silence_after_ping(self) -> None:
        client = handshake()
        client.receive_data(Greeter("secret").helo())
        with pytest.raises(HandshakeError, match="did not answer"):
            client.time_out()

    def test_a_salt_that_is_too_short(self) -> None:
        with pytest.raises(LocalProtocolError, match="salt"):
            ClientHandshake(Credentials("k", "h"), salt="abc")


def test_secrets_do_not_show() -> None:
    shown = repr(Credentials("top-secret", "host", "alice", LONG_PW))
    assert "top-secret" not in shown
    assert LONG_PW not in shown
    ping = handshake("top-secret", user="alice", password=LONG_PW).receive_data(
        Greeter("top-secret").helo()
    )
    assert b"top-secret" not in ping
    assert LONG_PW.encode() not in ping


def test_ping_fits_one_read_of_fluent_bit() -> None:
    client = handshake("k" * 1_000, host="h" * 255, user="u" * 255, password="p" * 999)
    ping = client.receive_data(Greeter("k" * 1_000).helo())
    assert len(ping) < FLUENT_BIT_PING_BYTES


@given(cuts=st.lists(st.integers(0, 400), max_size=8), is_fluent_bit=st.booleans())
def test_the_stream_may_be_cut_anywhere(cuts: list[int], is_fluent_bit: bool) -> None:
    greeter, client = Greeter("secret", is_fluent_bit=is_fluent_bit), handshake()
    ping = b"".join(fed(client, greeter.helo(), cuts))
    assert fed(client, greeter.pong(ping), cuts) == []
    assert client.is_done


def fed(client: ClientHandshake, stream: bytes, cuts: list[int]) -> list[bytes]:
    bounds = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    replies = [
        client.receive_data(stream[start:end]) for start, end in pairwise(bounds)
    ]
    return [reply for reply in replies if reply]


@given(data=st.binary(min_size=1, max_size=200))
def test_noise_raises_nothing_else(data: bytes) -> None:
    client = handshake()
    with suppress(HandshakeError):
        client.receive_data(data)
    assert not client.is_done


class TestUnexpectedGreeting:
    def test_helo_is_an_error(self) -> None:
        listening = UnexpectedGreeting()
        with pytest.raises(GreetedError, match=r"output\.shared_key is empty"):
            listening.receive_data(Greeter("secret").helo())

    def test_silence_lets_chunks_go(self) -> None:
        listening = UnexpectedGreeting()
        assert not listening.is_done
        listening.time_out()
        assert listening.is_done

    @pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80"])
    def test_anything_else_is_an_error(self, data: bytes) -> None:
        with pytest.raises(HandshakeError):
            UnexpectedGreeting().receive_data(data)
