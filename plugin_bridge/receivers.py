"""What each receiver can and cannot do, and what follows from it.

Observed on Fluent Bit 5.1.1, Vector 0.56, Fluentd 1.16.11 and the OpenTelemetry
Collector 0.164; of newer ones, zstd in Fluentd 1.19 say, read in their source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from plugin_bridge.forward.entries import (
    EventEncoder,
    JsonArrayEncoder,
    JsonLineEncoder,
    MapEncoder,
)

if TYPE_CHECKING:
    from plugin_bridge.forward.encoder import Encoder

Receiver = Literal["fluent-bit", "vector", "fluentd", "otel", "generic"]
Scheme = Literal["unix", "tcp", "tls", "stdout"]
Encoding = Literal["msgpack", "json"]
Compression = Literal["none", "gzip", "zstd"]
Framing = Literal["json-lines", "json-arrays", "msgpack-maps", "events"]

_FLUENT_BIT_MAX_FRAME_BYTES = 6_144_000
_FLUENT_BIT_MAX_CHUNK_BYTES = 900_000
"""Below ``buffer_chunk_size`` (1,024,000), above which versions cut or drop entries."""

_VECTOR_MAX_FRAME_BYTES = 100 * 1024 * 1024
_MAX_BIN_BYTES = 2**32 - 1
"""Forward's entries travel as one msgpack bin."""

_FRAME_OVERHEAD_BYTES = 144_000
"""Far more than tag and options take, and what is left of Fluent Bit's frame above the
6,000,000 bytes that were observed to pass."""


_PLAIN_USERNAME = re.compile(r"(?!.*\$\{)\S+")
"""Source: Fluent Bit, plugins/in_forward/fw.c, ``setup_users``: split at a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one receiver can do.

    Args:
        name: Its name for people.
        ack_schemes: Address schemes on which it acknowledges.
        compressions: What it decompresses on TCP and on Unix sockets.
        plain_schemes: Schemes on which it decompresses nothing all the same.
        plain_usernames: Whether it knows only users without blanks in their names.
        tls: Whether it speaks TLS on TCP.
        shared_key_schemes: Schemes on which it can ask for a shared key.
        max_frame_bytes: Largest frame that it takes, if there is a limit. It closes the
            connection on a larger one, or skips that.
        max_chunk_bytes: Largest payload of several records that is safe, uncompressed,
            if there is a limit; a single record may be larger.
        stdout_framing: How it reads another program's standard output, if it can.
        window_chunks: How many chunks to have unacknowledged where nobody says so.
        window_bytes: How many bytes.
    """

    name: str
    ack_schemes: frozenset[Scheme]
    compressions: frozenset[Compression]
    plain_schemes: frozenset[Scheme] = frozenset({"stdout"})
    plain_usernames: bool = False
    tls: bool
    shared_key_schemes: frozenset[Scheme]
    max_frame_bytes: int | None
    max_chunk_bytes: int | None = None
    stdout_framing: Framing | None
    window_chunks: int = 8
    window_bytes: int = 4 * 1024 * 1024


