"""Which call fails, and how: seeded probabilities, and total failures for a time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

SQS_CALL_FAULTS = {
    "sqs_500": "the answer is 500 InternalFailure",
    "sqs_503": "the answer is 503 ServiceUnavailable",
    "sqs_throttled": "the answer is 403 RequestThrottled",
    "sqs_expired_token": "the answer is 403 ExpiredToken",
    "sqs_reset": "the connection is reset instead of an answer; nothing was done",
    "sqs_lost_answer": "it is done, and the connection is reset instead of an answer",
    "sqs_slow": "the answer comes late",
    "sqs_hang": "there is no answer; the connection is closed much later",
}
SQS_DELETE_FAULTS = {
    **SQS_CALL_FAULTS,
    "sqs_no_delete": "the answer to a delete is 503 ServiceUnavailable",
}
SQS_ENTRY_FAULTS = {
    "sqs_partial": "one entry of a batch fails inside an answer of 200",
    "sqs_duplicate": "a receive also brings a message that is in flight",
}
S3_FAULTS = {
    "s3_500": "the answer is 500 InternalError",
    "s3_503": "the answer is 503 SlowDown",
    "s3_403": "the answer is 403 AccessDenied",
    "s3_404": "the answer is 404 NoSuchKey",
    "s3_kms": "the answer is 400 KMS.DisabledException",
    "s3_expired_token": "the answer is 400 ExpiredToken",
    "s3_reset": "the connection is reset in the middle of the body",
    "s3_truncated": "the connection ends before the body, short of Content-Length",
    "s3_cut": "half of the object comes as if that were all of it",
    "s3_slow": "the answer comes late",
    "s3_hang": "there is no answer; the connection is closed much later",
    "s3_down": "the connection is reset instead of an answer",
}
ALL_FAULTS = {**SQS_DELETE_FAULTS, **SQS_ENTRY_FAULTS, **S3_FAULTS}


@dataclass(slots=True)
class Faults:
    """Draws a fault for a call.

    Attributes:
        probabilities: By name, 0 to 1, for each call (or entry).
        slow_s: How late a slow answer is, in seconds.
        hang_s: After how long a hanging connection is closed, in seconds.
        struck: How often each has happened.
    """

    seed: int = 0
    probabilities: dict[str, float] = field(default_factory=dict)
    slow_s: float = 0.5
    hang_s: float = 5.0
    struck: Counter[str] = field(default_factory=Counter)
    rng: random.Random = field(init=False)
    _outages: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - faults, no secrets

    def set_probabilities(self, probabilities: dict[str, float]) -> None:
        """Replace all probabilities.

        Raises:
            ValueError: There is no such fault.
        """
        for name in probabilities:
            _check(name)
        self.probabilities = {n: p for n, p in probabilities.items() if p > 0}

    def begin_outage(self, name: str, *, until: float) -> None:
        """Let each call fail in one way until that instant.

        Raises:
            ValueError: There is no such fault.
        """
        _check(name)
        self._outages[name] = until

    def end_outages(self) -> None:
        self._outages.clear()

    def draw(self, names: dict[str, str], now: float) -> str | None:
        """Name the fault of this call among ``names``, if it has one."""
        for name, until in self._outages.items():
            if name in names and now < until:
                self.struck[name] += 1
                return name
        for name, probability in self.probabilities.items():
            if name in names and self.rng.random() < probability:
                self.struck[name] += 1
                return name
        return None

    def strikes(self, name: str, now: float) -> bool:
        """Whether this one fault happens now."""
        return self.draw({name: ""}, now) is not None


def _check(name: str) -> None:
    if name not in ALL_FAULTS:
        raise ValueError(f"no fault {name!r}; there are: {', '.join(ALL_FAULTS)}")
