"""Reads of small objects, many at a time, without a thread each.

Only what goes well is handled here. Whatever else happens, the object is left to
:class:`~worker.source.objects.ObjectReader`, which knows every error, every proxy and
every redirect; and so are those of the next seconds, so that a fault does not cost
twice the requests.

Source: Amazon S3 API Reference, GetObject.
"""

from __future__ import annotations

import select
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from worker.errors import RetriableError
from worker.source.endpoints import Endpoint
from worker.source.faults import AWS_ERRORS, NOT_AWS_ERRORS
from worker.source.http_answer import HttpAnswer, OddAnswerError
from worker.source.objects import Body
from worker.source.s3_gets import NO_PAYLOAD, target_of
from worker.source.sessions import READ_TIMEOUT_S, user_agent
from worker.source.signing import Scope, Signer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from datetime import datetime

    from worker.source.notifications import ObjectRef
    from worker.source.sessions import AwsSession

Ticket = TypeVar("Ticket")

MAX_BYTES = 1 << 20
"""Of an object as stored; for larger ones a thread is worth it."""

PAUSE_S = 5.0
"""For so long after a read that did not go well all are left to the other way."""

BUSY_READS = 8
"""So many reads in a second that had to go the other way are worth connections."""

_MAX_IDLE_S = 10.0  # S3 closes idle connections itself, sooner or later
_KEY_LIFE_S = 60.0  # after which the credentials are asked for again
_MAX_OPENING = 4
_RECEIVE_BYTES = 128 << 10
_LOOK_S = 1.0
_OK = 200
_AGAIN = (BlockingIOError, ssl.SSLWantReadError)


class _Connection:
    """A connection, and the read that is under way on it."""

    __slots__ = ("answer", "began_at", "ref", "socket", "ticket", "used_at")

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self.socket = connected
        self.answer: HttpAnswer | None = None
        self.ref: ObjectRef | None = None
        self.ticket: Any = None
        self.began_at = self.used_at = 0.0