PROFILES = MappingProxyType[Receiver, Profile](
    {
        "fluent-bit": Profile(
            name="Fluent Bit",
            ack_schemes=frozenset({"unix", "tcp", "tls"}),
            compressions=frozenset({"none", "gzip", "zstd"}),
            plain_usernames=True,
            tls=True,
            shared_key_schemes=frozenset({"unix", "tcp", "tls"}),
            max_frame_bytes=_FLUENT_BIT_MAX_FRAME_BYTES,
            max_chunk_bytes=_FLUENT_BIT_MAX_CHUNK_BYTES,
            stdout_framing="json-lines",
        ),
        "vector": Profile(
            name="Vector",
            ack_schemes=frozenset({"tcp", "tls"}),
            compressions=frozenset({"none", "gzip"}),
            tls=True,
            shared_key_schemes=frozenset(),
            max_frame_bytes=_VECTOR_MAX_FRAME_BYTES,
            stdout_framing="json-arrays",
            # It acknowledges after delivery: what its sinks batch is all under way.
            window_chunks=64,
            window_bytes=16 * 1024 * 1024,
        ),
        "fluentd": Profile(
            name="Fluentd",
            ack_schemes=frozenset({"tcp", "tls"}),
            compressions=frozenset({"none", "gzip", "zstd"}),
            plain_schemes=frozenset({"stdout", "unix"}),
            tls=True,
            shared_key_schemes=frozenset({"tcp", "tls"}),
            max_frame_bytes=None,
            stdout_framing="msgpack-maps",
        ),
        "otel": Profile(
            name="the OpenTelemetry Collector",
            ack_schemes=frozenset({"unix", "tcp"}),
            compressions=frozenset({"none", "gzip"}),
            tls=False,
            shared_key_schemes=frozenset(),
            max_frame_bytes=None,
            stdout_framing=None,
        ),
        "generic": Profile(
            name="a generic receiver",
            ack_schemes=frozenset({"unix", "tcp", "tls"}),
            compressions=frozenset({"none"}),
            tls=True,
            shared_key_schemes=frozenset({"unix", "tcp", "tls"}),
            max_frame_bytes=None,
            stdout_framing="events",
        ),
    }
)


def problems(
    receiver: Receiver,
    *,
    scheme: Scheme,
    require_ack: bool = False,
    compression: Compression = "none",
    encoding: Encoding = "msgpack",
    has_shared_key: bool = False,
    username: str = "",
    has_tls_settings: bool = False,
    chunk_bytes: int = 0,
) -> tuple[str, ...]:
    """Return what of an ``[output]`` section cannot work, each with key and way out.

    Args:
        receiver: Who listens.
        scheme: Scheme of ``output.address``.
        require_ack: ``output.require_ack``.
        compression: ``output.compression``.
        encoding: ``output.encoding``.
        has_shared_key: Whether ``output.shared_key`` is set.
        username: ``output.username``.
        has_tls_settings: Whether any of ``output.tls_…`` is set.
        chunk_bytes: ``output.chunk_bytes``.
    """
    profile = PROFILES[receiver]
    return tuple(
        problem
        for problem in (
            _address_problem(profile, scheme),
            _ack_problem(profile, scheme) if require_ack else None,
            _encoding_problem(receiver, scheme, encoding),
            _compression_problem(profile, scheme, compression),
            _shared_key_problem(profile, scheme) if has_shared_key else None,
            _username_problem(profile, username, has_shared_key=has_shared_key),
            _tls_problem(profile, scheme) if has_tls_settings else None,
            _chunk_bytes_problem(profile, scheme, chunk_bytes),
        )
        if problem is not None
    )


def encoder_for(receiver: Receiver, scheme: Scheme, encoding: Encoding) -> Encoder:
    """Return the encoder of a receiver's chunks, for structured and raw records alike.

    On a socket that is Forward's entries. On standard output the framing follows the
    receiver, as each reads but one.

    Args:
        receiver: Who reads.
        scheme: Scheme of ``output.address``.
        encoding: ``output.encoding``; only a generic reader of standard output has the
            choice.
    """
    framing = PROFILES[receiver].stdout_framing if scheme == "stdout" else "events"
    match framing:
        case "json-lines":
            return JsonLineEncoder()
        case "json-arrays":
            return JsonArrayEncoder()
        case "msgpack-maps":
            return MapEncoder()
        case "events" | None:
            is_json = scheme == "stdout" and encoding == "json"
            return JsonLineEncoder() if is_json else EventEncoder()


def max_entry_bytes(receiver: Receiver) -> int:
    """Return the size of the largest encoded record that can pass a socket, in bytes.

    A larger one would be refused for ever, so it is not to be sent at all.
    """
    limit_bytes = PROFILES[receiver].max_frame_bytes
    if limit_bytes is None:
        return _MAX_BIN_BYTES
    return limit_bytes - _FRAME_OVERHEAD_BYTES


