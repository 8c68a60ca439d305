"""What ``trailfeed top`` draws: two looks at a pool, and what happened in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

ERRORS_SHOWN = 5

_MINUTE_S, _HOUR_MIN, _DAY_H, _KILO = 60, 60, 24, 1000
_LEAST_WAIT = 0.01  # of the time; less is not worth a word

Overview = dict[str, Any]


def screen(now: Overview, before: Overview | None, elapsed_s: float) -> RenderableType:
    """Draw one frame.

    Args:
        now: A document of ``/status``.
        before: An earlier one; None: there is none, and rates are since the start.
        elapsed_s: Seconds between the two.
    """
    if before is None or before["uptime_s"] > now["uptime_s"]:
        before, elapsed_s = None, max(now["uptime_s"], 0.001)
    rates = _Rates(now, before, elapsed_s)
    return Group(
        *_headlines(now, rates), _workers(now, rates), *_problems(now), *_errors(now)
    )


class _Rates:
    """What was counted between two looks, a second."""

    def __init__(
        self, now: Overview, before: Overview | None, elapsed_s: float
    ) -> None:
        self._elapsed_s = elapsed_s
        self._now: list[Mapping[str, Any]] = now["workers"]
        self._before: list[Mapping[str, Any]] = before["workers"] if before else []

    def of(self, field: str, worker: int | None = None) -> float:
        grown = sum(one[field] for one in _some(self._now, worker))
        grown -= sum(one[field] for one in _some(self._before, worker))
        return float(max(grown, 0) / self._elapsed_s)

    def lag_s(self) -> float | None:
        """Mean lag of the objects that were finished in between."""
        count = self._lag("count")
        return self._lag("sum_s") / count if count > 0 else None

    def waiting(self, worker: int) -> str:
        """What a worker mostly waited for, and for which part of the time."""
        (now,) = _some(self._now, worker)
        before = _some(self._before, worker)
        former = before[0]["backpressure_s"] if before else {}
        waited = {
            cause: (seconds - former.get(cause, 0.0)) / self._elapsed_s
            for cause, seconds in now["backpressure_s"].items()
        }
        cause = max(waited, key=lambda one: waited[one])
        return f"{cause} {waited[cause]:.0%}" if waited[cause] >= _LEAST_WAIT else "-"

    def _lag(self, part: str) -> float:
        now = sum(one["object_lag"][part] for one in self._now)
        return float(now - sum(one["object_lag"][part] for one in self._before))


def _some(
    workers: list[Mapping[str, Any]], worker: int | None
) -> list[Mapping[str, Any]]:
    return [one for one in workers if worker is None or one["worker"] == worker]


def _headlines(now: Overview, rates: _Rates) -> Iterator[RenderableType]:
    state = "draining" if now["is_ending"] else "ready"
    state = "not ready" if now["problems"] and not now["is_ending"] else state
    colour = {"ready": "green", "draining": "yellow", "not ready": "bold red"}[state]
    yield Text.assemble(
        (f"trailfeed {now['version']}", "bold"),
        f"  up {duration(now['uptime_s'])}  ",
        (state, colour),
    )
    lag_s = rates.lag_s()
    yield Text(
        f"{rates.of('records_delivered'):,.0f} records/s  "
        f"{rates.of('objects_done'):,.1f} objects/s  "
        f"{size(rates.of('object_bytes'))}/s  "
        f"lag {duration(lag_s) if lag_s is not None else '-'}"
    )
    queue, quarantine = now["queue"], now["quarantine"]
    depth = "queue unknown"
    if queue is not None:
        depth = (
            f"queue {queue['visible']:,} visible, {queue['in_flight']:,} in flight, "
            f"{queue['delayed']:,} delayed"
        )
    kept = f"; quarantine {quarantine['items']:,} items" if quarantine else ""
    yield Text(depth + kept)


def _workers(now: Overview, rates: _Rates) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for name in ("worker", "state", "receiver", "waits for"):
        table.add_column(name)
    for name in (
        *("records/s", "objects/s", "held", "oldest", "budget", "memory", "cpu"),
        *("failed", "restarts"),
    ):
        table.add_column(name, justify="right")
    limit = max(now["budget_limit_bytes"], 1)
    for one in now["workers"]:
        number = one["worker"]
        age_s = one["oldest_message_age_s"]
        table.add_row(
            str(number),
            _state(one),
            Text("connected", "green") if one["is_connected"] else Text("apart", "red"),
            rates.waiting(number),
            f"{rates.of('records_delivered', number):,.0f}",
            f"{rates.of('objects_done', number):,.1f}",
            str(one["held"]),
            duration(age_s) if age_s is not None else "-",
            f"{one['budget_used_bytes'] / limit:.0%}",
            size(one["rss_bytes"]),
            f"{rates.of('cpu_s', number):.0%}",
            str(one["objects_failed"]),
            str(one["restarts"]),
        )
    return table


def _state(worker: Mapping[str, Any]) -> Text:
    if not worker["is_up"]:
        return Text("down" if worker["pid"] is None else "boots", "yellow")
    faults = [
        f"{service} {worker[service]}"
        for service in ("sqs", "s3")
        if worker[service] not in {"works", "untried"}
    ]
    return Text(", ".join(faults), "red") if faults else Text("works", "green")


def _problems(now: Overview) -> Iterator[RenderableType]:
    for name, reason in now["problems"].items():
        yield Text.assemble((f"{name}: ", "bold red"), printable(reason))
    for one in now["failing_buckets"]:
        yield Text.assemble(
            (f"bucket {printable(one['bucket'])}: ", "bold red"),
            f"{one['reason']}, {one['held_objects']} objects held",
        )


def _errors(now: Overview) -> Iterator[RenderableType]:
    if now["errors"]:
        yield Text("last errors", "bold")
    for error in now["errors"][:ERRORS_SHOWN]:
        # Keys may hold any character, also those that would move the cursor.
        text = printable(error["text"])
        yield Text.assemble((f"{error['at']} ", "dim"), text, overflow="ellipsis")


def duration(seconds: float) -> str:
    """Seconds in two units: ``1.4 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), _MINUTE_S)
    hours, rest_min = divmod(minutes, _HOUR_MIN)
    if not hours:
        return f"{minutes} min {rest_s} s"
    days, rest_h = divmod(hours, _DAY_H)
    return f"{days} d {rest_h} h" if days else f"{hours} h {rest_min} min"


def size(size_bytes: float) -> str:
    """Bytes with three digits at the most."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < _KILO:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= _KILO
    return f"{size_bytes:,.0f} TB"
