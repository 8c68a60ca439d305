"""Notices records that carry what most people do not mean to ship."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.config.record_paths import parse_path
from worker.transform.presets import HIDDEN_BY_AWS, PRESETS
from worker.transform.redaction import leaves, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class Notices:
    """Warns once for each preset that is off and would have had something to blank.

    Only events that are known to carry such values are looked into: for all others a
    look costs one lookup.

    Args:
        off: Names of the presets that are off.
        warn: Told what was found, and which preset to use.

    Attributes:
        counts: Records that carried such values, by the name of the preset.
    """

    def __init__(self, off: Collection[str], warn: Callable[[str], None]) -> None:
        self.counts = dict.fromkeys(off, 0)
        self._warn = warn
        self._by_event = {
            event: (name, tree_of(map(parse_path, PRESETS[name].paths)))
            for name in off
            for event in PRESETS[name].events
        }

    def looked_at(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record itself, once it was looked at."""
        event = record.get("eventName")
        if isinstance(event, str) and event in self._by_event:
            self._look_into(record, event)
        return record

    def _look_into(self, record: dict[str, Any], event: str) -> None:
        name, tree = self._by_event[event]
        if not any(_is_live(value) for value in leaves(record, tree)):
            return
        self.counts[name] += 1
        if self.counts[name] == 1:
            self._warn(
                f"records carry {PRESETS[name].content} (first seen in {event}); "
                f'redact.presets = ["{name}"] blanks that'
            )


def _is_live(value: object) -> bool:
    return not (isinstance(value, str) and value in HIDDEN_BY_AWS)
