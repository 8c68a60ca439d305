"""Cases one after the other, each to be repeated by its seed and number."""

from __future__ import annotations

import random
import signal
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Target = Callable[[random.Random, Sequence[bytes]], bytes]

CASE_TIMEOUT_S = 20
"""Far more than any case needs; a parser that is stuck is found by it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case in which something else than a documented error came out.

    Attributes:
        number: Of the case.
        report: The traceback.
    """

    number: int
    report: str


class TooSlowError(Exception):
    """A case took longer than :data:`CASE_TIMEOUT_S`."""


def run_case(
    seed: int,
    number: int,
    more: Sequence[bytes] = (),
    targets: Sequence[Target] = TARGETS,
) -> Failure | None:
    """Run one case."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - to be repeated
    target = chance.choice(targets)
    try:
        with _time_limit(CASE_TIMEOUT_S):
            target(chance, more)
    except Exception:  # noqa: BLE001 - every one of them is what is looked for
        return Failure(number, traceback.format_exc())
    return None


def run(
    seed: int,
    seconds: float,
    more: Sequence[bytes] = (),
    targets: Sequence[Target] = TARGETS,
    max_failures: int = 10,
) -> tuple[int, list[Failure]]:
    """Run cases for a while.

    Returns:
        How many were run, and those that failed.
    """
    end = time.monotonic() + seconds
    failures: list[Failure] = []
    number = 0
    while time.monotonic() < end and len(failures) < max_failures:
        failure = run_case(seed, number, more, targets)
        if failure is not None:
            failures.append(failure)
        number += 1
    return number, failures


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def on_alarm(*_: object) -> None:
        raise TooSlowError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
