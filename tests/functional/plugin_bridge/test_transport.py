from __future__ import annotations

import os
import resource
import select
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin_bridge.addresses import TcpAddress, UnixAddress, parse_address
from plugin_bridge.errors import AddressError, TransportError
from plugin_bridge.transport import (
    Listener,
    SocketTransport,
    TcpConnector,
    Transport,
    UnixConnector,
)
from tests.functional.plugin_bridge.sockets import accept, closed_port, finish

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.functional

FRAME_BYTES = 256 * 1024 + 100  # output.chunk_bytes, and what is around it
NOBODY = 65_534


def unix_connector(path: Path) -> UnixConnector:
    return UnixConnector(UnixAddress(str(path)))


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may write to any socket; be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class TestUnix:
    def test_carries_bytes_both_ways_without_blocking(self, tmp_path: Path) -> None:
        listener = Listener.unix(tmp_path / "x.sock")
        assert listener.accept() is None
        near = unix_connector(tmp_path / "x.sock").connect()
        assert near.finish_connect()
        far = accept(listener)
        assert near.receive() is None
        assert near.send(memoryview(b"there")) == 5
        assert far.receive() == b"there"
        far.send(memoryview(b"and back"))
        assert near.receive(3) == b"and"
        assert near.receive() == b" back"
        far.close()
        assert near.receive() == b""
        with pytest.raises(TransportError, match=r"cannot write to unix:.*Broken pipe"):
            near.send(memoryview(b"late"))
        near.close()
        near.close()
        listener.close()

    def test_a_frame_of_the_usual_size_goes_in_one_call(self, tmp_path: Path) -> None:
        listener = Listener.unix(tmp_path / "x.sock")
        near = unix_connector(tmp_path / "x.sock").connect()
        far = accept(listener)
        frame = memoryview(b"head" + bytes(FRAME_BYTES) + b"tail")
        assert near.send(frame[:4], frame[4:-4], frame[-4:]) == len(frame)
        received = b""
        while (data := far.receive(len(frame))) is not None:
            received += data
        assert received == frame
        far.close()
        near.close()
        listener.close()

    def test_a_full_buffer_takes_nothing(self, tmp_path: Path) -> None:
        listener = Listener.unix(tmp_path / "x.sock")
        near = unix_connector(tmp_path / "x.sock").connect()
        data = memoryview(bytes(1_000_000))
        while near.send(data):
            pass
        assert near.send(data) == 0
        near.close()
        listener.close()

    def test_a_reset_is_an_error(self, tmp_path: Path) -> None:
        listener = Listener.unix(tmp_path / "x.sock")
        near = unix_connector(tmp_path / "x.sock").connect()
        far = accept(listener)
        near.send(memoryview(b"unread"))
        far.close()
        with pytest.raises(TransportError, match=r"cannot read from unix://.*reset"):
            near.receive()
        near.close()
        listener.close()

    def test_abstract(self) -> None:
        name = f"trailfeed-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(f"\0{name}")
            listener.listen()
            transport = UnixConnector(UnixAddress(f"@{name}")).connect()
            assert transport.finish_connect()
            transport.close()
        with pytest.raises(TransportError, match=f"unix://@{name}: Connection refused"):
            UnixConnector(UnixAddress(f"@{name}")).connect()

    def test_no_socket_yet(self, tmp_path: Path) -> None:
        with pytest.raises(TransportError, match="No such file or directory"):
            unix_connector(tmp_path / "x.sock").connect()

    def test_a_stale_socket(self, tmp_path: Path) -> None:
        Listener.unix(tmp_path / "x.sock").close()
        with pytest.raises(TransportError, match="Connection refused"):
            unix_connector(tmp_path / "x.sock").connect()

    def test_a_full_backlog(self, tmp_path: Path) -> None:
        waiting: list[Transport] = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(tmp_path / "x.sock"))
            listener.listen(0)
            connector = unix_connector(tmp_path / "x.sock")

            def fill() -> None:
                while len(waiting) < 100:
                    waiting.append(connector.connect())

            with pytest.raises(TransportError, match="backlog is full"):
                fill()
        for transport in waiting:
            transport.close()

    @pytest.mark.usefixtures("unprivileged")
    def test_permission_denied_names_owner_and_mode(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.sock")
            listener = Listener.unix(path, mode=0o000)
            with pytest.raises(
                TransportError, match=r"Permission denied; it belongs to .* mode 0000"
            ):
                unix_connector(path).connect()
            listener.close()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket away")
    def test_permission_denied_of_an_owner_without_a_name(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.sock")
            Path(folder).chmod(0o755)
            listener = Listener.unix(path)
            os.chown(path, 54_321, 54_322)
            os.seteuid(NOBODY)
            try:
                with pytest.raises(
                    TransportError,
                    match="to uid 54321:gid 54322 with mode 0600",
                ):
                    unix_connector(path).connect()
            finally:
                os.seteuid(0)
            listener.close()

    @pytest.mark.usefixtures("unprivileged")
    def test_permission_denied_on_the_way(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            inner = Path(folder, "inner")
            inner.mkdir()
            listener = Listener.unix(inner / "x.sock")
            inner.chmod(0o000)
            try:
                with pytest.raises(TransportError, match="directory on the way"):
                    unix_connector(inner / "x.sock").connect()
            finally:
                inner.chmod(0o700)
            listener.close()

    def test_too_many_open_files(self, tmp_path: Path) -> None:
        listener = Listener.unix(tmp_path / "x.sock")
        near = unix_connector(tmp_path / "x.sock").connect()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (near.fileno() + 1, hard))
        try:
            with pytest.raises(TransportError, match="cannot open a socket for unix"):
                unix_connector(tmp_path / "x.sock").connect()
            with pytest.raises(TransportError, match="cannot accept on unix"):
                listener.accept()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        near.close()
        listener.close()

    def test_listening_is_private_and_replaces_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "x.sock"
        listener = Listener.unix(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert parse_address(listener.address) == UnixAddress(str(path))
        with pytest.raises(TransportError, match=r"cannot listen on .*in use"):
            Listener.unix(path)
        with pytest.raises(AddressError, match="limit is 107"):
            Listener.unix(tmp_path / ("x" * 108))
        listener.close()


class TestTcp:
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_connects(self, host: str) -> None:
        try:
            listener = Listener.tcp(host)
        except TransportError as exc:
            pytest.skip(f"no such address here: {exc}")
        address = parse_address(listener.address)
        assert isinstance(address, TcpAddress)
        assert address.host == host
        near = TcpConnector(address).connect()
        finish(near)
        far = accept(listener)
        near.send(memoryview(b"there"))
        select.select([far], [], [], 5.0)
        assert far.receive() == b"there"
        assert not os.get_blocking(near.fileno())
        with socket.socket(fileno=os.dup(near.fileno())) as view:
            assert view.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert view.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for end in (near, far, listener):
            end.close()

    def test_refused(self) -> None:
        with pytest.raises(
            TransportError, match=r"cannot connect to tcp://.*: Connection refused$"
        ):
            finish(TcpConnector(TcpAddress("127.0.0.1", closed_port())).connect())

    def test_not_connected_yet(self) -> None:
        transport = SocketTransport(socket.socket(), "tcp://h:1", is_connected=False)
        assert not transport.finish_connect()
        transport.close()

    def test_an_address_in_use(self) -> None:
        listener = Listener.tcp("127.0.0.1")
        address = parse_address(listener.address)
        assert isinstance(address, TcpAddress)
        with pytest.raises(TransportError, match=r"cannot listen on tcp://.*in use"):
            Listener.tcp("127.0.0.1", address.port)
        listener.close()
