"""How ``trailfeed setup`` shows a plan."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.daemon_config import daemon_config
from worker.aws_setup.step import Step, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.aws_setup.account.setup import Setup
    from worker.aws_setup.wiring import Wiring

_DONE: Final = {Verdict.MAKE: "made", Verdict.CHANGE: "changed"}
_WIDTH: Final = 10


def lines_of(step: Step, *, is_done: bool) -> str:
    """A step as it is read: what and which, and below it what exactly."""
    word = (
        _DONE.get(step.verdict, step.verdict.value) if is_done else step.verdict.value
    )
    lines = [f"{word:<{_WIDTH}}{step.title}"]
    indent = " " * (_WIDTH + 2)
    lines += [f"{indent}{detail}" for detail in step.details]
    lines += [f"{indent}note: {note}" for note in step.notes]
    return "\n".join(lines)


def summary(steps: Sequence[Step], config: str, *, is_done: bool) -> str:
    """What all of them come to, and trailfeed's own configuration."""
    counts = Counter(step.verdict for step in steps)
    made, changed = counts[Verdict.MAKE], counts[Verdict.CHANGE]
    blocked = sum(step.is_in_the_way for step in steps)
    right = counts[Verdict.OK]
    if is_done:
        said = f"{made} made, {changed} changed, {right} right before."
    else:
        said = f"{made} to make, {changed} to change, {right} right"
        if blocked:
            said += f", {blocked} in the way: nothing was done, nor would be."
        elif made or changed:
            said += ". Nothing was done; --apply does it."
        else:
            said += ". There is nothing to do."
    return f"\n{said}\n\n# trailfeed.toml\n{config.rstrip()}"


def as_document(
    wiring: Wiring,
    steps: Sequence[Step],
    config: str,
    *,
    has_asked: bool,
    is_done: bool,
) -> dict[str, Any]:
    """The plan for other programs."""
    return {
        "account": wiring.account,
        "region": wiring.region,
        "asked_aws": has_asked,
        "applied": is_done,
        "steps": [
            {
                "kind": step.kind,
                "name": step.name,
                "verdict": step.verdict.value,
                "details": [*step.details],
                "notes": [*step.notes],
            }
            for step in steps
        ],
        "config": config,
    }


def config_of(wiring: Wiring, setting_up: Setup) -> str:
    """A trailfeed.toml for what is set up."""
    return daemon_config(wiring, setting_up.queue_url())
