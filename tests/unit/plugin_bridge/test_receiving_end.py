"""What each receiving end's configuration says, setting by setting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from plugin_bridge import fluent_bit, fluentd, otel, vector
from plugin_bridge.addresses import TcpAddress, parse_address
from plugin_bridge.errors import AddressError
from plugin_bridge.receiving_end import (
    LOG_PATH,
    ReceivingEnd,
    listening_host,
    yaml_scalar,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.receiving_end import Format

    Configuration = Callable[[ReceivingEnd], str]

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is generated, and nothing listens on


def end(address: str | None, **settings: object) -> ReceivingEnd:
    parsed = None if address is None else parse_address(address)
    return ReceivingEnd(address=parsed, tag="my.tag", **settings)  # type: ignore[arg-type]


def stripped(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("host", "listens"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("logs.example", EVERYWHERE),
        ("10.1.2.3", EVERYWHERE),
        ("fd00::1", "::"),
    ],
)
def test_listens_where_the_sender_connects_to(host: str, listens: str) -> None:
    assert listening_host(TcpAddress(host, 1)) == listens


@pytest.mark.parametrize(
    ("text", "scalar"),
    [
        ("/run/a_b-c.sock", "/run/a_b-c.sock"),
        ("aws.cloudtrail", "aws.cloudtrail"),
        ("0660", '"0660"'),
        ("8M", '"8M"'),
        ("yes", '"yes"'),
        ("On", '"On"'),
        ("a: b", '"a: b"'),
        ("*", '"*"'),
        ("a#b", '"a#b"'),
        ("", '""'),
        ('"', '"\\""'),
    ],
)
def test_scalars_stay_text(text: str, scalar: str) -> None:
    assert yaml_scalar(text) == scalar


class TestFluentBit:
    @pytest.mark.parametrize("style", ["yaml", "classic"])
    def test_both_formats_say_the_same(self, style: Format) -> None:
        secured = end(
            "tls://logs.example:24224",
            has_shared_key=True,
            username="alice",
            shows_certificate=True,
        )
        text = fluent_bit.configuration(secured, style).lower()
        found = {
            words[0].rstrip(":"): words[1].strip().strip('"')
            for line in stripped(text)
            if not line.startswith("#")
            and len(words := line.removeprefix("- ").split(None, 1)) == 2
        }
        assert found == {
            "storage.path": "/var/lib/fluent-bit/storage",
            "storage.sync": "full",
            "listen": EVERYWHERE,
            "port": "24224",
            "storage.type": "filesystem",
            "shared_key": "${forward_shared_key}",
            "self_hostname": "fluent-bit",
            "security.users": "alice ${forward_password}",
            "tls": "on",
            "tls.crt_file": "/etc/fluent-bit/tls/server.crt",
            "tls.key_file": "/etc/fluent-bit/tls/server.key",
            "tls.verify": "on",
            "tls.verify_client_cert": "on",
            "tls.ca_file": "/etc/fluent-bit/tls/clients-ca.pem",
            "name": "stdout",
            "match": "my.tag",
            "format": "json_lines",
            "retry_limit": "no_limits",
        }

    def test_a_unix_socket_with_its_mode(self) -> None:
        found = stripped(fluent_bit.configuration(end("unix:///run/f.sock")))
        assert "unix_path: /run/f.sock" in found
        assert 'unix_perm: "0660"' in found
        assert not [
            line for line in found if line.startswith(("tls", "shared", "port"))
        ]

    def test_standard_output_has_a_parser_and_room_for_long_lines(self) -> None:
        reader = end(None, command=("trailfeed", "run", "--config", "/a b.toml"))
        found = stripped(fluent_bit.configuration(reader))
        assert "command: \"trailfeed run --config '/a b.toml'\"" in found
        assert 'buf_size: "8M"' in found
        assert "parser: trailfeed" in found
        assert "- name: trailfeed" in found
        assert "parsers_file" in fluent_bit.configuration(reader, "classic").lower()


class TestVector:
    def test_tcp_waits_for_the_sinks(self) -> None:
        text = vector.configuration(end("tcp://[::1]:24224"))
        assert 'address: "[::1]:24224"' in text
        assert text.endswith("    acknowledgements:\n      enabled: true\n")
        assert "tls:" not in text

    def test_unix_promises_none(self) -> None:
        text = vector.configuration(end("unix:///run/v.sock"))
        assert "mode: unix\n    path: /run/v.sock\n    socket_file_mode: 0o660" in text
        assert "enabled: true" not in text

    def test_tls(self) -> None:
        text = vector.configuration(end("tls://h:1", shows_certificate=True))
        assert "tls:\n      enabled: true\n" in text
        assert "verify_certificate: true" in text
        plain = vector.configuration(end("tls://h:1"))
        assert "verify_certificate" not in plain

    def test_exec_keeps_the_log_and_takes_any_path(self) -> None:
        text = vector.configuration(end(None, command=("trailfeed", 'a"b')))
        (line,) = [line for line in stripped(text) if line.startswith("command: ")]
        assert json.loads(line.removeprefix("command: ")) == [
            "sh",
            "-c",
            f"exec trailfeed 'a\"b' 2>> {LOG_PATH}",
        ]
        assert "include_stderr: false" in text
        assert "respawn_on_exit: true" in text


class TestFluentd:
    def test_forward_with_everything(self) -> None:
        secured = end(
            "tls://logs.example:24224",
            has_shared_key=True,
            username="alice",
            shows_certificate=True,
        )
        found = stripped(fluentd.configuration(secured))
        for line in (
            "@type forward",
            "bind 0.0.0.0",
            "port 24224",
            "<transport tls>",
            "client_cert_auth true",
            "self_hostname fluentd",
            "shared_key \"#{ENV['FORWARD_SHARED_KEY']}\"",
            "user_auth true",
            "username 'alice'",
            "<match my.tag>",
            "overflow_action block",
        ):
            assert line in found

    def test_a_user_is_text_and_never_ruby(self) -> None:
        odd = end("tcp://h:1", has_shared_key=True, username="#{`id`}'\\")
        assert "username '#{`id`}\\'\\\\'" in stripped(fluentd.configuration(odd))

    def test_unix_is_another_input(self) -> None:
        found = stripped(fluentd.configuration(end("unix:///run/f.sock")))
        assert found[1:4] == ["<source>", "@type unix", "path /run/f.sock"]

    def test_exec_reads_msgpack(self) -> None:
        found = stripped(fluentd.configuration(end(None, command=("trailfeed", "run"))))
        assert f"command exec trailfeed run 2>> {LOG_PATH}" in found
        assert "@type msgpack" in found
        assert "tag my.tag" in found


class TestOtel:
    @pytest.mark.parametrize(
        ("address", "endpoint"),
        [
            ("unix:///run/o.sock", "unix:///run/o.sock"),
            ("unix://@name", "unix://@name"),
            ("tcp://127.0.0.1:8006", "127.0.0.1:8006"),
            ("tcp://[::1]:8006", "[::1]:8006"),
        ],
    )
    def test_endpoint(self, address: str, endpoint: str) -> None:
        assert f'endpoint: "{endpoint}"' in otel.configuration(end(address))

    def test_reads_no_standard_output(self) -> None:
        with pytest.raises(AddressError, match="does not read"):
            otel.configuration(end(None))


@pytest.mark.parametrize(
    "make", [fluent_bit.configuration, vector.configuration, fluentd.configuration]
)
def test_abstract_sockets_are_refused(make: Configuration) -> None:
    with pytest.raises(AddressError, match="no abstract socket"):
        make(end("unix://@name"))
