"""TLS between the client and a receiver: what is trusted, and how refusals read."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin_bridge.addresses import TcpAddress
from plugin_bridge.client import Chunk, Connected, Disconnected, ForwardClient
from plugin_bridge.errors import TlsFileError
from plugin_bridge.forward.entries import EventEncoder
from plugin_bridge.transport import TlsConnector, TlsFiles, check_files
from tests.fakes.certificates import Authority, Pair
from tests.fakes.forward_receiver import Faults, RecordingReceiver
from tests.fakes.tls_front import TlsFront, server_context
from tests.functional.plugin_bridge.event_loop import acked, deliver, run_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin_bridge.client import Event

pytestmark = pytest.mark.functional

NAME = "receiver.example"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def receiver() -> Iterator[RecordingReceiver]:
    with RecordingReceiver.tcp(Faults()) as running:
        yield running


def front(
    pair: Pair, receiver: RecordingReceiver | None = None, *, client_ca_file: str = ""
) -> TlsFront:
    target = None
    if receiver is not None:
        target = ("127.0.0.1", int(receiver.address.rpartition(":")[2]))
    return TlsFront(server_context(pair, client_ca_file=client_ca_file), target)


def client_to(port: int, files: TlsFiles, *, server_name: str = NAME) -> ForwardClient:
    address = TcpAddress("127.0.0.1", port, is_tls=True)
    return ForwardClient(
        TlsConnector(address, files, server_name=server_name),
        window_chunks=8,
        window_bytes=4_194_304,
        require_ack=True,
        ack_timeout_s=60.0,
        jitter=lambda: 0.5,
    )


def first_event(client: ForwardClient) -> Event:
    """What the first attempt came to."""
    try:
        return run_until(client, bool)[0]
    finally:
        client.close()


def refusal(client: ForwardClient) -> str:
    event = first_event(client)
    assert isinstance(event, Disconnected), event
    assert "\n" not in event.reason
    return event.reason


def chunks_of(count: int, record_bytes: int) -> list[Chunk]:
    encoder = EventEncoder()
    return [
        Chunk(
            f"c{n}", "ct", encoder.encode({"n": n, "pad": "x" * record_bytes}, 5, n), 1
        )
        for n in range(count)
    ]


class TestDelivers:
    @pytest.mark.parametrize(
        "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
    )
    def test_everything_once_and_in_order(
        self,
        authority: Authority,
        receiver: RecordingReceiver,
        version: ssl.TLSVersion,
    ) -> None:
        context = server_context(authority.sign("server", NAME))
        context.minimum_version = context.maximum_version = version
        target = ("127.0.0.1", int(receiver.address.rpartition(":")[2]))
        with TlsFront(context, target) as tls:
            client = client_to(tls.port, TlsFiles(ca_file=authority.ca_file))
            events = deliver(client, chunks_of(40, 300_000))
            client.close()
        assert acked(events) == [f"c{n}" for n in range(40)]
        assert [record["n"] for record in receiver.records()] == list(range(40))
        assert tls.versions == [f"TLSv1.{version - ssl.TLSVersion.TLSv1_1 + 1}"]
        assert tls.server_names == [NAME]

    def test_once_a_receiver_that_stalled_reads_on(
        self, authority: Authority, receiver: RecordingReceiver
    ) -> None:
        receiver.faults.stalls = True
        with front(authority.sign("server", NAME), receiver) as tls:
            client = client_to(tls.port, TlsFiles(ca_file=authority.ca_file))
            large = chunks_of(1, 20_000_000)
            client.send(large[0], 0.0)
            run_until(client, lambda events: any(map(is_connected, events)))
            timer = threading.Timer(0.3, setattr, (receiver.faults, "stalls", False))
            timer.start()
            events = deliver(client, [])
            timer.join()
            client.close()
        assert acked(events) == ["c0"]
        assert receiver.connection_count == 1

    def test_to_an_address_that_the_certificate_holds(
        self, authority: Authority, receiver: RecordingReceiver
    ) -> None:
        with front(authority.sign("server", "127.0.0.1"), receiver) as tls:
            files = TlsFiles(ca_file=authority.ca_file)
            assert is_connected(first_event(client_to(tls.port, files, server_name="")))

    def test_with_a_certificate_of_its_own(
        self, authority: Authority, receiver: RecordingReceiver
    ) -> None:
        ours = authority.sign("client")
        server = authority.sign("server", NAME)
        with front(server, receiver, client_ca_file=authority.ca_file) as tls:
            files = TlsFiles(
                ca_file=authority.ca_file,
                cert_file=ours.cert_file,
                key_file=ours.key_file,
            )
            client = client_to(tls.port, files)
            assert acked(deliver(client, chunks_of(1, 10))) == ["c0"]
            client.close()

    def test_after_a_renewal_without_a_restart(
        self, authority: Authority, receiver: RecordingReceiver, tmp_path: Path
    ) -> None:
        server = authority.sign("server", NAME)
        trusted = tmp_path / "trusted.pem"
        trusted.write_text(Path(Authority(tmp_path, "other").ca_file).read_text())
        with front(server, receiver) as tls:
            client = client_to(tls.port, TlsFiles(ca_file=str(trusted)))
            run_until(client, bool)
            trusted.write_text(Path(authority.ca_file).read_text())
            assert acked(deliver(client, chunks_of(1, 10))) == ["c0"]
            client.close()


class TestRefuses:
    def test_an_expired_certificate(self, authority: Authority) -> None:
        with front(authority.sign("server", NAME, is_expired=True)) as tls:
            reason = refusal(client_to(tls.port, TlsFiles(ca_file=authority.ca_file)))
        assert reason == (
            f"cannot agree on TLS with tls://127.0.0.1:{tls.port}: its certificate is "
            "refused: certificate has expired; renew it there"
        )

    def test_an_unknown_authority(self, authority: Authority, tmp_path: Path) -> None:
        other = Authority(tmp_path, "other")
        with front(other.sign("server", NAME)) as tls:
            for files in (TlsFiles(ca_file=authority.ca_file), TlsFiles()):
                reason = refusal(client_to(tls.port, files))
                assert "its certificate is refused" in reason
                assert reason.endswith("name its authority in output.tls_ca_file")

    def test_another_name(self, authority: Authority) -> None:
        with front(authority.sign("server", "other.example")) as tls:
            reason = refusal(client_to(tls.port, TlsFiles(ca_file=authority.ca_file)))
        assert f"not valid for '{NAME}'" in reason
        assert "output.tls_server_name" in reason

    def test_no_certificate_of_ours(self, authority: Authority) -> None:
        server = authority.sign("server", NAME)
        with front(server, client_ca_file=authority.ca_file) as tls:
            client = client_to(tls.port, TlsFiles(ca_file=authority.ca_file))
            # In TLS 1.3 the server says so only after the client's handshake is over.
            events = run_until(client, lambda found: any(map(is_lost, found)))
            client.close()
        (reason,) = [e.reason for e in events if isinstance(e, Disconnected)]
        assert "refuses the client's certificate, or the lack of one" in reason
        assert "output.tls_cert_file" in reason

    def test_no_certificate_of_ours_in_tls_1_2(self, authority: Authority) -> None:
        """Fluentd's default: the alert is a general one there."""
        server = server_context(
            authority.sign("server", NAME), client_ca_file=authority.ca_file
        )
        server.maximum_version = ssl.TLSVersion.TLSv1_2
        with TlsFront(server) as tls:
            reason = refusal(client_to(tls.port, TlsFiles(ca_file=authority.ca_file)))
        assert "most likely it wants the client's certificate" in reason
        assert "see output.tls_cert_file" in reason

    def test_a_version_below_1_2(self, authority: Authority) -> None:
        context = server_context(authority.sign("server", NAME))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with TlsFront(context) as tls:
            reason = refusal(client_to(tls.port, TlsFiles(ca_file=authority.ca_file)))
        assert "cannot agree on TLS with" in reason
        assert tls.versions == []

    def test_a_receiver_without_tls(self, authority: Authority) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer_plainly, args=(listener,))
            thread.start()
            port: int = listener.getsockname()[1]
            reason = refusal(client_to(port, TlsFiles(ca_file=authority.ca_file)))
            thread.join()
        assert "speaks no TLS there" in reason
        assert "is tcp:// meant?" in reason

    def test_a_receiver_that_closes_at_once(self, authority: Authority) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=close_after_hello, args=(listener,))
            thread.start()
            port: int = listener.getsockname()[1]
            reason = refusal(client_to(port, TlsFiles(ca_file=authority.ca_file)))
            thread.join()
        assert reason.endswith("mid-handshake; does it speak TLS?")


