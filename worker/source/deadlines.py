"""A deadline for a whole call of AWS, however slowly its answer comes.

botocore's timeouts are of one read each: a server that sends a byte now and then is
never too slow for them. Here a thread looks at the clock, and shuts down the
connections of a call that has taken too long, which ends it as any lost connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.exceptions import ReadTimeoutError

if TYPE_CHECKING:
    from botocore.httpsession import URLLib3Session

_LOOK_S = 1.0
_of_thread = threading.local()


class Deadline:
    """The calls that a thread makes while the ``with`` block runs have a deadline.

    Args:
        seconds: From now.

    Raises:
        ReadTimeoutError: In the place of whatever the block comes to after it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.is_over = False
        self._connections: list[Any] = []
        self._outer: Deadline | None = None

    def __enter__(self) -> Self:
        self._outer = getattr(_of_thread, "deadline", None)
        _of_thread.deadline = self
        _watch.add(self)
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        _of_thread.deadline = self._outer
        _watch.remove(self)
        if self.is_over and (error is None or isinstance(error, Exception)):
            raise ReadTimeoutError(
                endpoint_url="AWS", error=f"not done after {self.seconds:.0f} s"
            ) from error

    def extend(self, seconds: float) -> None:
        """Give it more time, as it turns out that there is more to come."""
        self.seconds += seconds
        self.until += seconds

    def use(self, connection: Any) -> None:
        """Note a connection that a request is about to be sent over.

        Raises:
            TimeoutError: It is too late for that.
        """
        if self.is_over:
            raise TimeoutError("the deadline is over")
        self._connections.append(connection)

    def end(self) -> None:
        """Shut the connections down; called by the thread that watches."""
        self.is_over = True
        for connection in self._connections:
            with contextlib.suppress(OSError, TypeError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


class _Watch:
    """All deadlines of the process, and the thread that looks at them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: set[Deadline] = set()
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            self._deadlines.add(deadline)
            if self._thread is None or not self._thread.is_alive():  # after a fork
                self._thread = threading.Thread(
                    target=self._run, name="deadlines", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        with self._changed:
            self._deadlines.discard(deadline)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(_LOOK_S if self._deadlines else None)
                now = time.monotonic()
                late = [one for one in self._deadlines if one.until <= now]
                self._deadlines.difference_update(late)
                for deadline in late:
                    deadline.end()


_watch = _Watch()


class _Noted:
    """A connection that tells the deadline of its thread of each request."""

    def request(self, *arguments: Any, **named: Any) -> Any:
        deadline: Deadline | None = getattr(_of_thread, "deadline", None)
        if deadline is not None:
            deadline.use(self)
        return super().request(*arguments, **named)  # type: ignore[misc]


class _Connection(_Noted, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_Noted, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(AWSHTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def http_session(client: Any) -> URLLib3Session:
    """What sends the requests of a client of boto3's, by its proxies and trust."""
    session: URLLib3Session = client._endpoint.http_session  # noqa: SLF001
    return session


def keep_deadlines(client: Any) -> None:
    """Let the connections that a client makes from now on keep to deadlines."""
    session: Any = http_session(client)
    session._pool_classes_by_scheme.update(http=_Pool, https=_TlsPool)  # noqa: SLF001
