"""The outcome of a chaos run as figures, as one table, and as pass or fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.neighbours import OBJECTS, REPEATS

if TYPE_CHECKING:
    from tests.chaos.run import Outcome, Plan

NOISIEST = 5
FLOOD_LINES_PER_OBJECT = 5.0
MOST_S = {"delay_95_percent_s": 60.0, "longest_silence_of_healthz_s": 20.0}
"""A killed supervisor's messages come back after the visibility timeout of 20 s, and
there may be two kills in a row."""

Figures = dict[str, Any]


def figures(plan: Plan, outcome: Outcome) -> Figures:
    """All counts by name."""
    verdict, tally, trail = outcome.verdict, outcome.tally, outcome.trail
    is_timed = plan.receiver == "fake" and outcome.delays_s
    return {
        "seed": plan.seed,
        "seconds": round(plan.seconds),
        "receiver": plan.receiver,
        "objects": outcome.objects,
        "messages": outcome.messages,
        "sent": verdict.sent,
        "delivered": verdict.delivered,
        "lost": len(verdict.lost),
        "unknown": verdict.unknown,
        "repeated": verdict.repeats,
        "repeated_by_lost_connection": verdict.repeats_by_cause["lost connection"],
        "repeated_by_lost_ack": verdict.repeats_by_cause["lost ack"],
        "repeated_by_full_disk": verdict.repeats_by_cause["full disk"],
        "repeated_without_cause": verdict.unexplained_repeats,
        "quarantined": outcome.quarantined,
        "dead_letters": tally["dead"],
        "left_in_queue": tally["visible"] + tally["in_flight"] + tally["delayed"],
        "worker_kills": outcome.worker_kills,
        "supervisor_kills": outcome.supervisor_kills,
        "lost_connections": verdict.lost_connections
        if plan.receiver == "fake"
        else "unknown",
        "protocol_errors": len(outcome.delivered.protocol_errors),
        "receiver_faults": sum(
            outcome.disturbances[name]
            for name in ("restart_receiver", "stall", "cut", "drop", "refuse_acks")
        ),
        "outages": outcome.disturbances["outage"],
        "full_disks": outcome.disturbances["fill_disk"],
        "aws_faults": sum(tally["faults"].values()),
        "duplicates_by_sqs": tally["duplicates"],
        "most_receives_of_a_message": tally["max_receives"],
        "forbidden_objects": outcome.disturbances["forbidden"] * OBJECTS,
        "repeated_notifications": outcome.disturbances["repeat"] * REPEATS,
        "hostile_files": outcome.disturbances["hostile_file"],
        "malformed_notifications": outcome.disturbances["long_key"],
        "delay_half_s": _share(outcome.delays_s, 0.5) if is_timed else "unknown",
        "delay_95_percent_s": _share(outcome.delays_s, 0.95) if is_timed else "unknown",
        "longest_silence_of_healthz_s": "unknown"
        if outcome.longest_silence_s is None
        else round(outcome.longest_silence_s, 1),
        "worker_deaths": trail.deaths.total(),
        "worker_deaths_of_their_own": trail.own_deaths,
        "tracebacks": len(trail.tracebacks),
        "unexpected_exits": list(outcome.own_exits),
        "drain_exit_codes": list(outcome.drain_exit_codes),
        "drained_in_s": round(outcome.drained_in_s, 1),
        "log_lines": trail.lines,
        "log_bytes": trail.bytes_,
        "skipped": list(outcome.skipped),
    }


def failures(found: Figures, *, allow_repeats: str) -> list[str]:
    """Name what must not be.

    Args:
        found: The figures.
        allow_repeats: ``journal``: those of lost connections and full disks; ``none``:
            not one; ``any``: all, they are only reported.
    """
    must_be_zero = [
        "lost",
        "unknown",
        "dead_letters",
        "left_in_queue",
        "protocol_errors",
        "worker_deaths_of_their_own",
        "tracebacks",
    ]
    if allow_repeats == "journal":
        must_be_zero.append("repeated_without_cause")
    elif allow_repeats == "none":
        must_be_zero.append("repeated")
    wrong = [f"{name}: {found[name]}" for name in must_be_zero if found[name]]
    wrong += [
        f"{name}: {found[name]}"
        for name, most_s in MOST_S.items()
        if isinstance(found[name], float) and found[name] > most_s
    ]
    if found["unexpected_exits"]:
        wrong.append(f"unexpected_exits: {found['unexpected_exits']}")
    first, *_, last = found["drain_exit_codes"]
    # What is no notification, and came last, failed for good.
    allowed = (0, 1) if found["malformed_notifications"] else (0,)
    if first != 0 or last not in allowed:
        wrong.append(f"drain_exit_codes: {found['drain_exit_codes']}")
    return wrong


def table(found: Figures) -> str:
    """The figures, one a line."""
    width = max(map(len, found))
    return "".join(
        f"{name.replace('_', ' '):<{width}}  {_shown(value)}\n"
        for name, value in found.items()
        if value != []
    )


def details(outcome: Outcome) -> str:
    """What helps to find out why."""
    trail, verdict = outcome.trail, outcome.verdict
    parts = [
        ("lost", verdict.lost[:10]),
        ("repeated without cause", verdict.example_repeats),
        ("worker deaths", [f"{n} x {said}" for said, n in trail.deaths.items()]),
        ("tracebacks", trail.tracebacks[:3]),
        ("protocol errors", outcome.delivered.protocol_errors[:3]),
        ("lines that are no JSON", trail.strays[:5]),
        (
            "noisiest log lines",
            [f"{n} x {said}" for said, n in trail.shapes.most_common(NOISIEST)],
        ),
    ]
    return "".join(
        f"\n{title}:\n" + "".join(f"  {line}\n" for line in lines)
        for title, lines in parts
        if lines
    )


def _share(delays_s: list[float], share: float) -> float:
    return round(delays_s[int(share * (len(delays_s) - 1))], 1)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
