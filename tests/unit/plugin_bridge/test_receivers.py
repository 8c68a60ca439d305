from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from plugin_bridge.forward.entries import (
    EventEncoder,
    JsonArrayEncoder,
    JsonLineEncoder,
    MapEncoder,
)
from plugin_bridge.receivers import (
    PROFILES,
    Compression,
    Encoding,
    Receiver,
    Scheme,
    encoder_for,
    max_entry_bytes,
    problems,
)

if TYPE_CHECKING:
    from plugin_bridge.forward.encoder import Encoder

RECEIVERS: tuple[Receiver, ...] = get_args(Receiver)
SOCKETS: tuple[Scheme, ...] = ("unix", "tcp", "tls")


def test_every_receiver_has_a_profile() -> None:
    assert set(PROFILES) == set(RECEIVERS)


@pytest.mark.parametrize(
    ("receiver", "scheme"),
    [
        ("fluent-bit", "unix"),
        ("fluent-bit", "tcp"),
        ("fluent-bit", "tls"),
        ("vector", "tcp"),
        ("vector", "tls"),
        ("fluentd", "tcp"),
        ("fluentd", "tls"),
        ("otel", "unix"),
        ("otel", "tcp"),
        ("generic", "unix"),
        ("generic", "tcp"),
        ("generic", "tls"),
    ],
)
def test_acknowledged_delivery_has_no_problem(
    receiver: Receiver, scheme: Scheme
) -> None:
    assert (
        problems(receiver, scheme=scheme, require_ack=True, chunk_bytes=262_144) == ()
    )


@pytest.mark.parametrize(
    ("receiver", "scheme", "words"),
    [
        ("vector", "unix", ("Vector", "tcp://", "false")),
        ("fluentd", "unix", ("Fluentd", "tcp://", "false")),
        ("fluent-bit", "stdout", ("standard output", "false")),
        ("vector", "stdout", ("standard output", "false")),
        ("fluentd", "stdout", ("standard output", "false")),
        ("generic", "stdout", ("standard output", "false")),
    ],
)
def test_acknowledgements_nobody_sends_are_refused(
    receiver: Receiver, scheme: Scheme, words: tuple[str, ...]
) -> None:
    (problem,) = problems(receiver, scheme=scheme, require_ack=True)
    assert problem.startswith("output.require_ack: ")
    assert all(word in problem for word in words)
    assert problems(receiver, scheme=scheme, require_ack=False) == ()


@pytest.mark.parametrize("scheme", SOCKETS)
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("receiver", RECEIVERS)
def test_compression_follows_the_receiver(
    receiver: Receiver, compression: Compression, scheme: Scheme
) -> None:
    possible = {
        "fluent-bit": {"gzip", "zstd"},
        "vector": {"gzip"},
        "fluentd": set() if scheme == "unix" else {"gzip", "zstd"},
        "otel": {"gzip"},
        "generic": set[str](),
    }[receiver]
    found = problems(receiver, scheme=scheme, compression=compression)
    refused = [p for p in found if p.startswith("output.compression: ")]
    assert bool(refused) is (compression not in possible)


def test_compression_is_refused_on_stdout() -> None:
    (problem,) = problems("fluent-bit", scheme="stdout", compression="gzip")
    assert problem.startswith("output.compression: ")


@pytest.mark.parametrize("receiver", RECEIVERS)
@pytest.mark.parametrize("scheme", SOCKETS)
def test_json_is_for_stdout_only(receiver: Receiver, scheme: Scheme) -> None:
    found = problems(receiver, scheme=scheme, encoding="json")
    assert [p for p in found if p.startswith("output.encoding: ")]


def test_json_is_refused_where_fluentd_reads_stdout() -> None:
    (problem,) = problems("fluentd", scheme="stdout", encoding="json")
    assert problem.startswith("output.encoding: ")
    assert problems("generic", scheme="stdout", encoding="json") == ()


def test_otel_reads_no_stdout_and_speaks_no_tls() -> None:
    for scheme in ("stdout", "tls"):
        (problem,) = problems("otel", scheme=scheme)
        assert problem.startswith("output.address: ")


@pytest.mark.parametrize(
    ("receiver", "scheme", "is_possible"),
    [
        ("fluent-bit", "unix", True),
        ("fluent-bit", "stdout", False),
        ("vector", "tcp", False),
        ("fluentd", "tcp", True),
        ("fluentd", "unix", False),
        ("otel", "unix", False),
        ("generic", "tls", True),
    ],
)
def test_shared_key_only_where_one_is_asked_for(
    receiver: Receiver, scheme: Scheme, is_possible: bool
) -> None:
    found = problems(receiver, scheme=scheme, has_shared_key=True)
    assert [p.partition(":")[0] for p in found] == (
        [] if is_possible else ["output.shared_key"]
    )


