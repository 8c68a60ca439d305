"""The supervisor: forks the pool, watches it, replaces the dead, ends it in order."""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from worker.deliver.assembly import Identity
from worker.observe.board import Board, PoolState
from worker.pool import exit_codes
from worker.pool.exit_codes import describe
from worker.pool.forking import fork_child
from worker.pool.herald import Herald
from worker.pool.rollout import Rollout
from worker.pool.signals import REPLACE, SUPERVISOR_SIGNALS, SignalQueue
from worker.pool.slots import Slot
from worker.pool.summary import Summary
from worker.pool.watch import Watch
from worker.pool.worker import run_worker
from worker.pool.writer import WriterSocket, run_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.config.model import Config
    from worker.deliver.calls import SourceQueue
    from worker.observe.board import SlotReading
    from worker.pool.forking import Closable
    from worker.pool.logs import LogFunnel
    from worker.pool.notify import Notifier
    from worker.pool.status import StatusProcess

logger = logging.getLogger(__name__)

TICK_S = 0.5
WRITER_TIMEOUT_S = 3.0


class Supervisor:
    """One pool, from the first fork to the last exit.

    It calls no AWS and carries no data, so nothing that happens to either can stop it.

    Args:
        config: The whole configuration.
        funnel: Takes the workers' logs.
        workers: How many.
        load: Reads the configuration anew; None: SIGHUP changes nothing.
        until_empty_idle_s: End once the queue has stayed empty so long; None: never.
        status: The status process; None: there is to be none.
        notifier: Tells systemd; None: nobody is told.
        watch: Judges heartbeats and memory.
        make_queue: Of the workers, called in each; None: SQS's.
    """

    def __init__(
        self,
        config: Config,
        funnel: LogFunnel,
        *,
        workers: int,
        until_empty_idle_s: float | None,
        load: Callable[[], Config] | None = None,
        status: StatusProcess | None = None,
        notifier: Notifier | None = None,
        watch: Watch | None = None,
        make_queue: Callable[[], SourceQueue] | None = None,
    ) -> None:
        self._make_queue = make_queue
        self._funnel = funnel
        self._rollout = Rollout(config, load)
        self._until_empty_idle_s = until_empty_idle_s
        self._run_id = uuid.uuid4().hex
        self._board = Board(workers)
        self._slots = [Slot(number) for number in range(workers)]
        self._status = status
        self._herald = Herald(notifier)
        self._state = PoolState()
        self._summary = Summary()
        self._watch = watch or Watch(max_rss_bytes=config.pool.max_worker_rss_bytes)
        self._signals: SignalQueue | None = None
        self._writer_pid: int | None = None
        self._writer_socket: WriterSocket | None = None
        self._exit_code = exit_codes.DONE
        self._has_started = False
        self._is_ending = False
        self._is_told_to_end = False

    def run(self) -> int:
        """Run the pool to its end; return the exit code."""
        self._signals = SignalQueue(SUPERVISOR_SIGNALS)
        began_at = time.monotonic()
        try:
            if self._rollout.config.output.scheme == "stdout":
                self._spawn_writer()
            poll = select.poll()
            poll.register(self._signals.fileno(), select.POLLIN)
            while not (self._is_ending and self._has_no_workers):
                now = time.monotonic()
                self._show(now)
                self._spawn_due(now)
                readings = self._readings()
                self._look(readings, now)
                self._replace_next(readings)
                poll.poll(TICK_S * 1000)
                for received in self._signals.take():
                    self._on_signal(received)
                self._reap()
        finally:
            self._end_writer()
            if self._status is not None:
                self._status.end()
            self._signals.close()
        self._summary.conclude(self._readings(), time.monotonic() - began_at)
        return self._exit_code

    @property
    def _has_no_workers(self) -> bool:
        return all(slot.pid is None for slot in self._slots)

    # Spawning ---------------------------------------------------------------------

    def _fork(
        self,
        child: Callable[[], int],
        *,
        slot: int | None = None,
        keeps: Closable | None = None,
    ) -> int:
        ours = (self._signals, self._writer_socket, self._status)
        not_its_own = [one for one in ours if one is not None and one is not keeps]
        return fork_child(
            child, funnel=self._funnel, slot=slot, not_its_own=not_its_own
        )

    def _spawn_due(self, now: float) -> None:
        if self._status is not None:
            self._status.spawn_if_due(
                now, self._board, lambda child: self._fork(child, keeps=self._status)
            )
        if self._is_ending:
            return
        for slot in self._slots:
            if slot.pid is None and now >= slot.spawn_at:
                try:
                    self._spawn_worker(slot, now)
                except OSError as error:
                    self._funnel.retire(slot.number)
                    delay_s = self._restart_delay_s(slot, now)
                    slot.spawn_at = now + delay_s
                    logger.error(  # noqa: TRY400 - the machine's fault, not ours
                        "cannot start worker %d: %s; next try in %.1f s",
                        slot.number,
                        error.strerror,
                        delay_s,
                    )

    def _spawn_worker(self, slot: Slot, now: float) -> None:
        self._funnel.open(slot.number)
        self._board.clear(slot.number)
        supervisor_pid = os.getpid()
        address = self._rollout.config.output.address
        if self._writer_socket is not None:
            address = self._writer_socket.address

        def child() -> int:
            return run_worker(
                self._rollout.config,
                board=self._board,
                identity=Identity(self._run_id, slot.number, os.getpid()),
                supervisor_pid=supervisor_pid,
                address=address,
                until_empty=self._until_empty_idle_s is not None,
                make_queue=self._make_queue,
            )

        slot.pid = self._fork(child, slot=slot.number)
        slot.spawned_at = now
        slot.generation = self._rollout.generation
        logger.info("worker %d started, process %d", slot.number, slot.pid)

    def _spawn_writer(self) -> None:
        self._writer_socket = writer_socket = WriterSocket()
        supervisor_pid = os.getpid()
        self._writer_pid = self._fork(
            lambda: run_writer(writer_socket, supervisor_pid=supervisor_pid),
            keeps=writer_socket,
        )
        writer_socket.close()

    # Watching ---------------------------------------------------------------------

    def _show(self, now: float) -> None:
        """Put on the board what only the supervisor knows."""
        config = self._rollout.config
        self._state = replace(
            self._state,
            beat_at=now,
            is_ending=self._is_ending,
            reloads=self._rollout.done,
            reloads_refused=self._rollout.refused,
            budget_limit_bytes=config.pool.inflight_bytes,
            include_rules=len(config.filter.include),
            exclude_rules=len(config.filter.exclude),
        )
        self._board.state = self._state
        for slot in self._slots:
            self._board.set_care(slot.number, slot.care())

    def _look(self, readings: Sequence[SlotReading], now: float) -> None:
        self._has_started |= any(one.has_booted for one in readings)
        for slot, reading in zip(self._slots, readings, strict=True):
            if slot.pid is not None:
                self._watch.look(slot, reading, now)
        self._watch.measure(self._slots, now)
        self._summary.look(readings, now)
        self._herald.look(readings, now)
        if self._until_empty_idle_s is not None and not self._is_ending:
            self._end_if_empty(readings, now, self._until_empty_idle_s)

    def _end_if_empty(
        self, readings: Sequence[SlotReading], now: float, idle_s: float
    ) -> None:
        since = [reading.progress.empty_since for reading in readings]
        if all(since) and now - max(since) >= idle_s:
            logger.info("the queue is empty; draining")
            self._drain()
            if any(reading.progress.objects_failed for reading in readings):
                self._exit_code = exit_codes.FAILURE

    def _readings(self) -> list[SlotReading]:
        return [self._board.read(slot.number) for slot in self._slots]

    # Reloading --------------------------------------------------------------------

    def _reload(self) -> None:
        if not self._is_ending and self._rollout.reload():
            self._use_config()
            self._herald.reloading(time.monotonic())

    def _use_config(self) -> None:
        self._funnel.configure(self._rollout.config.log)
        self._watch.limit(self._rollout.config.pool.max_worker_rss_bytes)

    def _replace_next(self, readings: Sequence[SlotReading]) -> None:
        if self._is_ending:
            return
        if self._rollout.is_complete(self._slots, readings):
            self._herald.reloaded()
        slot = self._rollout.next_to_drain(self._slots, readings)
        if slot is not None and slot.pid is not None:
            slot.is_leaving = True
            os.kill(slot.pid, REPLACE)

    # Ending -----------------------------------------------------------------------

    def _on_signal(self, received: signal.Signals) -> None:
        if received is signal.SIGCHLD:
            return  # the loop reaps on every turn
        if received is signal.SIGHUP:
            self._reload()
            return
        if self._is_told_to_end:
            logger.warning("%s again: ending at once", received.name)
            self._exit_code = exit_codes.FAILURE
            self._kill(signal.SIGKILL)
            return
        self._is_told_to_end = True
        logger.info("%s: draining", received.name)
        if not self._is_ending:
            self._drain()

    def _drain(self) -> None:
        self._is_ending = True
        self._herald.stopping()
        self._kill(signal.SIGTERM)

    def _fail(self, exit_code: int) -> None:
        self._exit_code = exit_code
        self._drain()

    def _kill(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid is not None:
                slot.is_leaving = True
                os.kill(slot.pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid == self._writer_pid:
                self._on_writer_exit(code)
            elif self._status is not None and pid == self._status.pid:
                self._status.on_exit(describe(code))
            for slot in self._slots:
                if slot.pid == pid:
                    slot.reaped(usage.ru_utime + usage.ru_stime)
                    self._on_worker_exit(slot, code)

    def _on_worker_exit(self, slot: Slot, code: int) -> None:
        now = time.monotonic()
        reading = self._board.read(slot.number)
        self._has_started |= reading.has_booted
        was_leaving, slot.is_leaving = slot.is_leaving, False
        self._funnel.retire(slot.number)
        self._board.clear(slot.number)
        if self._is_ending:
            logger.debug("worker %d ended with %d", slot.number, code)
        elif code > 0 and not reading.has_booted and self._rollout.go_back():
            logger.error(
                "worker %d cannot start with the new configuration; going back to the "
                "former one",
                slot.number,
            )
            self._use_config()
            slot.spawn_at = now
        elif code > 0 and not self._has_started:
            # It gave up by itself before its loop: another one would do the same.
            logger.error("worker %d cannot start; ending", slot.number)
            self._fail(code)
        elif code == exit_codes.DONE or was_leaving:
            logger.info("worker %d drained; replacing it", slot.number)
            slot.spawn_at = now
            slot.replacements += 1
        else:
            delay_s = self._restart_delay_s(slot, now)
            slot.spawn_at = now + delay_s
            slot.restarts += 1
            logger.error(
                "worker %d %s; next one in %.1f s",
                slot.number,
                describe(code),
                delay_s,
            )

    def _restart_delay_s(self, slot: Slot, now: float) -> float:
        return slot.policy.on_death(
            lived_s=now - slot.spawned_at,
            jitter=random.random(),  # noqa: S311 - spreads restarts, no secret
        )

    def _on_writer_exit(self, code: int) -> None:
        self._writer_pid = None
        if self._is_ending and self._has_no_workers:
            return
        logger.error("the stdout writer %s; ending", describe(code))
        self._board.receiver_is_gone = True
        self._fail(exit_codes.FAILURE)

    def _end_writer(self) -> None:
        if self._writer_pid is not None:
            os.kill(self._writer_pid, signal.SIGUSR1)
            code = _wait_or_kill(self._writer_pid, WRITER_TIMEOUT_S)
            if code != exit_codes.DONE:
                logger.error("the stdout writer %s", describe(code))
                self._exit_code = exit_codes.FAILURE
            self._writer_pid = None
        if self._writer_socket is not None:
            self._writer_socket.remove()


def _wait_or_kill(pid: int, timeout_s: float) -> int:
    """Wait for a child's end, and bring it about when it takes too long."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= give_up_at:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