def _address_problem(profile: Profile, scheme: Scheme) -> str | None:
    if scheme == "stdout" and profile.stdout_framing is None:
        return (
            f"output.address: {profile.name} does not read another program's standard "
            "output; use a unix:// or tcp:// address"
        )
    if scheme == "tls" and not profile.tls:
        return (
            f"output.address: {profile.name} speaks no TLS on its Forward receiver; "
            "use unix:// or tcp://"
        )
    return None


def _ack_problem(profile: Profile, scheme: Scheme) -> str | None:
    if scheme in profile.ack_schemes:
        return None
    if scheme == "stdout":
        return (
            "output.require_ack: nobody acknowledges what is read from standard output;"
            " set it to false, which deletes messages once they are written, or use a"
            " socket"
        )
    return (
        f"output.require_ack: {profile.name} does not acknowledge on a {scheme} socket;"
        " use a tcp:// address, or set it to false, which deletes messages once they"
        " are written"
    )


def _encoding_problem(
    receiver: Receiver, scheme: Scheme, encoding: Encoding
) -> str | None:
    if encoding != "json":
        return None
    if scheme != "stdout":
        return (
            "output.encoding: Forward carries msgpack only; json is for "
            'output.address = "stdout:"'
        )
    if receiver == "fluentd":
        return (
            "output.encoding: to Fluentd msgpack is written on standard output, as its "
            "exec input delays JSON until a block is full; leave it at msgpack"
        )
    return None


def _compression_problem(
    profile: Profile, scheme: Scheme, compression: Compression
) -> str | None:
    if compression == "none":
        return None
    if scheme in profile.plain_schemes:
        where = "standard output" if scheme == "stdout" else f"a {scheme} socket"
        return (
            f"output.compression: {profile.name} takes no compressed chunks on {where};"
            " set it to none"
        )
    if compression not in profile.compressions:
        known = " or ".join(sorted(profile.compressions, reverse=True))
        return (
            f"output.compression: {profile.name} cannot read {compression}; use {known}"
        )
    return None


def _shared_key_problem(profile: Profile, scheme: Scheme) -> str | None:
    if scheme in profile.shared_key_schemes:
        return None
    where = "standard output" if scheme == "stdout" else f"a {scheme} socket"
    return (
        f"output.shared_key: {profile.name} asks for no shared key on {where}; "
        "leave it empty"
    )


def _username_problem(
    profile: Profile, username: str, *, has_shared_key: bool
) -> str | None:
    if not username:
        return None
    if not has_shared_key:
        return "output.username: users are only asked for along with output.shared_key"
    if profile.plain_usernames and not _PLAIN_USERNAME.fullmatch(username):
        return (
            f'output.username: {profile.name} can know no user "{username}", as a name '
            "ends at a blank in its security.users, and ${ is a variable; use letters, "
            "digits and signs"
        )
    return None


def _tls_problem(profile: Profile, scheme: Scheme) -> str | None:
    if scheme == "tls":
        return None  # whether the receiver has TLS is the address's question
    if profile.tls:
        return (
            "output.tls_*: TLS is spoken on tls:// addresses only; use "
            "tls://host:port, or leave these keys empty"
        )
    return f"output.tls_*: {profile.name} speaks no TLS; leave these keys empty"


def _chunk_bytes_problem(
    profile: Profile, scheme: Scheme, chunk_bytes: int
) -> str | None:
    limits = (profile.max_chunk_bytes, profile.max_frame_bytes)
    limit = next((limit for limit in limits if limit is not None), None)
    if scheme == "stdout" or limit is None or chunk_bytes <= limit:
        return None
    return (
        f"output.chunk_bytes: {chunk_bytes} bytes are more than {profile.name} takes "
        f"safely at once, {limit} bytes; 262144 is a good size"
    )
