"""One SQS standard queue as a state machine: no socket, no clock.

Source: Amazon SQS Developer Guide, "Visibility timeout" and "Dead-letter queues"; API
Reference, ReceiveMessage, DeleteMessage and ChangeMessageVisibility.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import uuid
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

MAX_HIDDEN_S = 43_200
"""From the receive on, whatever extensions come in between (12 hours)."""

_DUPLICATE_CHOICE = 64  # in flight longest: candidates for a second delivery


class SqsError(Exception):
    """A refusal, by SQS's own code.

    Args:
        code: As the API names it.
        message: One sentence.
        status: Of HTTP.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class State(Enum):
    """Where a message is."""

    DELAYED = "delayed"
    VISIBLE = "visible"
    IN_FLIGHT = "in_flight"
    DELETED = "deleted"
    DEAD = "dead"  # in the dead-letter queue


@dataclass(slots=True, eq=False)
class StoredMessage:
    """One message and its life.

    Attributes:
        fragment: Its constant members of a ReceiveMessage answer, as JSON.
        receives: Deliveries so far; also the number of the newest receipt handle.
        duplicates: Deliveries while it was in flight.
        vain_deletes: Deletes with a superseded handle: they succeed and do nothing.
        visible_at: Instant at which it becomes visible, while it is hidden.
    """

    index: int
    id: str
    body: str
    fragment: str
    sent_ms: int
    state: State = State.VISIBLE
    receives: int = 0
    duplicates: int = 0
    deletes: int = 0
    vain_deletes: int = 0
    first_received_ms: int = 0
    received_at: float = 0.0
    visible_at: float = 0.0


