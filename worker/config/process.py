"""The processes around the data: [pool], [state], [status], [log]."""

from typing import Annotated, Final, Literal

from pydantic import Field

from worker.config import values
from worker.config.section import Section

MAX_WORKERS: Final = 1_024
MAX_DOWNLOADS_PER_WORKER: Final = 1_024


class PoolConfig(Section):
    """``[pool]``."""

    workers: Annotated[int, Field(ge=0, le=MAX_WORKERS)] = 0
    """Worker processes; 0: one per usable processor (affinity, cgroup quota)."""
    downloads_per_worker: Annotated[int, Field(ge=1, le=MAX_DOWNLOADS_PER_WORKER)] = 16
    """Objects that one worker downloads at once."""
    inflight_bytes: values.PositiveCount = 268_435_456
    """Bytes that a worker may take for messages, bodies, unacknowledged chunks and what
    it decodes; what needs more is refused."""
    drain_timeout_s: values.Seconds = 30.0
    """Seconds that a stop waits for the acks of what was sent."""
    max_worker_rss_bytes: values.Count = 0
    """Resident bytes above which a worker drains and is replaced; 0: no limit."""


class StateConfig(Section):
    """``[state]``."""

    dir: str = "/var/lib/trailfeed"
    """Directory of journal and quarantine, locked by one supervisor; empty: none."""
    dedupe_window_s: values.Count = 86_400
    """Seconds that a finished object is remembered; 0: off."""
    quarantine_max_bytes: values.PositiveCount = 10_737_418_240
    """Bytes that the quarantine may take."""
    quarantine_full: Literal["retry", "drop_oldest"] = "retry"
    """What happens when it is full."""


class StatusConfig(Section):
    """``[status]``."""

    listen: values.Listen = "127.0.0.1:9464"
    """HOST:PORT of /metrics, /healthz and /readyz; empty: none."""


class LogConfig(Section):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    """The least severe level that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""
