"""With what: the second half of a change, as ``change_table`` says where it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.transform.audit.change_table import ATTRIBUTES, CHANGES, RULES
from worker.transform.audit.names import counted, mapping, parameters, short_name, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    _Find: TypeAlias = Callable[[dict[str, Any], dict[str, Any]], str | None]
    """What request and answer of a call say."""

VERSION: Final = r"(?:\d{8}|\d{4}_\d{2}_\d{2})(?:v\d+)?"
"""What Lambda and CloudFront have after an action: ``UpdateFunctionCode20150331v2``."""

_VERSION_AT_END: Final = re.compile(rf"{VERSION}\Z")

_ALL_PROTOCOLS: Final = "-1"
_PROTOCOLS: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_RANGES: Final = (
    ("ipRanges", "cidrIp"),
    ("ipv6Ranges", "cidrIpv6"),
    ("prefixListIds", "prefixListId"),
    ("groups", "groupId"),
)


def change(record: Mapping[str, Any], what: str | None) -> str | None:
    """The policy attached, the attribute set, with whom it was shared, the port opened.

    Args:
        record: Any decoded JSON object.
        what: ``service:action``.
    """
    find = CHANGING.get(_VERSION_AT_END.sub("", what)) if what else None
    if find is None:
        return None
    request = parameters(record.get("requestParameters"))
    return find(request, parameters(record.get("responseElements")))


def _attributes(owner: str) -> _Find:
    def find(request: dict[str, Any], _response: dict[str, Any]) -> str | None:
        found = [_attribute(request, name) for name in request if name != owner]
        return ", ".join(found) or None

    return find


def _opened(request: dict[str, Any], _response: dict[str, Any]) -> str | None:
    return counted(list(_rules(request)))


def _at_paths(line: str) -> _Find:
    paths = []
    for path in line.split():
        mark = path[0] if path[0] in ">#@-" else ""
        paths.append((mark, path.removeprefix(mark).split(".")))

    def find(request: dict[str, Any], response: dict[str, Any]) -> str | None:
        found = (
            _said(mark, _leads_to(response if mark == ">" else request, path))
            for mark, path in paths
        )
        return ", ".join(filter(None, found)) or None

    return find


def _said(mark: str, found: list[object]) -> str | None:
    if mark == "#":
        return ", ".join(name for one in found for name in mapping(one)) or None
    if mark == "@":
        return counted([name for one in found for name in _principals(one)])
    named = counted([name for one in found if (name := _name(one))])
    return named and f"without {named}" if mark == "-" else named


def _leads_to(value: object, path: list[str]) -> list[object]:
    """What a path leads to; a list stands for each of its entries."""
    found = [value]
    for name in path:
        entries = [
            entry
            for one in found
            for entry in (one if isinstance(one, list) else [one])
            if isinstance(entry, dict)
        ]
        found = [entry[name] for entry in entries if name in entry]
    return [
        entry for one in found for entry in (one if isinstance(one, list) else [one])
    ]


def _name(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else short_name(value)


def _principals(policy: object) -> Iterator[str]:
    """Whom the statements of a policy allow, by their short names."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except (ValueError, RecursionError):
            return
    statements = mapping(policy).get("Statement")
    seen = set()
    for one in statements if isinstance(statements, list) else [statements]:
        statement = mapping(one)
        if statement.get("Effect") == "Deny":
            continue
        principal = statement.get("Principal")
        members = principal.values() if isinstance(principal, dict) else [principal]
        for member in members:
            for value in member if isinstance(member, list) else [member]:
                name = _principal(value)
                if name and name not in seen:
                    seen.add(name)
                    yield name


def _principal(value: object) -> str | None:
    """An account is named by its id: ``…:iam::123456789012:root`` tells no more."""
    if (arn := text(value)) and arn.startswith("arn:") and arn.endswith(":root"):
        return arn.split(":")[-2]
    return short_name(value)


def _attribute(request: dict[str, Any], name: str) -> str:
    """``attribute: "userData"`` names it as a value; else the member's name does."""
    return text(request[name]) or name if name == "attribute" else name


def _rules(request: dict[str, Any]) -> Iterator[str]:
    """``tcp 22 0.0.0.0/0`` for each port and range; all at once is ``all``."""
    permissions = mapping(request.get("ipPermissions")).get("items")
    for one in (
        permissions if isinstance(permissions, list) and permissions else [request]
    ):
        rule = mapping(one)
        ports = _ports(rule)
        single = (rule.get(name) for name in ("cidrIp", "cidrBlock", "ipv6CidrBlock"))
        listed = (
            entry.get(name)
            for ranges, name in _RANGES
            for entry in _items(rule.get(ranges))
        )
        for name in (*single, *listed):
            if isinstance(name, str) and name:
                action = text(rule.get("ruleAction"))
                yield f"{ports} {name} {action}" if action else f"{ports} {name}"


def _items(value: object) -> list[dict[str, Any]]:
    items = mapping(value).get("items")
    return (
        [one for one in items if isinstance(one, dict)]
        if isinstance(items, list)
        else []
    )


def _ports(rule: dict[str, Any]) -> str:
    said = rule.get("ipProtocol", rule.get("aclProtocol"))
    protocol = str(said) if isinstance(said, str | int) else _ALL_PROTOCOLS
    if protocol == _ALL_PROTOCOLS:
        return "all"
    ports = mapping(rule.get("portRange")) or rule
    first, last = (
        ports.get(old, ports.get(new))
        for old, new in (("fromPort", "from"), ("toPort", "to"))
    )
    named = _PROTOCOLS.get(protocol, protocol)
    if not isinstance(first, int) or not isinstance(last, int):
        return named
    return f"{named} {first}" if first == last else f"{named} {first}-{last}"


VERSIONED: Final = frozenset({"cloudfront", "lambda"})
"""Services whose actions have a version at their end."""

CHANGING: Final[Mapping[str, _Find]] = {
    **{what: _at_paths(line) for what, line in CHANGES.items()},
    **{what: _attributes(owner) for what, owner in ATTRIBUTES.items()},
    **dict.fromkeys(RULES, _opened),
}
