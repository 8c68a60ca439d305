"""A look at the pool as Prometheus metric families."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from worker.deliver.numbers import OTHER, Histogram, Tally
from worker.deliver.progress import MAX_RULES, NO_RULE
from worker.observe.catalogue import CATALOGUE
from worker.observe.health import failed, failing_buckets, readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.core import Metric as Family

    from worker.observe.board import SlotReading
    from worker.observe.catalogue import Metric
    from worker.observe.reading import PoolReading

    Sample = tuple[tuple[str, ...], float]


class PoolCollector(Collector):
    """Makes all families of :data:`CATALOGUE` of one look each time that it is asked.

    Args:
        look: Looks at the pool.
    """

    def __init__(self, look: Callable[[], PoolReading]) -> None:
        self._look = look

    def collect(self) -> Iterator[Family]:
        reading = self._look()
        for metric in CATALOGUE:
            yield _family(metric, reading)

    def describe(self) -> Iterator[Family]:
        """Name no families before there is a look: they are all our own."""
        return iter(())


def _family(metric: Metric, reading: PoolReading) -> Family:
    if metric.kind == "histogram":
        return _histogram_family(metric, reading)
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in _samples(metric, reading):
        family.add_metric(labels, value)
    return family


def _samples(metric: Metric, reading: PoolReading) -> Iterable[Sample]:
    special = _SPECIAL.get(metric.name)
    if special is not None:
        return special(reading)
    slots = (((str(number),), slot) for number, slot in enumerate(reading.slots))
    if metric.per_worker:
        return itertools.chain.from_iterable(
            _of_worker(metric, worker, slot) for worker, slot in slots
        )
    return _of_pool(metric, reading)


def _of_worker(
    metric: Metric, worker: tuple[str, ...], slot: SlotReading
) -> Iterator[Sample]:
    is_standing = metric.kind == "gauge"
    if is_standing and not slot.has_booted:
        return  # there is nobody whose state it could be
    if not metric.source:
        for label, field in metric.names:
            yield (*worker, label), float(getattr(slot.progress, field))
        return
    value: Any = getattr(slot.progress, metric.source)
    if isinstance(value, Tally):
        for label, count in value.counts.items():
            yield (*worker, label), count
    else:
        yield worker, float(value)


def _of_pool(metric: Metric, reading: PoolReading) -> Iterator[Sample]:
    """Numbers that one worker finds out for all: who does not know them says -1."""
    for label, field in metric.names:
        known = [float(getattr(progress, field)) for _, progress in reading.booted]
        value = max(known, default=-1.0)
        if value >= 0:
            yield (label,), value


def _histogram_family(metric: Metric, reading: PoolReading) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for label, field in metric.names or (("", metric.source),):
        parts: list[Histogram] = [
            getattr(slot.progress, field) for slot in reading.slots
        ]
        family.add_metric(
            (label,) if metric.label else (),
            buckets=_buckets(parts),
            sum_value=sum(part.total for part in parts),
        )
    return family


def _buckets(parts: list[Histogram]) -> list[tuple[str, float]]:
    bounds = [*map(str, parts[0].bounds), "+Inf"]
    sums = map(sum, zip(*(part.counts for part in parts), strict=True))
    return list(zip(bounds, itertools.accumulate(sums), strict=True))


def _care(field: str) -> Callable[[PoolReading], Iterator[Sample]]:
    def samples(reading: PoolReading) -> Iterator[Sample]:
        for number, slot in enumerate(reading.slots):
            yield (str(number),), float(getattr(slot.care, field))

    return samples


def _up(reading: PoolReading) -> Iterator[Sample]:
    for number, slot in enumerate(reading.slots):
        yield (str(number),), float(bool(slot.care.pid) and slot.has_booted)


def _heartbeat_age(reading: PoolReading) -> Iterator[Sample]:
    for number, slot in enumerate(reading.slots):
        if slot.has_booted:
            yield (str(number),), max(reading.now - slot.beat_at, 0.0)


def _oldest_age(reading: PoolReading) -> Iterator[Sample]:
    for number, progress in reading.booted:
        sent_at = progress.oldest_sent_at
        yield (str(number),), max(reading.epoch_s - sent_at, 0.0) if sent_at else 0.0


def _quarantine(place: int) -> Callable[[PoolReading], Iterator[Sample]]:
    def samples(reading: PoolReading) -> Iterator[Sample]:
        if reading.quarantine is not None:
            yield (), float(reading.quarantine[place])

    return samples


def _filter_matches(reading: PoolReading) -> Iterator[Sample]:
    """The rules that there are: with a new configuration these may be others."""
    state = reading.state
    rules = [NO_RULE] if state.include_rules else []
    rules += [f"include {n + 1}" for n in range(min(state.include_rules, MAX_RULES))]
    rules += [f"exclude {n + 1}" for n in range(min(state.exclude_rules, MAX_RULES))]
    if max(state.include_rules, state.exclude_rules) > MAX_RULES:
        rules.append(OTHER)
    for number, slot in enumerate(reading.slots):
        for rule in rules:
            yield (str(number), rule), slot.progress.filter_matches.counts[rule]


def _failing_buckets(reading: PoolReading) -> Iterator[Sample]:
    for one in failing_buckets(reading):
        yield (one.name, one.state.name.lower()), float(one.held_objects)


def _reloads(reading: PoolReading) -> Iterator[Sample]:
    yield ("done",), float(reading.state.reloads)
    yield ("refused",), float(reading.state.reloads_refused)


def _ready(reading: PoolReading) -> Iterator[Sample]:
    yield (), float(not any(failed(readiness(reading))))


_SPECIAL: Final[dict[str, Callable[[PoolReading], Iterator[Sample]]]] = {
    "trailfeed_oldest_message_age_seconds": _oldest_age,
    "trailfeed_budget_limit_bytes": lambda r: iter(
        [((), float(r.state.budget_limit_bytes))]
    ),
    "trailfeed_filter_matches_total": _filter_matches,
    "trailfeed_worker_up": _up,
    "trailfeed_worker_heartbeat_age_seconds": _heartbeat_age,
    "trailfeed_worker_restarts_total": _care("restarts"),
    "trailfeed_worker_replacements_total": _care("replacements"),
    "trailfeed_worker_resident_memory_bytes": _care("rss_bytes"),
    "trailfeed_worker_cpu_seconds_total": _care("cpu_s"),
    "trailfeed_quarantine_items": _quarantine(0),
    "trailfeed_quarantine_bytes": _quarantine(1),
    "trailfeed_failing_bucket_objects": _failing_buckets,
    "trailfeed_config_reloads_total": _reloads,
    "trailfeed_ready": _ready,
    "trailfeed_start_time_seconds": lambda r: iter([((), r.facts.started_at)]),
    "trailfeed_build_info": lambda r: iter([((r.facts.version,), 1.0)]),
}
