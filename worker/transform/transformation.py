"""The stages between decoding and encoding: filter, redact, enrich, in this order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.config.filter_rules import parse_rule
from worker.config.record_paths import parse_path
from worker.transform.audit import view
from worker.transform.ecs import to_ecs
from worker.transform.filtering import Filter
from worker.transform.notices import Notices
from worker.transform.ocsf import to_ocsf
from worker.transform.presets import PRESETS
from worker.transform.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.config import Config, RedactConfig

    Transform: TypeAlias = Callable[[dict[str, Any]], dict[str, Any] | None]
    """Gives the record as it goes on, or None: it is filtered out."""

AUDIT_FIELD: Final = "audit"

_SCHEMAS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "ecs": to_ecs,
    "ocsf": to_ocsf,
}


@dataclass(frozen=True, slots=True)
class Transformation:
    """What is done to every record, and what of it is counted.

    Attributes:
        transform: None where nothing is done at all.
        look: Only looks at records, and gives them back; None where ``transform`` does
            so too, or nobody looks.
        filter: Counts by rule; None without rules.
        redactor: Counts values; None without paths.
        notices: Counts records with content that no preset blanks.
    """

    transform: Transform | None
    look: Transform | None
    filter: Filter | None
    redactor: Redactor | None
    notices: Notices | None


def build(config: Config, *, warn: Callable[[str], None]) -> Transformation:
    """Compile the sections ``[filter]``, ``[redact]`` and ``[enrich]``.

    Args:
        config: With rules and paths that are right, as loading makes sure.
        warn: Told once when records carry what a preset would blank.
    """
    filter_ = None
    if config.filter.include or config.filter.exclude:
        filter_ = Filter(
            [parse_rule(rule) for rule in config.filter.include],
            [parse_rule(rule) for rule in config.filter.exclude],
        )
    if config.output.record == "raw":
        # The record's text goes on as it is; there is nothing else to choose.
        passed = filter_.passed if filter_ else None
        return Transformation(passed, None, filter_, None, None)
    redactor = _redactor(config.redact)
    off = [name for name in PRESETS if name not in config.redact.presets]
    notices = Notices(off, warn) if off else None
    enriching = _enriching(
        audit=config.enrich.audit, schema=config.enrich.target_schema
    )
    if notices and not (filter_ or redactor or enriching):
        return Transformation(None, notices.looked_at, None, None, notices)
    steps = [
        *([filter_.passed] if filter_ else []),
        *([notices.looked_at] if notices else []),
        *([redactor.redact] if redactor else []),
        *enriching,
    ]
    return Transformation(_chained(steps), None, filter_, redactor, notices)


def _redactor(redact: RedactConfig) -> Redactor | None:
    paths = [*redact.paths]
    for preset in redact.presets:
        paths += PRESETS[preset].paths
    if not paths:
        return None
    return Redactor(
        map(parse_path, paths),
        action=redact.action,
        hash_key=redact.hash_key.get_secret_value().encode(),
    )


def _chained(steps: list[Transform]) -> Transform | None:
    if len(steps) <= 1:
        return steps[0] if steps else None

    def transform(record: dict[str, Any]) -> dict[str, Any] | None:
        changed: dict[str, Any] | None = record
        for step in steps:
            changed = step(record)
            if changed is None:
                return None
            record = changed
        return changed

    return transform


def _enriching(*, audit: bool, schema: str) -> list[Transform]:
    mapping = _SCHEMAS.get(schema)
    if mapping is None:
        return [_with_audit] if audit else []
    if not audit:
        return [mapping]
    # The view reads CloudTrail's own names, so it comes of the record before.
    return [lambda record: mapping(record) | {AUDIT_FIELD: view(record)}]


def _with_audit(record: dict[str, Any]) -> dict[str, Any]:
    return record | {AUDIT_FIELD: view(record)}
