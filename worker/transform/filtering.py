"""Which records go on: the rules of ``[filter]``.

What was decided is remembered by what the rules look at, such as the event's name and
the address: most records cost one lookup, however many rules there are.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from worker.transform.reach import value_at, values_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker.config.filter_rules import Condition, FilterRule

    Check = Callable[[dict[str, Any]], bool]
    Match = Callable[[object], bool]
    Seen = tuple[object, ...]
    """What the rules look at: values of fields, and outcomes of other checks."""
    Take = Callable[[dict[str, Any]], Seen]
    Rule = tuple[str, Sequence[tuple[int, Match]]]
    """Its text, and for each condition which part of the above it judges, and how."""

_REMEMBERED: Final = 4096
_REMEMBERED_CHARACTERS: Final = 256
_SCALAR: Final = re.compile(r"true|false|-?(?:inf|nan|\d[\d.e+-]*)", re.ASCII)
_NUMBER: Final = re.compile(r"-?(?:inf|nan|\d[\d.e+-]*)", re.ASCII)
_SET: Final = r"\[!?\]?[^\]]*+\]"  # of characters, in a pattern of shells
_SCALAR_PATTERN: Final = re.compile(rf"(?:[truefalsin\d.+*?-]++|{_SET})*+", re.DOTALL)
_NUMBER_PATTERN: Final = re.compile(rf"(?:[infae\d.+*?-]++|{_SET})*+", re.DOTALL)
"""What is no such text matches no boolean and no number, or no number."""


@dataclass(slots=True)
class _Verdict:
    """What is decided about records that are alike, and how many there were.

    Attributes:
        included: Text of the first rule of ``include`` that holds.
        excluded: Likewise.
    """

    is_passed: bool
    included: str | None = None
    excluded: str | None = None
    count: int = 0


class Filter:
    """Lets records pass by rules, and counts by rule.

    Args:
        include: A record passes if one of these holds; none: all pass.
        exclude: Of those, the ones for which none of these holds.

    Attributes:
        reads_numbers: Whether the digits of a number may decide.
    """

    def __init__(
        self, include: Sequence[FilterRule], exclude: Sequence[FilterRule]
    ) -> None:
        rules = (*include, *exclude)
        conditions = [one for rule in rules for one in rule.conditions]
        self.reads_numbers = any(
            _reads(one, _NUMBER, _NUMBER_PATTERN) for one in conditions
        )
        looks = _Looks(conditions)
        self._take = _taker(looks.names, looks.checks)
        self._include = [looks.judge(rule) for rule in include]
        self._exclude = [looks.judge(rule) for rule in exclude]
        self._verdicts: dict[Seen, _Verdict] = {}
        self._kinds: dict[tuple[str | None, str | None], _Verdict] = {}

    def passed(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The record, if it goes on."""
        seen = self._take(record)
        try:
            verdict = self._verdicts[seen]
        except (KeyError, TypeError):  # new, or with an object or an array in it
            verdict = self._judged(seen)
        verdict.count += 1
        return record if verdict.is_passed else None

    @property
    def included(self) -> dict[str, int]:
        """Records that matched, by the text of the first rule that held."""
        return {
            text: sum(one.count for one in self._kinds.values() if one.included == text)
            for text, _ in self._include
        }

    @property
    def excluded(self) -> dict[str, int]:
        """Records dropped, likewise."""
        return {
            text: sum(one.count for one in self._kinds.values() if one.excluded == text)
            for text, _ in self._exclude
        }

    @property
    def not_included(self) -> int:
        """Records dropped since no rule of ``include`` held."""
        kinds = self._kinds.values()
        return sum(
            one.count for one in kinds if not one.is_passed and one.excluded is None
        )

    def _judged(self, seen: Seen) -> _Verdict:
        included = _first_that_holds(self._include, seen)
        excluded = None
        is_included = included is not None or not self._include
        if is_included:
            excluded = _first_that_holds(self._exclude, seen)
        verdict = self._kinds.setdefault(
            (included, excluded),
            _Verdict(is_included and excluded is None, included, excluded),
        )
        if all(map(_is_to_be_remembered, seen)):
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[seen] = verdict
        return verdict


def compile_rule(rule: FilterRule) -> Check:
    """Make the function that says whether a rule holds for a record."""
    passed = Filter([rule], []).passed
    return lambda record: passed(record) is not None


