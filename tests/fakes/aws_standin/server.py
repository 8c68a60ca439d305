"""One loopback port for SQS, S3 and the control."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.fakes.aws_standin.buckets import Buckets
from tests.fakes.aws_standin.control import PATH, Control
from tests.fakes.aws_standin.faults import Faults
from tests.fakes.aws_standin.sqs import TARGET_PREFIX, Sqs
from tests.fakes.aws_standin.wire import Answer, Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.aws_standin.wire import Request


class Server:
    """Serves from :meth:`start` until :meth:`close`.

    Args:
        seed: Of the faults.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._passed_s = 0.0
        self._faults = Faults(seed)
        self._sqs = Sqs(self._faults, self._clock)
        self._buckets = Buckets(self._faults, self._clock)
        self._control = Control(self._sqs, self._buckets, self._faults, self._advance)
        self._server: asyncio.Server | None = None

    async def start(self, *, port: int = 0) -> str:
        """Listen on 127.0.0.1, by default on a free port; return the URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._answer), "127.0.0.1", port, backlog=1024
        )
        bound = self._server.sockets[0].getsockname()[1]
        self._sqs.endpoint_url = f"http://127.0.0.1:{bound}"
        return self._sqs.endpoint_url

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def _answer(self, request: Request, respond: Callable[[Answer], None]) -> None:
        if request.target.startswith(TARGET_PREFIX):
            action = request.target.removeprefix(TARGET_PREFIX)
            self._sqs.answer(action, request.body, respond)
        elif request.path == PATH:
            status, body = self._control.answer(request.body)
            respond(Answer(status, body))
        else:
            respond(self._buckets.answer(request))

    def _clock(self) -> float:
        return time.monotonic() + self._passed_s

    def _advance(self, by_s: float) -> None:
        self._passed_s += by_s
