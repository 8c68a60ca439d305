"""Unix stream sockets, on a path or abstract."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.errors import TransportError
from plugin_bridge.transport.stream import (
    SocketTransport,
    Transport,
    sentence,
    stream_socket,
)

if TYPE_CHECKING:
    from plugin_bridge.addresses import UnixAddress


_SEND_BUFFER_BYTES = 512 << 10
"""Takes a frame of the default size in one call; the kernel may grant less."""


class UnixConnector:
    """Connects to a Unix stream socket, on a path or abstract."""

    def __init__(self, address: UnixAddress) -> None:
        self._address = address

    @property
    def address(self) -> str:
        return str(self._address)

    def connect(self) -> Transport:
        """Connect; a full backlog (EAGAIN) is a failure to be retried like others.

        Raises:
            TransportError: No such socket, refused, full or not permitted.
        """
        sock = stream_socket(socket.AF_UNIX, self.address)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            sock.connect(_unix_name(self._address))
        except OSError as exc:
            sock.close()
            raise TransportError(self._explain(exc)) from exc
        return SocketTransport(sock, self.address, is_connected=True)

    def _explain(self, error: OSError) -> str:
        words = sentence("connect to", self.address, error)
        match error.errno:
            case errno.EAGAIN:
                return (
                    f"cannot connect to {self.address}: the receiver accepts no "
                    "connection (its backlog is full)"
                )
            case errno.EACCES | errno.EPERM if not self._address.is_abstract:
                return f"{words}; {_ownership(self._address.path)}"
            case _:
                return words


def _unix_name(address: UnixAddress) -> str:
    return "\0" + address.path[1:] if address.is_abstract else address.path


def _ownership(path: str) -> str:
    """Say whose socket it is, as its permissions are what must change."""
    try:
        found = Path(path).stat()
    except OSError as exc:
        return f"a directory on the way to it cannot be entered ({exc.strerror})"
    user, group = _user_name(found.st_uid), _group_name(found.st_gid)
    mode = stat.S_IMODE(found.st_mode)
    return (
        f"it belongs to {user}:{group} with mode {mode:04o}, and writing to it is "
        f"what {_user_name(os.geteuid())} needs"
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"