class TestFiles:
    def test_right_ones(self, authority: Authority) -> None:
        pair = authority.sign("client")
        check_files(TlsFiles())
        check_files(
            TlsFiles(
                ca_file=authority.ca_file,
                cert_file=pair.cert_file,
                key_file=pair.key_file,
            )
        )

    def test_what_is_wrong_is_named_with_its_key(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        pair, other = authority.sign("client"), authority.sign("other")
        locked = authority.sign("locked", key_password=b"pw")
        no_pem = tmp_path / "no.pem"
        no_pem.write_text("nothing\n")
        missing = str(tmp_path / "missing.pem")
        for files, words in (
            (
                TlsFiles(ca_file=missing),
                f"output.tls_ca_file: {missing} cannot be read: No",
            ),
            (
                TlsFiles(ca_file=str(no_pem)),
                f"output.tls_ca_file: {no_pem} holds no cert",
            ),
            (
                TlsFiles(cert_file=missing, key_file=pair.key_file),
                f"output.tls_cert_file: {missing} cannot be read",
            ),
            (
                TlsFiles(cert_file=pair.cert_file, key_file=missing),
                f"output.tls_key_file: {missing} cannot be read",
            ),
            (
                TlsFiles(cert_file=pair.cert_file, key_file=other.key_file),
                f"output.tls_key_file: {other.key_file} is not the key of",
            ),
            (
                TlsFiles(cert_file=locked.cert_file, key_file=locked.key_file),
                f"output.tls_key_file: {locked.key_file} is encrypted",
            ),
            (
                TlsFiles(cert_file=str(no_pem), key_file=pair.key_file),
                f"output.tls_cert_file: {no_pem} and {pair.key_file} are no ",
            ),
        ):
            with pytest.raises(TlsFileError) as caught:
                check_files(files)
            assert str(caught.value).startswith(words)

    def test_one_that_goes_away_while_running(self, tmp_path: Path) -> None:
        gone = tmp_path / "gone.pem"
        reason = refusal(client_to(1, TlsFiles(ca_file=str(gone))))
        assert f"output.tls_ca_file: {gone} cannot be read" in reason


def is_connected(event: Event) -> bool:
    return isinstance(event, Connected)


def is_lost(event: Event) -> bool:
    return isinstance(event, Disconnected)


def answer_plainly(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(ConnectionError):
        connection.recv(65_536)
        connection.sendall(b"\x92\xa4HELO\x80 and more that is no TLS record at all")
        connection.recv(65_536)


def close_after_hello(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65_536)