def test_username_needs_a_shared_key() -> None:
    (problem,) = problems("fluentd", scheme="tcp", username="alice")
    assert problem.startswith("output.username: ")
    assert not problems("fluentd", scheme="tcp", username="alice", has_shared_key=True)


@pytest.mark.parametrize("username", ["alice b", "alice\tb", " alice", "a${HOME}"])
def test_fluent_bit_knows_no_user_whose_name_it_would_cut(username: str) -> None:
    (problem,) = problems(
        "fluent-bit", scheme="tcp", username=username, has_shared_key=True
    )
    assert problem.startswith("output.username: ")
    assert "security.users" in problem
    assert not problems("fluentd", scheme="tcp", username=username, has_shared_key=True)


@pytest.mark.parametrize("username", ["", "alice", "alice@logs.example", "$al-ice"])
def test_fluent_bit_knows_other_users(username: str) -> None:
    assert not problems(
        "fluent-bit", scheme="tcp", username=username, has_shared_key=True
    )


@pytest.mark.parametrize(
    ("receiver", "scheme", "keys"),
    [
        ("fluent-bit", "tls", []),
        ("fluent-bit", "tcp", ["output.tls_*"]),
        ("otel", "tcp", ["output.tls_*"]),
        ("otel", "tls", ["output.address"]),
    ],
)
def test_tls_settings_belong_to_tls_addresses(
    receiver: Receiver, scheme: Scheme, keys: list[str]
) -> None:
    found = problems(receiver, scheme=scheme, has_tls_settings=True)
    assert [problem.partition(":")[0] for problem in found] == keys


@pytest.mark.parametrize(
    ("receiver", "limit_bytes"), [("fluent-bit", 900_000), ("vector", 104_857_600)]
)
def test_chunks_must_be_such_as_the_receiver_takes_safely(
    receiver: Receiver, limit_bytes: int
) -> None:
    assert problems(receiver, scheme="tcp", chunk_bytes=limit_bytes) == ()
    (problem,) = problems(receiver, scheme="tcp", chunk_bytes=limit_bytes + 1)
    assert problem.startswith(f"output.chunk_bytes: {limit_bytes + 1} bytes")
    assert str(limit_bytes) in problem


def test_chunks_have_no_limit_without_a_frame_or_a_limit_of_frames() -> None:
    assert problems("fluentd", scheme="tcp", chunk_bytes=2**31) == ()
    assert problems("fluent-bit", scheme="stdout", chunk_bytes=2**31) == ()


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_the_largest_entry_leaves_room_for_its_frame(receiver: Receiver) -> None:
    limit_bytes = PROFILES[receiver].max_frame_bytes or 2**32 + 2**16
    assert limit_bytes - 200_000 < max_entry_bytes(receiver) < limit_bytes - 4_096


def test_fluent_bit_takes_entries_of_six_million_bytes() -> None:
    assert max_entry_bytes("fluent-bit") == 6_000_000


def test_every_problem_at_once() -> None:
    found = problems(
        "vector",
        scheme="unix",
        require_ack=True,
        compression="zstd",
        encoding="json",
        has_shared_key=True,
        has_tls_settings=True,
    )
    assert [problem.partition(":")[0] for problem in found] == [
        "output.require_ack",
        "output.encoding",
        "output.compression",
        "output.shared_key",
        "output.tls_*",
    ]


@pytest.mark.parametrize(
    ("receiver", "scheme", "encoding", "encoder"),
    [
        *((receiver, "unix", "msgpack", EventEncoder) for receiver in RECEIVERS),
        ("otel", "stdout", "msgpack", EventEncoder),
        ("generic", "stdout", "msgpack", EventEncoder),
        ("generic", "stdout", "json", JsonLineEncoder),
        ("fluent-bit", "stdout", "msgpack", JsonLineEncoder),
        ("fluent-bit", "stdout", "json", JsonLineEncoder),
        ("vector", "stdout", "msgpack", JsonArrayEncoder),
        ("vector", "stdout", "json", JsonArrayEncoder),
        ("fluentd", "stdout", "msgpack", MapEncoder),
    ],
)
def test_framing_follows_the_receiver(
    receiver: Receiver, scheme: Scheme, encoding: Encoding, encoder: type[Encoder]
) -> None:
    assert type(encoder_for(receiver, scheme, encoding)) is encoder
