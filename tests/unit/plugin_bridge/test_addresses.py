from __future__ import annotations

import pytest

from plugin_bridge.addresses import (
    Address,
    TcpAddress,
    UnixAddress,
    parse_address,
)
from plugin_bridge.errors import AddressError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "unix:///run/trailfeed/forward.sock",
            UnixAddress("/run/trailfeed/forward.sock"),
        ),
        ("unix:///with space?#%41", UnixAddress("/with space?#%41")),
        ("unix://@trailfeed", UnixAddress("@trailfeed")),
        ("tcp://127.0.0.1:24224", TcpAddress("127.0.0.1", 24224)),
        ("tcp://[::1]:24224", TcpAddress("::1", 24224)),
        ("tls://logs.example:24284", TcpAddress("logs.example", 24284, is_tls=True)),
    ],
)
def test_reads_and_writes_the_same_text(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no address: expected unix"),
        ("/run/x.sock", "is no address: expected unix"),
        ("unix:/run/x.sock", "is no address: expected unix"),
        ("stdout:", "is no address: expected unix"),
        ("udp://h:1", "is no address: expected unix"),
        ("unix://", "three slashes"),
        ("unix://run/x.sock", "three slashes"),
        ("unix:///run/", "three slashes"),
        ("unix://@", "three slashes"),
        ("unix:///a\0b", "holds a NUL"),
        ("tcp://", "expected tcp://host:port"),
        ("tcp://host", "expected tcp://host:port"),
        ("tls://:24224", "expected tls://host:port"),
        ("tcp://host:0", "expected tcp://host:port"),
        ("tcp://host:x", "is no address"),
        ("tcp://host:70000", "is no address"),
        ("tcp://[::1:24224", "is no address"),
        ("tcp://user@host:1", "expected tcp://host:port"),
        ("tcp://host:1/path", "expected tcp://host:port"),
        ("tcp://host:1?q", "expected tcp://host:port"),
    ],
)
def test_says_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(AddressError, match=sentence):
        parse_address(text)


@pytest.mark.parametrize("first", ["/", "@"])
def test_socket_path_has_107_bytes(first: str) -> None:
    assert parse_address(f"unix://{first}{'é' * 53}") == UnixAddress(first + "é" * 53)
    with pytest.raises(AddressError, match="108 bytes, and the system's limit is 107"):
        parse_address(f"unix://{first}{'é' * 53}x")


def test_tells_abstract_from_files() -> None:
    assert UnixAddress("@x").is_abstract
    assert not UnixAddress("/x").is_abstract
