"""A look at the pool as a JSON document, ``/status``: what ``top`` shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from worker.deliver.aws_state import AwsState
from worker.observe.health import failed, failing_buckets, health, readiness

if TYPE_CHECKING:
    from worker.observe.board import SlotReading
    from worker.observe.reading import PoolReading


def overview(reading: PoolReading) -> dict[str, Any]:
    """Make the document: totals since the start, and how things stand."""
    checks = (*health(reading), *readiness(reading))
    return {
        "version": reading.facts.version,
        "uptime_s": round(reading.epoch_s - reading.facts.started_at, 1),
        "is_ending": reading.state.is_ending,
        "problems": {check.name: check.reason for check in failed(checks)},
        "errors": [
            {"at": _iso8601(epoch_s), "text": text} for epoch_s, text in reading.errors
        ],
        "failing_buckets": [
            {
                "bucket": one.name,
                "reason": one.state.name.lower(),
                "held_objects": one.held_objects,
            }
            for one in failing_buckets(reading)
        ],
        "queue": _queue(reading),
        "quarantine": _quarantine(reading),
        "budget_limit_bytes": reading.state.budget_limit_bytes,
        "workers": [
            _worker(number, slot, reading) for number, slot in enumerate(reading.slots)
        ],
    }


def _iso8601(epoch_s: float) -> str:
    text = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def _queue(reading: PoolReading) -> dict[str, int] | None:
    for _, progress in reading.booted:
        if progress.queue_visible >= 0:
            return {
                "visible": int(progress.queue_visible),
                "in_flight": int(progress.queue_in_flight),
                "delayed": int(progress.queue_delayed),
            }
    return None


def _quarantine(reading: PoolReading) -> dict[str, int] | None:
    if reading.quarantine is None:
        return None
    items, size_bytes = reading.quarantine
    return {"items": items, "bytes": size_bytes}


def _worker(number: int, slot: SlotReading, reading: PoolReading) -> dict[str, Any]:
    progress, care = slot.progress, slot.care
    is_up = bool(care.pid) and slot.has_booted
    sent_at = progress.oldest_sent_at
    return {
        "worker": number,
        "pid": care.pid or None,
        "is_up": is_up,
        "heartbeat_age_s": round(reading.now - slot.beat_at, 1) if is_up else None,
        "restarts": care.restarts,
        "rss_bytes": care.rss_bytes,
        "cpu_s": round(care.cpu_s, 2),
        "is_connected": progress.is_connected,
        "sqs": AwsState(progress.sqs_state).name.lower(),
        "s3": AwsState(progress.s3_state).name.lower(),
        "held": progress.held,
        "backlog_objects": progress.backlog_objects,
        "unacked_chunks": progress.unacked_chunks,
        "budget_used_bytes": progress.budget_used_bytes,
        "oldest_message_age_s": round(reading.epoch_s - sent_at, 1)
        if sent_at
        else None,
        "messages_received": progress.messages_received,
        "messages_deleted": progress.messages_deleted,
        "messages_returned": int(progress.messages_returned.total),
        "objects_done": progress.objects_done,
        "objects_failed": progress.objects_failed,
        "object_bytes": int(progress.object_bytes.counts["delivered"]),
        "records_delivered": progress.records_delivered,
        "object_lag": {
            "sum_s": round(progress.object_lag.total, 3),
            "count": progress.object_lag.count,
        },
        "backpressure_s": {
            cause: round(seconds, 2)
            for cause, seconds in progress.waited_s.counts.items()
        },
    }
