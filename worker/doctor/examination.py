"""All looks in their order: what needs nothing begins at once, the rest as it can."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from worker.doctor.buckets import Wanted, find_buckets
from worker.doctor.daemon import TEST_MESSAGE, look_at_daemon, send_test
from worker.doctor.finding import Answer, skip
from worker.doctor.identity import CREDENTIALS, ClockReadings, look_at_credentials
from worker.doctor.limits import MEMORY, look_at_limits
from worker.doctor.notification import CHECK as NOTIFICATION
from worker.doctor.objects import CHECK as OBJECT
from worker.doctor.objects import look_at_newest, look_at_object
from worker.doctor.permissions import PERMISSIONS, look_at_permissions
from worker.doctor.queue import MESSAGE, look_at_message, look_at_queue
from worker.doctor.queue_attributes import QUEUE
from worker.doctor.receiver import RECEIVER, look_at_receiver
from worker.doctor.state import STATE, look_at_state
from worker.doctor.together import Pending
from worker.doctor.wiring import Bucket, Wiring
from worker.source.queue import Queue
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.config.model import Config
    from worker.doctor.daemon import Daemon
    from worker.doctor.finding import Finding, Value
    from worker.doctor.identity import Caller
    from worker.doctor.queue import QueueFacts
    from worker.source.notifications import ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the caller asks for.

    Attributes:
        wanted: Buckets and objects, where the caller names some.
        receives: Whether one message of the queue may be received.
        sends_record: Whether a marked record goes to the receiver.
        sends_message: Whether a test message goes into the queue.
        timeout_s: Of each look.
    """

    wanted: Wanted = field(default_factory=Wanted)
    receives: bool = False
    sends_record: bool = False
    sends_message: bool = False
    timeout_s: float = 15.0


def examine(config: Config, request: Request) -> Iterator[Finding]:
    """Yield the findings in a fixed order, each as soon as it is there.

    Raises:
        ConfigError: The AWS session cannot be made as configured.
    """
    session = AwsSession(config.source)
    clock = ClockReadings(lambda: datetime.now(UTC))
    session.on_answer(clock.on_answer)
    yield from _Examination(config, request, session, clock).findings()