class _Place:
    """One region's endpoint, as far as it is known."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.endpoint: Endpoint | None = None
        self.signer: Signer | None = None
        self.signer_until = 0.0
        self.is_preparing = False
        self.not_before = 0.0
        self.opening = 0
        self.missed = 0  # reads of this second that there was no connection for
        self.idle: list[_Connection] = []


class QuickGets(Generic[Ticket]):
    """Reads over connections that are kept; to be used by one thread.

    What could take time (names, handshakes, credentials) is done elsewhere, and until
    that has happened the other way is taken.

    Args:
        session: Whose credentials and endpoints.
        region_of: Where an object is asked for.
        order: Makes a thread do something that may take its time.
        max_bytes: Larger objects are left to the other way.
        limit: The most connections.
        busy_reads: As :data:`BUSY_READS`.
        clock: Monotonic, in seconds.
        now: Wall time in UTC.
    """

    def __init__(
        self,
        session: AwsSession,
        *,
        region_of: Callable[[ObjectRef], str],
        order: Callable[[Callable[[], None]], None],
        max_bytes: int,
        limit: int,
        busy_reads: int = BUSY_READS,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._region_of = region_of
        self._order = order
        self._max_bytes = min(max_bytes, MAX_BYTES)
        self._limit = limit
        self._busy_reads = busy_reads
        self._clock = clock
        self._now = now
        self._headers = {
            "user-agent": user_agent(),
            "x-amz-content-sha256": NO_PAYLOAD,
        }
        self._places: dict[str, _Place] = {}
        self._opened: deque[tuple[_Place, socket.socket | None]] = deque()
        self._connections: dict[int, tuple[_Place, _Connection]] = {}
        self._poll = select.epoll()
        self._look_at = 0.0

    def fileno(self) -> int:
        """Readable when :meth:`service` has something to do."""
        return self._poll.fileno()

    def start(self, ticket: Ticket, ref: ObjectRef) -> bool:
        """Begin to read an object; :meth:`service` gives it, with the ticket.

        Returns:
            False: this one is for the other way.
        """
        if (ref.size_bytes or 0) > self._max_bytes:
            return False
        region = self._region_of(ref)
        place = self._places.get(region)
        if place is None:
            place = self._places[region] = _Place(region)
        now = self._clock()
        connection = self._connection(place, now)
        if connection is None or place.signer is None or place.endpoint is None:
            return False
        try:
            request = self._request(place.signer, place.endpoint.netloc, ref)
        except UnicodeEncodeError:
            place.idle.append(connection)
            return False
        connection.answer = HttpAnswer(max_bytes=self._max_bytes)
        connection.ticket, connection.ref = ticket, ref
        connection.began_at = now
        try:
            sent = connection.socket.send(request)
        except OSError:
            sent = 0
        if sent == len(request):
            return True
        self._close(connection)
        return False

    def service(self) -> list[tuple[Ticket, Body | None]]:
        """What has come; None in a body's place: it is for the other way."""
        now = self._clock()
        found: list[tuple[Ticket, Body | None]] = []
        for fd, _ in self._poll.poll(0) if self._connections else ():
            place, connection = self._connections[fd]
            is_asked = connection.answer is not None
            body = self._receive(place, connection, now)
            if body is not None or (is_asked and fd not in self._connections):
                found.append((connection.ticket, body))
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            found += self._overdue(now)
        return found

    def close(self) -> None:
        """Close all connections."""
        for _, connection in tuple(self._connections.values()):
            self._close(connection)
        while self._opened:
            _, connected = self._opened.popleft()
            if connected is not None:
                connected.close()
        self._poll.close()

    def _receive(
        self, place: _Place, connection: _Connection, now: float
    ) -> Body | None:
        """Take what came over a connection, and give the body if that was all."""
        answer = connection.answer
        is_whole = False
        try:
            while not is_whole:
                data = connection.socket.recv(_RECEIVE_BYTES)
                if answer is None or not data:
                    self._close(connection)
                    return None
                is_whole = answer.take(data)
        except _AGAIN:
            return None
        except OSError:  # as happens to connections that are kept
            self._close(connection)
            return None
        except OddAnswerError:
            self._give_up(place, connection, now)
            return None
        ref = connection.ref
        etag = answer.fields.get("etag") if answer is not None else None
        if answer is None or ref is None or answer.status != _OK or not etag:
            self._give_up(place, connection, now)
            return None
        connection.answer = None
        connection.used_at = now
        if answer.may_be_followed:
            place.idle.append(connection)
        else:
            self._close(connection)
        return Body(
            answer.body,
            len(answer.body),
            etag.strip('"'),
            answer.fields.get("x-amz-version-id"),
            place.region,
        )

    def _give_up(self, place: _Place, connection: _Connection, now: float) -> None:
        self._close(connection)
        place.not_before = now + PAUSE_S
        place.signer = None  # AWS may have refused it

    def _overdue(self, now: float) -> list[tuple[Ticket, Body | None]]:
        """Those that have waited too long; and idle connections are closed."""
        found: list[tuple[Ticket, Body | None]] = []
        for place in self._places.values():
            place.missed = 0
        for place, connection in tuple(self._connections.values()):
            if connection.answer is None:
                if now - connection.used_at >= _MAX_IDLE_S:
                    self._close(connection)
            elif now - connection.began_at >= READ_TIMEOUT_S:
                self._give_up(place, connection, now)
                found.append((connection.ticket, None))
        return found

    def _close(self, connection: _Connection) -> None:
        place, _ = self._connections.pop(connection.socket.fileno())
        if connection in place.idle:
            place.idle.remove(connection)
        connection.socket.close()  # which takes it out of the poll, too

    def _request(self, signer: Signer, host: str, ref: ObjectRef) -> bytes:
        path, query = target_of(ref)
        headers = signer.headers(
            self._headers,
            self._now(),
            method="GET",
            path=path,
            query=query,
            payload=NO_PAYLOAD,
        )
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        target = f"{path}?{query}" if query else path
        return f"GET {target} HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n".encode()

    # What others do meanwhile -------------------------------------------------------

    def _connection(self, place: _Place, now: float) -> _Connection | None:
        """One that is free now; what is missing is ordered."""
        self._take_opened(now)
        if now < place.not_before:
            return None
        is_old = place.signer is None or now >= place.signer_until
        if is_old and not place.is_preparing:
            place.is_preparing = True
            self._order(lambda: self._prepare(place))
        if place.signer is None or now >= place.signer_until + _KEY_LIFE_S:
            return None
        if place.endpoint is None or not place.endpoint.is_direct:
            return None
        if place.idle:
            return place.idle.pop()
        place.missed += 1
        begun = len(self._connections) + place.opening
        if (
            place.missed >= self._busy_reads
            and place.opening < _MAX_OPENING
            and begun < self._limit
        ):
            place.opening += 1
            self._order(lambda: self._open(place))
        return None

    def _take_opened(self, now: float) -> None:
        while self._opened:
            place, connected = self._opened.popleft()
            place.opening -= 1
            if connected is None:
                place.not_before = now + PAUSE_S
                continue
            connection = _Connection(connected)
            connection.used_at = now
            self._connections[connected.fileno()] = (place, connection)
            self._poll.register(connected.fileno(), select.EPOLLIN)
            place.idle.append(connection)

    def _prepare(self, place: _Place) -> None:
        """Find out where to ask and what to sign with; in a thread."""
        try:
            if place.endpoint is None:
                client = self._session.s3_client(place.region)
                place.endpoint = Endpoint.of(
                    client.meta.endpoint_url, ca_bundle=self._session.ca_bundle
                )
            credential = self._session.credential()
        except (RetriableError, OSError, *AWS_ERRORS, *NOT_AWS_ERRORS):
            place.not_before = self._clock() + PAUSE_S  # the other way says why
        else:
            scope = Scope(place.endpoint.netloc, place.region, "s3")
            place.signer = Signer(scope, credential)
            place.signer_until = self._clock() + _KEY_LIFE_S
        finally:
            place.is_preparing = False

    def _open(self, place: _Place) -> None:
        """Connect; in a thread."""
        connected = None
        try:
            if place.endpoint is not None:
                connected = place.endpoint.connect()
        except (OSError, ValueError):  # no address, no trust, or no name at all
            pass
        finally:
            self._opened.append((place, connected))
