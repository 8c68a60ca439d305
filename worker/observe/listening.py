"""``status.listen``: the socket, bound before anything is forked."""

from __future__ import annotations

import errno
import socket
import time

from worker.errors import ConfigError

BIND_WAIT_S = 5.0
"""The status process of a supervisor that was killed is there for a moment longer."""

BIND_POLL_S = 0.1
BACKLOG = 64


def open_listener(listen: str) -> socket.socket:
    """Bind and listen.

    Args:
        listen: ``HOST:PORT`` or ``[V6]:PORT``; port 0 takes any that is free.

    Raises:
        ConfigError: It cannot be had.
    """
    host, _, port = listen.rpartition(":")
    give_up_at = time.monotonic() + BIND_WAIT_S
    while True:
        try:
            return _bind(host.strip("[]"), int(port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < give_up_at:
                time.sleep(BIND_POLL_S)
                continue
            said = (
                "address in use" if error.errno == errno.EADDRINUSE else error.strerror
            )
            raise ConfigError(
                (
                    f"status.listen: cannot listen on {listen} ({said}); name another "
                    'address, or "" for no status endpoint',
                )
            ) from error


def url_of(listener: socket.socket) -> str:
    """Where it is reached: the port is the real one."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
