"""Which records go on: the rules of ``[filter]``, compiled to functions."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from worker.transform.reach import value_at, values_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.config.filter_rules import Condition, FilterRule

    Check = Callable[[dict[str, Any]], bool]
    Match = Callable[[object], bool]

_REMEMBERED_ADDRESSES: Final = 4096
_PATTERN_MARKS: Final = frozenset("*?[")
_SCALAR: Final = re.compile(r"[tfni\-\d].*", re.DOTALL)
"""What may begin as a boolean or a number does: true, false, 12, -1.5, inf, nan."""


class Filter:
    """Lets records pass by rules, and counts by rule.

    Args:
        include: A record passes if one of these holds; none: all pass.
        exclude: Of those, the ones for which none of these holds.

    Attributes:
        included: Records that matched, by the text of the first rule that held.
        excluded: Records dropped, likewise.
        not_included: Records dropped since no rule of ``include`` held.
    """

    def __init__(
        self, include: Sequence[FilterRule], exclude: Sequence[FilterRule]
    ) -> None:
        self.included = {rule.text: 0 for rule in include}
        self.excluded = {rule.text: 0 for rule in exclude}
        self.not_included = 0
        self._include = [(rule.text, compile_rule(rule)) for rule in include]
        self._exclude = [(rule.text, compile_rule(rule)) for rule in exclude]

    def passed(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The record, if it goes on."""
        if self._include:
            for text, holds in self._include:
                if holds(record):
                    self.included[text] += 1
                    break
            else:
                self.not_included += 1
                return None
        for text, holds in self._exclude:
            if holds(record):
                self.excluded[text] += 1
                return None
        return record


def compile_rule(rule: FilterRule) -> Check:
    """Make the function that says whether a rule holds for a record."""
    checks = [_check(condition) for condition in rule.conditions]
    if len(checks) == 1:
        return checks[0]

    def all_hold(record: dict[str, Any]) -> bool:
        for holds in checks:  # noqa: SIM110 - a generator costs twice as much
            if not holds(record):
                return False
        return True

    return all_hold


def _check(condition: Condition) -> Check:
    path = condition.path
    if len(path) == 1 and path[0] is not None and (fast := _fast(condition, path[0])):
        return fast
    matches = _match(condition)
    plain = tuple(name for name in path if name is not None)
    is_negated = condition.is_negated
    if len(plain) == len(path):
        find = value_at(plain)

        def holds(record: dict[str, Any]) -> bool:
            value = find(record)
            return (value is not None and matches(value)) is not is_negated

        return holds

    def any_holds(record: dict[str, Any]) -> bool:
        return any(map(matches, values_at(record, path))) is not is_negated

    return any_holds


def _fast(condition: Condition, name: str) -> Check | None:
    """One function, not three, for what most rules look at: a field at the top."""
    is_negated, text = condition.is_negated, condition.value
    if condition.test == "exists":
        return _is_given(name, is_negated=is_negated)
    if condition.test == "in":
        return _is_inside(name, _lies_in(condition), is_negated=is_negated)
    if condition.test == "=" and not _SCALAR.fullmatch(text):
        return _is_text(name, text, is_negated=is_negated)
    begin = _beginning(text)
    if condition.test == "~" and begin and not _SCALAR.match(begin) and not is_negated:
        return _is_begun_by(name, begin)
    return None


def _is_given(name: str, *, is_negated: bool) -> Check:
    if is_negated:
        return lambda record: record.get(name) is None
    return lambda record: record.get(name) is not None


def _is_inside(name: str, lies_in: Match, *, is_negated: bool) -> Check:
    if is_negated:
        return lambda record: not lies_in(record.get(name))
    return lambda record: lies_in(record.get(name))


def _is_text(name: str, text: str, *, is_negated: bool) -> Check:
    if is_negated:
        return lambda record: record.get(name) != text
    return lambda record: record.get(name) == text


def _is_begun_by(name: str, begin: str) -> Check:
    def begins(record: dict[str, Any]) -> bool:
        value = record.get(name)
        return isinstance(value, str) and value.startswith(begin)

    return begins


def _beginning(pattern: str) -> str | None:
    """Of a pattern that says no more than how a text begins, that."""
    begin = pattern.rstrip("*")
    is_plain = begin != pattern and not _PATTERN_MARKS.intersection(begin)
    return begin if is_plain else None


def _match(condition: Condition) -> Match:
    match condition.test:
        case "=":
            return _equals(condition.value)
        case "~":
            return _matches_pattern(condition.value)
        case "in":
            return _lies_in(condition)
        case "exists":
            return _is_there


def _is_there(_value: object) -> bool:
    return True


def _equals(text: str) -> Match:
    def equals(value: object) -> bool:
        return value == text if isinstance(value, str) else scalar_text(value) == text

    return equals


def _matches_pattern(pattern: str) -> Match:
    begin = _beginning(pattern)
    if begin is not None:

        def begins(value: object) -> bool:
            text = value if isinstance(value, str) else scalar_text(value)
            return text is not None and text.startswith(begin)

        return begins

    full_match = re.compile(fnmatch.translate(pattern)).match

    def matches(value: object) -> bool:
        text = value if isinstance(value, str) else scalar_text(value)
        return text is not None and full_match(text) is not None

    return matches


def _lies_in(condition: Condition) -> Match:
    networks = condition.networks

    @lru_cache(maxsize=_REMEMBERED_ADDRESSES)
    def is_inside(text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False  # a service's name, or "AWS Internal"
        return any(address in network for network in networks)

    def lies_in(value: object) -> bool:
        return isinstance(value, str) and is_inside(value)

    return lies_in


def scalar_text(value: object) -> str | None:
    """A boolean or a number as JSON writes it; None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return None
