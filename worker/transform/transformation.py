"""The stages between decoding and encoding: filter, redact, enrich, in this order."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.config.filter_rules import parse_rule
from worker.config.record_paths import parse_deep_path
from worker.transform.audit import is_event, view
from worker.transform.ecs import to_ecs
from worker.transform.filtering import Filter
from worker.transform.notices import Notices
from worker.transform.ocsf import to_ocsf
from worker.transform.presets import PRESETS, without
from worker.transform.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.config import Config, FilterConfig, RedactConfig

    Transform: TypeAlias = Callable[[dict[str, Any]], dict[str, Any] | None]
    """Gives the record as it goes on, or None: it is filtered out."""

    Look: TypeAlias = Callable[[Iterable[dict[str, Any]]], None]
    """Sees records, and leaves them as they are."""

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
        again: Does to a record that went on what ``transform`` did, and counts nothing.
        reads_numbers: Whether the digits of numbers make a difference to them.
        look: None where ``transform`` does so too, or nobody looks.
        filter: Counts by rule; None without rules.
        redactor: Counts values; None without paths.
        notices: Counts records with content that no preset blanks.
    """

    transform: Transform | None = None
    again: Transform | None = None
    reads_numbers: bool = True
    look: Look | None = None
    filter: Filter | None = None
    redactor: Redactor | None = None
    notices: Notices | None = None


def build(config: Config, *, warn: Callable[[str], None]) -> Transformation:
    """Compile the sections ``[filter]``, ``[redact]`` and ``[enrich]``.

    Args:
        config: With rules and paths that are right, as loading makes sure.
        warn: Told once when records carry what a preset would blank.
    """
    filter_, redactor = _filter(config.filter), _redactor(config.redact)
    if config.output.record == "raw":
        # The record's text goes on as it is; there is nothing else to choose.
        return Transformation(filter_.passed if filter_ else None, filter=filter_)
    off = without(config.redact.presets)
    notices = Notices(off, warn) if off else None
    enrich = config.enrich
    enriching = _enriching(audit=enrich.audit, schema=enrich.target_schema)
    if not (filter_ or redactor or enriching):
        look = notices.look if notices else None
        return Transformation(look=look, notices=notices)
    return Transformation(
        _chained(filter_, notices, redactor, enriching),
        again=_chained(None, None, _redactor(config.redact), enriching),
        reads_numbers=bool(enriching)
        or config.redact.action == "hash"
        or (filter_ is not None and filter_.reads_numbers),
        filter=filter_,
        redactor=redactor,
        notices=notices,
    )


def _filter(filter_: FilterConfig) -> Filter | None:
    if not filter_.include and not filter_.exclude:
        return None
    return Filter(
        [parse_rule(rule) for rule in filter_.include],
        [parse_rule(rule) for rule in filter_.exclude],
    )


def _redactor(redact: RedactConfig) -> Redactor | None:
    paths = [*redact.paths]
    for preset in redact.presets:
        paths += PRESETS[preset].paths
    if not paths:
        return None
    parsed = [*map(parse_deep_path, dict.fromkeys(paths))]
    return Redactor(
        [path[0] for path in parsed if len(path) == 1],
        action=redact.action,
        hash_key=redact.hash_key.get_secret_value().encode(),
        deep_paths=[path for path in parsed if len(path) > 1],
    )


def _chained(
    filter_: Filter | None,
    notices: Notices | None,
    redactor: Redactor | None,
    enriching: Transform | None,
) -> Transform:
    steps: list[Transform] = [
        *([filter_.passed] if filter_ else []),
        *([looking(notices.look)] if notices else []),
        *([redactor.redact] if redactor else []),
        *([enriching] if enriching else []),
    ]
    if not steps:
        return lambda record: record
    return functools.reduce(_in_turn, steps)


def looking(look: Look) -> Transform:
    """Make one of the stages of what only looks."""

    def looked_at(record: dict[str, Any]) -> dict[str, Any]:
        look((record,))
        return record

    return looked_at


def _in_turn(first: Transform, second: Transform) -> Transform:
    def transform(record: dict[str, Any]) -> dict[str, Any] | None:
        between = first(record)
        return second(between) if between is not None else None

    return transform


def _enriching(*, audit: bool, schema: str) -> Transform | None:
    mapping = _SCHEMAS.get(schema)
    if mapping is None and not audit:
        return None

    def enriched(record: dict[str, Any]) -> dict[str, Any]:
        # Other logs' records go on as they are: who did what is not theirs to say.
        if not is_event(record):
            return record
        mapped = mapping(record) if mapping is not None else record
        # The view reads CloudTrail's own names, so it comes of the record before.
        return mapped | {AUDIT_FIELD: view(record)} if audit else mapped

    return enriched
