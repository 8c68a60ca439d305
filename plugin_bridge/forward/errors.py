"""Every error of the protocol, by whose fault it is.

::

    ForwardError
    ├── EntryError              the record cannot be written as an entry
    ├── LocalProtocolError      ours: a call that the state does not allow
    ├── RemoteProtocolError     theirs: bytes that the protocol does not allow
    │   ├── NackedError             the receiver answered ``{}``: it refuses
    │   ├── HandshakeError          the greeting failed: no chunk was sent
    │   └── GreetedError            the receiver asks for a key that nobody gave
    └── ConnectionLostError     the stream ended; names what is unacknowledged
"""

from __future__ import annotations


class ForwardError(Exception):
    """Base of all; never raised itself."""


class EntryError(ForwardError):
    """A record, or its time, that the wire format cannot hold."""


class LocalProtocolError(ForwardError):
    """The caller broke the contract of a method: a defect of this program."""


class RemoteProtocolError(ForwardError):
    """The peer sent what the protocol does not allow."""


class NackedError(RemoteProtocolError):
    """The receiver answered with an empty map and will close the connection.

    Source: Vector ``src/sources/fluent/mod.rs``: the answer to events that its sinks
    rejected or could not deliver. It names no chunk.
    """


class HandshakeError(RemoteProtocolError):
    """The greeting failed, mostly as the two ends are configured differently."""


class GreetedError(RemoteProtocolError):
    """The receiver said HELO, and there is no shared key to answer it with.

    What it was sent before it got an answer it does not take in (observed on Fluent
    Bit 5.1), and acknowledges none of it.
    """

    def __str__(self) -> str:
        return "the receiver asks for a shared key, and output.shared_key is empty"


class ConnectionLostError(ForwardError):
    """The stream ended.

    Args:
        unacked: Ids of the chunks sent and not acknowledged, oldest first.
    """

    def __init__(self, unacked: tuple[str, ...]) -> None:
        super().__init__(unacked)
        self.unacked = unacked

    def __str__(self) -> str:
        return "the receiver closed the connection"
