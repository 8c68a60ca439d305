"""What a running daemon's metrics tell of its objects and messages. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric as Family

STAGES: Final = "trailfeed_object_stage_seconds"
IGNORED: Final = "trailfeed_message_parts_ignored"
"""The family's name, without the suffix of its samples."""

TEST_EVENT: Final = "test_event"

_SHARE: Final = 0.99
_PART: Final = "decode"
"""It is contained in another stage."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How long objects take, from a message's receipt to the last acknowledgement.

    Attributes:
        mean_s: On average.
        most_s: What 99 % of them stay below, each stage by itself; rounded up to the
            bounds of the histogram.
    """

    mean_s: float
    most_s: float


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is read of ``/metrics``.

    Attributes:
        measured: None: no object has been delivered yet.
        test_events: S3's own test messages that were seen.
    """

    measured: Measured | None
    test_events: int


def numbers(text: str) -> Numbers:
    """Read Prometheus' text format.

    Raises:
        ValueError: It is another text.
    """
    families = {one.name: one for one in text_string_to_metric_families(text)}
    test_events = sum(
        sample.value
        for sample in families[IGNORED].samples
        if sample.labels.get("reason") == TEST_EVENT
    ) if IGNORED in families else 0  # fmt: skip
    stages = families.get(STAGES)
    return Numbers(_measured(stages) if stages else None, int(test_events))


def _measured(family: Family) -> Measured | None:
    buckets: dict[str, list[tuple[float, float]]] = {}
    sum_s: dict[str, float] = {}
    for sample in family.samples:
        stage = sample.labels.get("stage", "")
        if sample.name.endswith("_bucket"):
            bound_s = float(sample.labels["le"])
            buckets.setdefault(stage, []).append((bound_s, sample.value))
        elif sample.name.endswith("_sum"):
            sum_s[stage] = sample.value
    buckets.pop(_PART, None)
    sum_s.pop(_PART, None)
    counts = [max(count for _, count in found) for found in buckets.values()]
    if not counts or not all(counts):
        return None
    mean_s = sum(sum_s.values()) / max(counts)
    return Measured(mean_s, sum(map(_bound, buckets.values())))


def _bound(buckets: Iterable[tuple[float, float]]) -> float:
    """The lowest bound of a stage that 99 % lie below."""
    found = sorted(buckets)
    wanted = _SHARE * found[-1][1]
    bounds = [bound_s for bound_s, count in found if count >= wanted]
    finite = [bound_s for bound_s, _ in found[:-1]]
    return min(bounds[0], finite[-1]) if finite else 0.0
