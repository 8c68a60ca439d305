"""What filter and redaction count comes to the numbers of the worker, by rule."""

from __future__ import annotations

from typing import Any

from worker.config import Config
from worker.deliver.numbers import OTHER
from worker.deliver.progress import MAX_RULES, NO_RULE, Progress
from worker.deliver.transform_counts import TransformCounts
from worker.transform.transformation import build

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
SECRET = {
    "eventName": "AssumeRole",
    "responseElements": {"credentials": {"sessionToken": "EXAMPLE"}},
}


def counted(records: list[dict[str, Any]], **sections: dict[str, Any]) -> Progress:
    config = Config.model_validate({"source": {"queue_url": QUEUE_URL}, **sections})
    made = build(config, warn=lambda _: None)
    progress = Progress()
    counts = TransformCounts(made, config.filter, progress)
    for record in records:
        if made.transform:
            made.transform(dict(record))
        elif made.look:
            made.look([dict(record)])
        counts.look()  # as often as one likes: these are totals
    return progress


def matches(progress: Progress) -> dict[str, float]:
    return {rule: n for rule, n in progress.filter_matches.counts.items() if n}


def test_rules_are_counted_by_their_place() -> None:
    names = ["GetItem", "ListKeys", "PutItem", "ListKeys", "Other"]
    progress = counted(
        [{"eventName": name} for name in names],
        filter={
            "include": ["eventName ~ *Item", "eventName ~ List*"],
            "exclude": ["eventName = PutItem", "eventName = ListKeys"],
        },
    )
    assert matches(progress) == {
        NO_RULE: 1,
        "include 1": 2,
        "include 2": 2,
        "exclude 1": 1,
        "exclude 2": 2,
    }


def test_of_a_rule_that_is_there_twice_the_first_one_counts() -> None:
    rule = "eventName = x"
    progress = counted([{"eventName": "x"}], filter={"exclude": [rule, "a = b", rule]})
    assert matches(progress) == {"exclude 1": 1}


def test_rules_beyond_the_last_place_are_counted_together() -> None:
    rules = [f"eventName = e{n}" for n in range(MAX_RULES + 2)]
    events = [MAX_RULES - 1, MAX_RULES, MAX_RULES + 1, MAX_RULES + 1]
    progress = counted(
        [{"eventName": f"e{n}"} for n in events], filter={"exclude": rules}
    )
    assert matches(progress) == {f"exclude {MAX_RULES}": 1, OTHER: 3}


def test_blanked_values_and_records_that_could_have_had_some() -> None:
    progress = counted([SECRET, SECRET], redact={"presets": ["credentials"]})
    assert progress.values_redacted == 2
    assert progress.records_sensitive.total == 0
    progress = counted([SECRET, SECRET, {"eventName": "x"}])
    assert progress.values_redacted == 0
    assert progress.records_sensitive.counts["credentials"] == 2
