"""What Prometheus reads is what the workers counted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from worker.deliver.numbers import OTHER, Histogram, Tally
from worker.deliver.progress import LATENCY_S, MAX_RULES, NO_RULE, RETURN_REASONS
from worker.observe.catalogue import CATALOGUE
from worker.observe.exposition import PoolCollector
from worker.observe.overview import overview

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.observe.board import SlotReading
    from worker.observe.reading import PoolReading

    Worker = Callable[..., SlotReading]
    Pool = Callable[..., PoolReading]

EPOCH_S = 1.8e9


def page(reading: PoolReading, accept: str = "") -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PoolCollector(lambda: reading))
    encode, _ = choose_encoder(accept)
    return encode(registry).decode()


@pytest.fixture
def busy(worker: Worker, pool: Pool) -> PoolReading:
    returned = Tally.of(*RETURN_REASONS)
    returned.add("bad_object", 2)
    acks = Histogram(LATENCY_S)
    for seconds in (0.002, 0.002, 0.3, 1000.0):
        acks.observe(seconds)
    first = worker(
        records_delivered=10,
        messages_returned=returned,
        chunk_ack=acks,
        queue_visible=5.0,
        held=3,
        oldest_sent_at=EPOCH_S - 30.0,
    )
    return pool(first, worker(records_delivered=7, chunk_ack=acks), worker(beat_at=0.0))


@pytest.mark.parametrize(
    "line",
    [
        'trailfeed_records_delivered_total{worker="0"} 10.0',
        'trailfeed_records_delivered_total{worker="1"} 7.0',
        'trailfeed_messages_returned_total{reason="bad_object",worker="0"} 2.0',
        'trailfeed_messages_returned_total{reason="drain",worker="1"} 0.0',
        'trailfeed_messages_held{worker="0"} 3.0',
        'trailfeed_queue_messages{state="visible"} 5.0',
        'trailfeed_oldest_message_age_seconds{worker="0"} 30.0',
        'trailfeed_oldest_message_age_seconds{worker="1"} 0.0',
        'trailfeed_chunk_ack_seconds_bucket{le="0.001"} 0.0',
        'trailfeed_chunk_ack_seconds_bucket{le="0.0025"} 4.0',
        'trailfeed_chunk_ack_seconds_bucket{le="0.5"} 6.0',
        'trailfeed_chunk_ack_seconds_bucket{le="+Inf"} 8.0',
        "trailfeed_chunk_ack_seconds_count 8.0",
        'trailfeed_object_stage_seconds_count{stage="wait"} 0.0',
        'trailfeed_worker_up{worker="0"} 1.0',
        'trailfeed_worker_up{worker="2"} 0.0',
        "trailfeed_quarantine_bytes 8192.0",
        'trailfeed_config_reloads_total{outcome="done"} 3.0',
        "trailfeed_ready 1.0",
        'trailfeed_build_info{version="1.2"} 1.0',
    ],
)
def test_a_sample_is_there(line: str, busy: PoolReading) -> None:
    assert line in page(busy).splitlines()


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (0, 0, []),
        (0, 1, ["exclude 1"]),
        (2, 0, [NO_RULE, "include 1", "include 2"]),
        (0, MAX_RULES + 1, [*(f"exclude {n + 1}" for n in range(MAX_RULES)), OTHER]),
    ],
)
def test_rules_are_there_that_the_configuration_has(
    worker: Worker, pool: Pool, include: int, exclude: int, expected: list[str]
) -> None:
    reading = pool(worker())
    state = replace(reading.state, include_rules=include, exclude_rules=exclude)
    lines = page(replace(reading, state=state)).splitlines()
    name = "trailfeed_filter_matches_total"
    assert [line for line in lines if line.startswith(f"{name}{{")] == [
        f'{name}{{rule="{rule}",worker="0"}} 0.0' for rule in expected
    ]


def test_what_nobody_knows_is_not_there(busy: PoolReading) -> None:
    """Neither how a worker stands that has not booted, nor a depth never asked for."""
    lines = page(busy).splitlines()
    assert not [
        line for line in lines if line.startswith('trailfeed_queue_messages{state="d')
    ]
    assert not [
        line for line in lines if line.startswith('trailfeed_messages_held{worker="2')
    ]


def test_prometheus_and_openmetrics_read_all_of_it(busy: PoolReading) -> None:
    expected = {metric.name.removesuffix("_total") for metric in CATALOGUE}
    plain = text_string_to_metric_families(page(busy))
    assert {family.name for family in plain} == expected
    text = page(busy, accept="application/openmetrics-text; version=1.0.0")
    families = openmetrics_families(text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} == expected


def test_the_overview_is_json_and_tells_what_is_wrong(
    worker: Worker, pool: Pool
) -> None:
    document = json.loads(
        json.dumps(overview(pool(worker(), worker(is_connected=False))))
    )
    assert document["problems"] == {"receiver": "not connected: worker 1"}
    assert [one["worker"] for one in document["workers"]] == [0, 1]
    assert (document["queue"], document["quarantine"]["items"]) == (None, 2)
