from __future__ import annotations

from typing import Any

import pytest

from worker.config import Config
from worker.transform.transformation import Transformation, build

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
TOKEN = {
    "eventName": "AssumeRole",
    "eventSource": "sts.amazonaws.com",
    "responseElements": {"credentials": {"sessionToken": "EXAMPLE"}},
}
ALL_PRESETS = ["sqs-message-content", "sns-message-content", "credentials"]


def _build(
    warnings: list[str] | None = None, **sections: dict[str, Any]
) -> Transformation:
    config = Config.model_validate({"source": {"queue_url": QUEUE_URL}, **sections})
    told: list[str] = [] if warnings is None else warnings
    return build(config, warn=told.append)


def _transformed(made: Transformation, record: dict[str, Any]) -> dict[str, Any] | None:
    assert made.transform is not None
    return made.transform(record)


def test_by_default_records_go_on_as_they_are_and_are_looked_at() -> None:
    warnings: list[str] = []
    made = _build(warnings)
    assert made.transform is None
    assert made.look is not None
    made.look([TOKEN])
    assert len(warnings) == 1
    assert (made.filter, made.redactor) == (None, None)


def test_with_all_presets_there_is_nothing_to_look_for() -> None:
    made = _build(redact={"presets": ALL_PRESETS})
    assert made.notices is None


def test_raw_records_are_not_touched_but_may_be_chosen() -> None:
    assert _build(output={"record": "raw"}).transform is None
    made = _build(output={"record": "raw"}, filter={"exclude": ["eventName ~ Assume*"]})
    assert _transformed(made, TOKEN) is None
    assert _transformed(made, {"eventName": "x"}) == {"eventName": "x"}


def test_what_is_filtered_out_is_neither_warned_about_nor_redacted() -> None:
    warnings: list[str] = []
    made = _build(
        warnings,
        filter={"exclude": ["eventName ~ Assume*"]},
        redact={"paths": ["eventName"]},
    )
    assert _transformed(made, TOKEN) is None
    assert not warnings
    assert made.redactor is not None
    assert made.redactor.values_count == 0
    assert made.filter is not None
    assert made.filter.excluded == {"eventName ~ Assume*": 1}


def test_rules_see_what_redaction_blanks_and_enrichment_does_not() -> None:
    made = _build(
        filter={"include": ["sourceIPAddress = 10.0.0.1"]},
        redact={"paths": ["sourceIPAddress"]},
        enrich={"audit": True},
    )
    record = {"eventName": "X", "sourceIPAddress": "10.0.0.1"}
    outcome = _transformed(made, record)
    assert outcome is not None
    assert outcome["sourceIPAddress"] == "[redacted]"
    assert outcome["audit"]["from_where"] == "[redacted]"
    assert record == {"eventName": "X", "sourceIPAddress": "10.0.0.1"}


def test_presets_and_paths_go_together_and_a_key_makes_hashes() -> None:
    made = _build(
        redact={
            "paths": ["eventName"],
            "presets": ["credentials"],
            "action": "hash",
            "hash_key": "k",
        }
    )
    outcome = _transformed(made, TOKEN)
    assert outcome is not None
    token = outcome["responseElements"]["credentials"]["sessionToken"]
    assert token.startswith("hmac-sha256:")
    assert outcome["eventName"].startswith("hmac-sha256:")
    assert outcome["eventSource"] == "sts.amazonaws.com"


@pytest.mark.parametrize(
    ("schema", "name"), [("ecs", "@timestamp"), ("ocsf", "time_dt")]
)
def test_a_schema_takes_the_whole_record_and_the_view_stands_beside(
    schema: str, name: str
) -> None:
    record = {**TOKEN, "eventTime": "2026-11-21T09:00:00Z"}
    outcome = _transformed(_build(enrich={"audit": True, "schema": schema}), record)
    assert outcome is not None
    assert outcome[name] == "2026-11-21T09:00:00Z"
    assert "eventTime" not in outcome
    assert outcome["audit"]["what"] == "sts:AssumeRole"
    alone = _transformed(_build(enrich={"schema": schema}), record)
    assert alone is not None
    assert "audit" not in alone


@pytest.mark.parametrize("schema", ["none", "ecs", "ocsf"])
@pytest.mark.parametrize(
    "record",
    [
        {"timestamp": 1700000000000, "action": "BLOCK", "webaclId": "arn:aws:wafv2"},
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
        },
        {"eventType": "flow", "event": {"timestamp": "2026-11-21T09:00:00Z"}},
        {},
    ],
)
def test_records_of_other_logs_are_not_enriched(
    schema: str, record: dict[str, Any]
) -> None:
    built = _build(enrich={"audit": True, "schema": schema})
    assert _transformed(built, dict(record)) == record
