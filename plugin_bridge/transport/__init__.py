"""Byte streams to and from the system: the only user of sockets, all non-blocking.

:class:`Connector` and :class:`Transport` are what the client knows of it. Unix sockets,
TCP (whose names a thread looks up) and TLS on top of TCP each have their module.
"""

from plugin_bridge.transport.listener import Listener
from plugin_bridge.transport.stream import Connector, SocketTransport, Transport
from plugin_bridge.transport.tcp import TcpConnector
from plugin_bridge.transport.tls import TlsConnector, TlsFiles, check_files
from plugin_bridge.transport.unix import UnixConnector

__all__ = [
    "Connector",
    "Listener",
    "SocketTransport",
    "TcpConnector",
    "TlsConnector",
    "TlsFiles",
    "Transport",
    "UnixConnector",
    "check_files",
]
