"""What the last call to a service of AWS came to, as one small number."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.errors import TrailfeedError


class AwsState(enum.IntEnum):
    """A name in lower case is the code of the fault."""

    UNTRIED = 0
    WORKS = 1
    NO_CREDENTIALS = 2
    CREDENTIALS_REFUSED = 3
    ROLE_REFUSED = 4
    CLOCK_SKEW = 5
    UNREACHABLE = 6
    TIMEOUT = 7
    THROTTLED = 8
    KMS = 9
    NO_AWS_ANSWER = 10
    NO_QUEUE = 11
    ACCESS_DENIED = 12
    OVER_LIMIT = 13
    OTHER = 14
    MISSING_BUCKET = 15
    WRONG_REGION = 16
    SLOW_DOWN = 17
    SERVER_ERROR = 18
    BROKEN_OFF = 19

    @property
    def is_fault(self) -> bool:
        return self > AwsState.WORKS


def state_of(error: TrailfeedError) -> AwsState:
    """The state that an error of a call means."""
    code = getattr(error, "code", "")
    return AwsState.__members__.get(code.upper(), AwsState.OTHER)