@dataclass(slots=True, eq=False)
class Queue:
    """Every instant is in seconds of the caller's clock; ``_ms`` is wall time.

    Args:
        name: Of the queue.
        visibility_timeout_s: Where a receive names none.
        wait_time_s: Where a receive names none.
        dead_letters: Takes what was received more than ``max_receive_count`` times.
    """

    name: str
    visibility_timeout_s: int = 30
    wait_time_s: int = 0
    dead_letters: Queue | None = None
    max_receive_count: int = 0
    messages: list[StoredMessage] = field(default_factory=list)
    counts: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    _visible: deque[StoredMessage] = field(default_factory=deque)
    _in_flight: dict[int, StoredMessage] = field(default_factory=dict)
    _hidden: list[tuple[float, int]] = field(default_factory=list)

    def send(self, body: str, *, now: float, wall_ms: int, delay_s: int = 0) -> str:
        """Put a message in; return its id."""
        index, id_ = len(self.messages), str(uuid.uuid4())
        md5 = _md5(body)
        fragment = f'"MessageId":"{id_}","MD5OfBody":"{md5}","Body":{json.dumps(body)},'
        message = StoredMessage(index, id_, body, fragment, wall_ms)
        self.messages.append(message)
        self.counts[State.VISIBLE] += 1
        if delay_s:
            self._hide(message, State.DELAYED, now + delay_s)
        else:
            self._visible.append(message)
        return id_

    def receive(
        self,
        *,
        max_messages: int,
        visibility_timeout_s: int,
        now: float,
        wall_ms: int,
        duplicates: int = 0,
        rng: random.Random | None = None,
    ) -> list[tuple[StoredMessage, str]]:
        """Hand out visible messages, each with a receipt handle of its own.

        Args:
            max_messages: 1 to 10.
            visibility_timeout_s: For how long they are hidden.
            now: The instant.
            wall_ms: The wall time.
            duplicates: So many of them are to be messages that are in flight.
            rng: Chooses those; needed where ``duplicates`` is not 0.
        """
        self.pass_time(now)
        chosen: list[StoredMessage] = []
        if duplicates and rng and self._in_flight:
            candidates = list(islice(self._in_flight.values(), _DUPLICATE_CHOICE))
            chosen = rng.sample(candidates, min(duplicates, len(candidates)))
            for message in chosen:
                message.duplicates += 1
        while self._visible and len(chosen) < max_messages:
            message = self._visible.popleft()
            if message.state is not State.VISIBLE:
                continue  # deleted meanwhile
            if self.dead_letters and message.receives >= self.max_receive_count:
                self._move(message, State.DEAD)
                self.dead_letters.send(message.body, now=now, wall_ms=message.sent_ms)
                continue
            chosen.append(message)
        for message in chosen:
            message.receives += 1
            message.received_at = now
            message.first_received_ms = message.first_received_ms or wall_ms
            self._hide(message, State.IN_FLIGHT, now + visibility_timeout_s)
            if not visibility_timeout_s:
                self._show(message)
        return [(message, self._handle(message)) for message in chosen]

    def delete(self, handle: str) -> None:
        """Delete by a receipt handle; a superseded one succeeds and does nothing.

        Raises:
            SqsError: The handle is none.
        """
        message, is_newest = self._find(handle)
        if message.state in (State.DELETED, State.DEAD):
            return
        if is_newest:
            message.deletes += 1
            self._move(message, State.DELETED)
        else:
            message.vain_deletes += 1

    def change_visibility(self, handle: str, timeout_s: int, *, now: float) -> None:
        """Hide a message in flight until ``timeout_s`` from now; 0 shows it.

        Raises:
            SqsError: The handle is none, or superseded, or its message is visible
                again or gone; or it would be hidden for more than 12 hours.
        """
        self.pass_time(now)
        message, is_newest = self._find(handle)
        if message.state in (State.DELETED, State.DEAD):
            raise _invalid(
                handle,
                "Message does not exist or is not available for visibility timeout "
                "change.",
            )
        if not is_newest:
            raise _invalid(handle, "The receipt handle has expired.")
        if message.state is not State.IN_FLIGHT:
            raise SqsError("MessageNotInflight", "The message is not in flight.")
        if now - message.received_at + timeout_s > MAX_HIDDEN_S:
            raise SqsError(
                "InvalidParameterValue",
                f"Value {timeout_s} for parameter VisibilityTimeout is invalid. "
                "Reason: Total VisibilityTimeout for the message is beyond the limit "
                f"[{MAX_HIDDEN_S} seconds].",
            )
        self._hide(message, State.IN_FLIGHT, now + timeout_s)
        if not timeout_s:
            self._show(message)

    def pass_time(self, now: float) -> None:
        """Make visible what is hidden no longer."""
        while self._hidden and self._hidden[0][0] <= now:
            visible_at, index = heapq.heappop(self._hidden)
            message = self.messages[index]
            is_hidden = message.state in (State.DELAYED, State.IN_FLIGHT)
            if is_hidden and message.visible_at == visible_at:
                self._show(message)

    @property
    def has_visible(self) -> bool:
        return self.counts[State.VISIBLE] > 0

    def next_change(self) -> float | None:
        """The first instant at which a message may become visible by itself."""
        return self._hidden[0][0] if self._hidden else None

    def _handle(self, message: StoredMessage) -> str:
        return f"{self.name}/{message.index}/{message.receives}"

    def _find(self, handle: str) -> tuple[StoredMessage, bool]:
        """The message of a handle, and whether that is its newest one."""
        parts = handle.split("/")
        try:
            name, index, receive = parts[0], int(parts[1]), int(parts[2])
            message = self.messages[index]
        except (IndexError, ValueError):
            name, receive, message = "", 0, None
        if message is None or name != self.name or receive > message.receives:
            raise SqsError(
                "ReceiptHandleIsInvalid",
                f'The input receipt handle "{handle}" is not a valid receipt handle.',
                404,
            )
        return message, receive == message.receives

    def _hide(self, message: StoredMessage, state: State, until: float) -> None:
        self._move(message, state)
        if state is State.IN_FLIGHT:
            self._in_flight[message.index] = message
        message.visible_at = until
        heapq.heappush(self._hidden, (until, message.index))

    def _show(self, message: StoredMessage) -> None:
        self._move(message, State.VISIBLE)
        self._visible.append(message)

    def _move(self, message: StoredMessage, state: State) -> None:
        self.counts[message.state] -= 1
        self.counts[state] += 1
        message.state = state
        self._in_flight.pop(message.index, None)


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _invalid(handle: str, reason: str) -> SqsError:
    return SqsError(
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}",
    )
