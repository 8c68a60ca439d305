r"""The rules of ``[filter]``: what they look like, not what they do.

::

    rule      = condition { "&" condition }
    condition = path ( "=" | "!=" ) value        equal to
              | path ( "~" | "!~" ) pattern      shell pattern: * ? [a-z]
              | path [ "not" ] "in" networks     10.0.0.0/8, 2001:db8::/32
              | path [ "not" ] "exists"          there, and not null

A path is as in :mod:`worker.config.record_paths`. A value goes up to the next ``&`` or
the end; one with ``&`` or outer spaces in it stands in double quotes, with ``\"`` and
``\\``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from worker.config.record_paths import read_path, unescape

if TYPE_CHECKING:
    from worker.config.record_paths import RecordPath

Network: TypeAlias = IPv4Network | IPv6Network
Test: TypeAlias = Literal["=", "~", "in", "exists"]

_OPERATOR: Final = re.compile(
    r"\s*(?:(?P<sign>!?[=~])|(?P<word>(?:not\s+)?(?:in|exists))(?![^\s&]))"
)
_VALUE: Final = re.compile(
    r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s&"=~](?:[^&"]*[^\s&"])?))'
)
_JOINT: Final = re.compile(r"\s*(?:(?P<and>&)\s*|\Z)")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Attributes:
        test: Without its negation.
        is_negated: Whether it holds where the test does not, also for want of a value.
        value: Of ``=`` and ``~``.
        networks: Of ``in``.
    """

    path: RecordPath
    test: Test
    is_negated: bool
    value: str = ""
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class FilterRule:
    """Conditions that must all hold, and the text that they were written as."""

    text: str
    conditions: tuple[Condition, ...]


def parse_rule(text: str) -> FilterRule:
    """Parse one rule.

    Raises:
        ValueError: It is none; the text says what was expected at which column.
    """
    conditions: list[Condition] = []
    at = len(text) - len(text.lstrip())
    while True:
        condition, at = _condition(text, at)
        conditions.append(condition)
        joint = _JOINT.match(text, at)
        if joint is None:
            raise ValueError(
                f"expected & or the end at column {_after_space(text, at) + 1}"
            )
        if not joint["and"]:
            return FilterRule(text, tuple(conditions))
        at = joint.end()


def _condition(text: str, at: int) -> tuple[Condition, int]:
    path, at = read_path(text, at)
    operator = _OPERATOR.match(text, at)
    if operator is None:
        raise ValueError(
            "expected =, !=, ~, !~, in, not in, exists or not exists at column "
            f"{_after_space(text, at) + 1}"
        )
    at = operator.end()
    if sign := operator["sign"]:
        value, end = _value(text, at)
        test: Test = "=" if sign[-1] == "=" else "~"
        return Condition(path, test, sign[0] == "!", value=value), end
    *negation, word = operator["word"].split()
    if word == "exists":
        return Condition(path, "exists", bool(negation)), at
    value, end = _value(text, at)
    networks = _networks(value, _after_space(text, at))
    return Condition(path, "in", bool(negation), networks=networks), end


def _value(text: str, at: int) -> tuple[str, int]:
    match = _VALUE.match(text, at)
    if match is None:
        raise ValueError(f"expected a value at column {_after_space(text, at) + 1}")
    quoted = match["quoted"]
    return match["bare"] if quoted is None else unescape(quoted), match.end()


def _networks(value: str, at: int) -> tuple[Network, ...]:
    try:
        return tuple(
            ip_network(network.strip(), strict=False) for network in value.split(",")
        )
    except ValueError:
        raise ValueError(
            f"expected networks such as 10.0.0.0/8, 2001:db8::/32 at column {at + 1}"
        ) from None


def _after_space(text: str, at: int) -> int:
    return at + len(text[at:]) - len(text[at:].lstrip())
