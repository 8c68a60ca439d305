"""``[output]``: the receiver, how it is reached, and how chunks are cut for it."""

from typing import Any, Literal, cast

from pydantic import SecretStr, model_validator

from plugin_bridge.receivers import PROFILES, Receiver
from worker.config import values
from worker.config.section import Section

Scheme = Literal["unix", "tcp", "tls", "stdout"]


class OutputConfig(Section):
    """``[output]``."""

    address: values.Address = "unix:///run/trailfeed/forward.sock"
    """Where the receiver is: ``unix://``, ``tcp://``, ``tls://`` or ``stdout:``."""
    receiver: Literal["fluent-bit", "vector", "fluentd", "otel", "generic"] = (
        "fluent-bit"
    )
    """What listens there; decides about acks, framing and limits."""
    tag: values.Tag = "aws.cloudtrail"
    """The tag of every record."""
    encoding: Literal["msgpack", "json"] = "msgpack"
    """How records are written; ``json`` only on stdout."""
    record: Literal["structured", "raw"] = "structured"
    """The record's fields, or its JSON text in the one field ``log``."""
    compression: Literal["none", "gzip", "zstd"] = "none"
    """How chunks are compressed."""
    require_ack: bool = True
    """Whether a message waits for the receiver's acks before it is deleted."""
    ack_timeout_s: values.Seconds = 190.0
    """Seconds without an ack after which a chunk is sent again."""
    chunk_bytes: values.PositiveCount = 262_144
    """Size at which a chunk is closed, in bytes before compression."""
    linger_ms: values.Count = 100
    """Milliseconds that an unfilled chunk waits for more records."""
    window_chunks: values.PositiveCount = 8
    """Chunks of one worker that may be unacknowledged at once; to Vector 64."""
    window_bytes: values.PositiveCount = 4_194_304
    """Bytes of one worker that may be unacknowledged at once; to Vector 16 MiB."""
    shared_key: SecretStr = SecretStr("")
    """The handshake's shared key; empty: no handshake."""
    username: values.HandshakeName = ""
    """The handshake's user; empty: none."""
    password: SecretStr = SecretStr("")
    """The user's password."""
    self_hostname: values.HandshakeName = ""
    """The name trailfeed gives in the handshake; empty: the host's."""
    tls_ca_file: str = ""
    """PEM file with the authorities to trust; empty: the system's."""
    tls_cert_file: str = ""
    """PEM file with the client's certificate; empty: none."""
    tls_key_file: str = ""
    """PEM file with the client certificate's key."""
    tls_server_name: str = ""
    """The name expected in the server's certificate; empty: the address's host."""

    @model_validator(mode="before")
    @classmethod
    def _follow_the_receiver(cls, given: Any) -> Any:
        """Let the receiver choose what nobody has set."""
        receiver = given.get("receiver") if isinstance(given, dict) else None
        if not isinstance(receiver, str) or receiver not in PROFILES:
            return given
        profile = PROFILES[cast("Receiver", receiver)]
        return {
            "window_chunks": profile.window_chunks,
            "window_bytes": profile.window_bytes,
            **given,
        }

    @property
    def scheme(self) -> Scheme:
        """How the receiver is reached: what stands before the address's colon."""
        return cast("Scheme", self.address.partition(":")[0])