class _Examination:
    def __init__(
        self,
        config: Config,
        request: Request,
        session: AwsSession,
        clock: ClockReadings,
    ) -> None:
        self._config = config
        self._request = request
        self._session = session
        self._clock = clock

    def findings(self) -> Iterator[Finding]:
        config = self._config
        receiving = self._begin(RECEIVER, self._look_at_receiver)
        state = self._begin(STATE, lambda: look_at_state(config))
        asking = self._begin("daemon", lambda: look_at_daemon(config))
        credentials = self._begin(
            CREDENTIALS, lambda: look_at_credentials(self._session, config.source)
        ).wait()
        yield from credentials.findings
        daemon = asking.wait()
        if credentials.value is None:
            yield self._clock.finding()
            yield from self._nothing_of_aws()
        else:
            yield from self._of_aws(credentials.value, daemon.value)
        yield from receiving.wait().findings
        yield from daemon.findings
        yield from state.wait().findings
        pids = daemon.value.pids if daemon.value is not None else ()
        yield from (
            self._begin(MEMORY, lambda: look_at_limits(config, pids)).wait().findings
        )

    def _of_aws(self, caller: Caller, daemon: Daemon | None) -> Iterator[Finding]:
        config, session = self._config, self._session
        measured = daemon.numbers.measured if daemon is not None else None
        queue = self._begin(
            QUEUE, lambda: look_at_queue(session, config, measured)
        ).wait()
        yield self._clock.finding()
        yield from queue.findings
        seen: tuple[ObjectRef, ...] = ()
        if self._request.receives:
            message = self._after_queue(
                queue, MESSAGE, lambda: look_at_message(session, config)
            )
            yield from message.findings
            seen = message.value or ()
        if self._request.sends_message:
            yield from self._after_queue(
                queue, TEST_MESSAGE, lambda: self._send_test(daemon)
            ).findings
        buckets = find_buckets(
            self._request.wanted, queue.value, seen, config.source.allowed_buckets
        )
        yield from buckets.findings
        simulating = None
        if queue.value is not None:
            facts = queue.value
            simulating = self._begin(
                PERMISSIONS,
                lambda: look_at_permissions(
                    session, config.source, caller, facts, buckets.value or ()
                ),
            )
        objects = self._request.wanted.objects or seen
        yield from self._of_buckets(buckets.value or (), queue.value, objects)
        if simulating is None:
            yield skip(PERMISSIONS, "skipped: the queue cannot be looked at")
        else:
            yield from simulating.wait().findings

    def _of_buckets(
        self,
        buckets: tuple[str, ...],
        queue: QueueFacts | None,
        objects: tuple[ObjectRef, ...],
    ) -> Iterator[Finding]:
        """Wiring and object of each; all buckets at the same time."""
        looks = [
            (bucket, self._begin(NOTIFICATION, self._wiring(bucket, queue)))
            for bucket in buckets
        ]
        reads = []
        for bucket, look in looks:
            wired = look.wait()
            reads.append((wired.findings, self._objects(bucket, wired.value, objects)))
        for findings, readings in reads:
            yield from findings
            for one in readings:
                yield from one.wait().findings

    def _wiring(
        self, bucket: str, queue: QueueFacts | None
    ) -> Callable[[], Answer[Bucket]]:
        if queue is None:
            said = f"{bucket}: skipped: the queue cannot be looked at"
            return lambda: Answer((skip(NOTIFICATION, said),), Bucket(bucket, None))
        is_trail = (
            self._config.decode.format == "json"
            and not self._config.source.include_keys
        )
        return Wiring(
            self._session, self._config.source, queue, bucket, is_trail=is_trail
        ).look

    def _objects(
        self, name: str, bucket: Bucket | None, objects: tuple[ObjectRef, ...]
    ) -> list[Pending[ObjectRef]]:
        """Read those that are known of a bucket, or else its newest one."""
        session, config = self._session, self._config
        named = [one for one in objects if one.bucket == name]
        if named:
            return [
                self._begin(OBJECT, partial(look_at_object, session, config, ref))
                for ref in named
            ]
        if bucket is None:
            said = f"{name}: skipped: the bucket cannot be looked at"
            return [self._begin(OBJECT, lambda: Answer((skip(OBJECT, said),)))]
        return [self._begin(OBJECT, partial(look_at_newest, session, config, bucket))]

    def _look_at_receiver(self) -> Answer[bool]:
        return look_at_receiver(
            self._config,
            sends_record=self._request.sends_record,
            # A reason of its own is better than that of the look's end.
            timeout_s=max(self._request.timeout_s - 1.0, self._request.timeout_s / 2),
        )

    def _send_test(self, daemon: Daemon | None) -> Answer[bool]:
        return send_test(
            Queue(self._session.sqs_client(), self._config.source.queue_url),
            self._config,
            daemon,
            timeout_s=max(self._request.timeout_s - 1.0, self._request.timeout_s / 2),
        )

    def _after_queue(
        self,
        queue: Answer[QueueFacts],
        check: str,
        look: Callable[[], Answer[Value]],
    ) -> Answer[Value]:
        if queue.value is None:
            return Answer((skip(check, "skipped: the queue cannot be looked at"),))
        return self._begin(check, look).wait()

    def _nothing_of_aws(self) -> Iterator[Finding]:
        for check in (QUEUE, "buckets", PERMISSIONS):
            yield skip(check, "skipped: there are no credentials that work")

    def _begin(self, check: str, look: Callable[[], Answer[Value]]) -> Pending[Value]:
        return Pending(check, look, timeout_s=self._request.timeout_s)
