"""The stand-in as a child process, and its control from here."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.fakes.aws_standin.control import PATH
from tests.fakes.aws_standin.sqs import REGION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[3]
STOP_TIMEOUT_S = 5
CONTROL_TIMEOUT_S = 60

Tally = dict[str, Any]


class AwsStandIn:
    """The stand-in while the ``with`` block runs.

    Args:
        seed: Of the faults.

    Attributes:
        endpoint_url: ``http://127.0.0.1:PORT``, of SQS and S3 alike.
        pid: Of its process.
    """

    region = REGION

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._process: subprocess.Popen[str] | None = None
        self._connection: http.client.HTTPConnection | None = None
        self.endpoint_url = ""
        self.pid = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", __package__, "--seed", str(self._seed)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self.endpoint_url = self._process.stdout.readline().strip()
        assert self.endpoint_url, "the stand-in did not start; see above"
        self._connection = http.client.HTTPConnection(
            self.endpoint_url.removeprefix("http://"), timeout=CONTROL_TIMEOUT_S
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._connection is not None
        self._connection.close()
        try:
            self._process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def make_queue(self, name: str, **settings: object) -> str:
        """Make a queue; see :meth:`Control.make_queue`. Returns its URL."""
        return str(self._order("make_queue", name=name, **settings)["queue_url"])

    def load(
        self, bucket: str, objects: Mapping[str, bytes], *, queue: str = ""
    ) -> None:
        """Put objects, and S3's notification of each where a queue is named.

        A body that many keys share is sent once.
        """
        numbers: dict[bytes, int] = {}
        named = [
            (key, numbers.setdefault(body, len(numbers)))
            for key, body in objects.items()
        ]
        bodies = [base64.b64encode(body).decode() for body in numbers]
        self._order("load", bucket=bucket, bodies=bodies, objects=named, queue=queue)

    def send(self, queue: str, messages: Iterable[str]) -> None:
        """Put messages into a queue."""
        self._order("send", queue=queue, messages=list(messages))

    def set_faults(
        self,
        probabilities: Mapping[str, float],
        *,
        slow_s: float | None = None,
        hang_s: float | None = None,
    ) -> None:
        """Replace the faults' probabilities; an empty map ends outages, too."""
        self._order(
            "set_faults",
            probabilities=dict(probabilities),
            slow_s=slow_s,
            hang_s=hang_s,
        )

    def begin_outage(self, fault: str, *, for_s: float) -> None:
        """Let each call fail in one way for so long."""
        self._order("begin_outage", fault=fault, for_s=for_s)

    def fail_bucket(self, bucket: str, fault: str | None) -> None:
        """Let each call of one bucket fail in one way; None: no more."""
        self._order("fail_bucket", bucket=bucket, fault=fault)

    def pass_time(self, by_s: float) -> None:
        """Let so many seconds pass at once for every hidden message."""
        self._order("pass_time", by_s=by_s)

    def tally(self, queue: str, *, with_messages: bool = False) -> Tally:
        """Count a queue's messages by state; see :meth:`Control.tally`."""
        return self._order("tally", queue=queue, with_messages=with_messages)

    def depth(self, queue: str) -> int:
        """Messages in the queue: visible, in flight and delayed together."""
        tally = self.tally(queue)
        return int(tally["visible"] + tally["in_flight"] + tally["delayed"])

    def _order(self, do: str, **fields: object) -> Tally:
        assert self._connection is not None
        body = json.dumps({"do": do, **fields})
        self._connection.request("POST", PATH, body)
        response = self._connection.getresponse()
        result: Tally = json.loads(response.read())
        if response.status != 200:
            raise ValueError(result["error"])
        return result