class _Looks:
    """What is taken of a record, so that equal parts mean the same decision.

    A field itself, where only its text can decide. Where a number or a boolean can, the
    outcome is taken instead, as Python's 1 equals true; and so it is below a field.

    Attributes:
        names: Of the fields.
        checks: What gives the outcomes.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        checked = [one for one in conditions if not _is_of_field(one)]
        self._conditions = list(dict.fromkeys(checked))
        self.checks = [_check(one) for one in self._conditions]
        taken = [str(one.path[0]) for one in conditions if _is_of_field(one)]
        self.names = list(dict.fromkeys(taken))

    def judge(self, rule: FilterRule) -> Rule:
        """Make what says of the parts whether a rule holds."""
        return rule.text, [
            (self.names.index(str(one.path[0])), _test(one))
            if _is_of_field(one)
            else (len(self.names) + self._conditions.index(one), bool)
            for one in rule.conditions
        ]


def _taker(names: Sequence[str], checks: Sequence[Check]) -> Take:
    """Make what takes the parts of a record, in one expression.

    As :mod:`collections` makes its named tuples: a loop would cost twice as much.
    """
    parts = [f"record.get({name!r})" for name in names]
    parts += [f"checks[{index}](record)" for index in range(len(checks))]
    source = f"lambda record: ({''.join(f'{part}, ' for part in parts)})"
    take: Take = eval(source, {"checks": checks})  # noqa: S307 - names are literals in it
    return take


def _first_that_holds(rules: Iterable[Rule], seen: Seen) -> str | None:
    for text, parts in rules:
        if all(holds(seen[index]) for index, holds in parts):
            return text
    return None


def _is_to_be_remembered(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _REMEMBERED_CHARACTERS
    return not isinstance(value, dict | list)


def _is_of_field(condition: Condition) -> bool:
    path = condition.path
    is_field = len(path) == 1 and path[0] is not None
    return is_field and not _reads(condition, _SCALAR, _SCALAR_PATTERN)


def _reads(
    condition: Condition, text: re.Pattern[str], pattern: re.Pattern[str]
) -> bool:
    """Whether a condition can hold for texts of some kind."""
    match condition.test:
        case "=":
            return text.fullmatch(condition.value) is not None
        case "~":
            return pattern.fullmatch(condition.value) is not None
        case "in" | "exists":
            return False


def _check(condition: Condition) -> Check:
    path = condition.path
    if condition.test == "=" and len(path) == 1 and path[0] is not None:
        return _is_scalar(path[0], condition.value, is_negated=condition.is_negated)
    plain = tuple(name for name in path if name is not None)
    if len(plain) == len(path):
        find, holds = value_at(plain), _test(condition)
        return lambda record: holds(find(record))
    matches, is_negated = _match(condition), condition.is_negated
    return lambda record: any(map(matches, values_at(record, path))) is not is_negated


def _is_scalar(name: str, text: str, *, is_negated: bool) -> Check:
    """One function, not four, for what most such rules ask: ``readOnly = true``."""
    boolean = {"true": True, "false": False}.get(text)
    if boolean is None:
        return lambda record: (_text(record.get(name)) == text) is not is_negated

    def holds(record: dict[str, Any]) -> bool:
        value = record.get(name)
        return (value is boolean or value == text) is not is_negated

    return holds


def _test(condition: Condition) -> Match:
    """Make what says whether a condition holds for the value at its path."""
    matches, is_negated = _match(condition), condition.is_negated
    return lambda value: (value is not None and matches(value)) is not is_negated


def _match(condition: Condition) -> Match:
    match condition.test:
        case "=":
            return lambda value: _text(value) == condition.value
        case "~":
            return _matches_pattern(condition.value)
        case "in":
            return _lies_in(condition)
        case "exists":
            return lambda _value: True


def _matches_pattern(pattern: str) -> Match:
    full_match = re.compile(fnmatch.translate(pattern)).match

    def matches(value: object) -> bool:
        text = _text(value)
        return text is not None and full_match(text) is not None

    return matches


def _lies_in(condition: Condition) -> Match:
    networks = condition.networks

    @lru_cache(maxsize=_REMEMBERED)
    def is_inside(text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False  # a service's name, or "AWS Internal"
        return any(address in network for network in networks)

    return lambda value: isinstance(value, str) and is_inside(value)


def _text(value: object) -> str | None:
    """A text itself, and a boolean or a number as JSON writes it; else None."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return None
