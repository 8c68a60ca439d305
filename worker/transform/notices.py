"""Notices records that carry what most people do not mean to ship."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.config.record_paths import parse_path
from worker.transform.path_tree import PathTree
from worker.transform.presets import HIDDEN_BY_AWS, PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from worker.transform.path_tree import Test

_MAX_HIDDEN_CHARACTERS: Final = max(map(len, HIDDEN_BY_AWS))


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
        self._by_event: dict[str, tuple[str, Test]] = {}
        for name in off:
            for event, paths in PRESETS[name].by_event.items():
                is_carried = PathTree(map(parse_path, paths)).finder(_is_live)
                self._by_event[event] = name, is_carried

    def look(self, records: Iterable[dict[str, Any]]) -> None:
        """See what records carry."""
        by_event = self._by_event
        for record in [
            one
            for one in records
            if type(event := one.get("eventName")) is str and event in by_event
        ]:
            name, is_carried = by_event[record["eventName"]]
            if is_carried(record):
                self._count(name, record["eventName"])

    def _count(self, name: str, event: str) -> None:
        self.counts[name] += 1
        if self.counts[name] == 1:
            self._warn(
                f"records carry {PRESETS[name].content} (first seen in {event}); "
                f'redact.presets = ["{name}"] blanks that'
            )


def _is_live(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return len(value) > _MAX_HIDDEN_CHARACTERS or value not in HIDDEN_BY_AWS
