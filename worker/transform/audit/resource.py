"""To what: the resource that an event acted on."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from worker.transform.audit.denial import refused
from worker.transform.audit.names import counted, parameters, short_name, text
from worker.transform.audit.resource_table import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


Target: TypeAlias = "tuple[str | None, str | None]"
"""What was acted on: its short name, and what it is."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a service names its resources.

    Attributes:
        rank: Its place among the service's; the lowest is the most telling.
        first: The name that it is found by.
        path: Names below that.
        more: Of two names that belong together, the second one.
        more_kind: What both together are.
    """

    rank: int
    kind: str
    first: str
    path: tuple[str, ...]
    more: str
    more_kind: str


_Places: TypeAlias = "dict[str, list[_Place]]"  # by the first name of their path


class _Service(NamedTuple):
    """The places of one service, by the part of the record that they lie in."""

    request: _Places
    response: _Places
    more: _Places


MAKING: Final = ("Create", "Allocate", "Copy", "Register", "Run")
NAMING_ENDINGS: Final = ("Name", "Arn", "ARN", "Id", "Identifier", "Url", "Ids")
NAMING: Final = frozenset(
    {"name", "arn", "id", "identifier", "url", "resource", "serviceCode", "ServiceCode"}
)
FILTER_ENDINGS: Final = ("-id", "-arn", "Id", "Ids", "Arn")
FILTERS: Final = frozenset({"Name", "group-name", "key-name"})
ITEM_NAMES: Final = frozenset({"groupName", "keyName"})
"""What entries of EC2's sets are named by, where they have no id."""

NOT_NAMING: Final = frozenset(
    {
        "roleSessionName",
        "clientRequestId",
        "callerReferenceId",
        "requestId",
        "aRequestId",
    }
)


def target(record: Mapping[str, Any], service: str | None) -> Target:
    """What an event acted on, by its short name.

    The service's own parameters come first, then the event's ``resources``, then what
    the answer says, then any parameter whose name says that it names something, and at
    last a filter that does, as of a listing of what belongs to one network. The kind is
    then that name, and nothing better is made up. A denied call that says none of this
    is for what its error message names.

    Args:
        record: Any decoded JSON object.
        service: ``eventSource`` without ``.amazonaws.com``.
    """
    get = record.get
    request = parameters(get("requestParameters"))
    response = parameters(get("responseElements"))
    places = _SERVICES.get(service or "", _UNKNOWN)
    # What is made is named by the answer; the request says what it is made of.
    action = get("eventName") if service == "ec2" else None
    if isinstance(action, str) and action.startswith(MAKING):
        found = _first(response, places.response)
        if found or (found := _guessed(response)):
            return found
    if request and (found := _first(request, places.request)):
        return found
    resources = get("resources")
    if isinstance(resources, list) and (found := _of_resources(resources)):
        return found
    if response and (found := _first(response, places.response)):
        return found
    if places.more:
        more = get("additionalEventData")
        if isinstance(more, dict) and (found := _first(more, places.more)):
            return found
    return (
        (_guessed(request) if request else None)
        or (_guessed(response) if response else None)
        or _guessed(parameters(get("serviceEventDetails")))
        or (_of_filters(request) if request else None)
        or _of_denial(get("errorMessage"))
        or _NONE
    )


def _of_denial(message: object) -> Target | None:
    return refused(message) if isinstance(message, str) else None


_NONE: Final[Target] = (None, None)
_UNKNOWN: Final = _Service({}, {}, {})


def _first(parameters: dict[str, Any], places: _Places) -> Target | None:
    # Services have many more places than requests have parameters.
    found: list[_Place] = []
    for name in parameters:
        if name in places:
            found += places[name]
    if len(found) > 1:
        found.sort(key=_rank)
    for place in found:
        value = parameters[place.first]
        if isinstance(value, str) and not place.path:
            named = short_name(value)
        else:
            named = counted(list(_names(value, place.path)))
        if named is None:
            continue
        if place.more and (second := text(parameters.get(place.more))):
            return f"{named}/{second}", place.more_kind
        return named, place.kind
    return None


_rank: Final = attrgetter("rank")


def _names(value: object, path: tuple[str, ...]) -> Iterator[str]:
    """The short names that a path leads to; a list stands for each of its entries.

    Lists in lists are passed over: nothing here goes deeper than its path.
    """
    if isinstance(value, list):
        rest = path[1:] if path and path[0] == "*" else path
        for entry in value:
            if not isinstance(entry, list):
                yield from _names(entry, rest)
    elif not path:
        if name := short_name(value):
            yield name
    elif isinstance(value, dict):
        yield from _names(value.get(path[0]), path[1:])


def _of_resources(resources: list[Any]) -> Target | None:
    names: list[str] = []
    kind = None
    for entry in resources:
        if isinstance(entry, dict):
            # CloudTrail writes ARN; some services' own events write arn.
            arn = entry.get("ARN") or entry.get("arn") or entry.get("ARNPrefix")
            entry_kind = text(entry.get("type"))
        else:
            arn, entry_kind = entry, None
        if name := short_name(arn):
            if not names:
                kind = entry_kind
            names.append(name)
    if not names:
        return None
    # AWS::S3::Bucket: the last part is the type, as CloudFormation calls it.
    return (counted(names), kind and kind.rpartition("::")[2].lower())


def _guessed(parameters: dict[str, Any]) -> Target | None:
    for name, value in parameters.items():
        if isinstance(value, dict):
            found = (
                _of_set(value) if name.endswith("Set") else text(value.get("content"))
            )
            if isinstance(found, tuple):
                return found
        else:
            found = counted(list(_names(value, ())))
        if found and _is_naming(name):
            return (found, name[0].lower() + name[1:])
    return None


def _is_naming(name: str) -> bool:
    return name in NAMING or (name.endswith(NAMING_ENDINGS) and name not in NOT_NAMING)


def _of_set(value: dict[str, Any]) -> Target | None:
    """EC2's form: ``{"volumeSet": {"items": [{"volumeId": …}]}}``."""
    items = value.get("items", value.get("item"))
    if not isinstance(items, list):
        return None
    members = [
        (name, value)
        for entry in items
        if isinstance(entry, dict)
        for name, value in entry.items()
        if isinstance(value, str)
    ]
    found = [one for one in members if one[0].endswith("Id")]
    found = found or [one for one in members if one[0] in ITEM_NAMES]
    if not found:
        return None
    kind = found[0][0]
    return (counted([text for name, text in found if name == kind]), kind)


def _of_filters(request: dict[str, Any]) -> Target | None:
    """What the first filter that names something names."""
    if _FILTER_MEMBERS.isdisjoint(request):
        return None
    for one in _filters(request):
        if not isinstance(one, dict):
            continue
        name = text(one.get("name") or one.get("key") or one.get("Name"))
        if name and (name.endswith(FILTER_ENDINGS) or name in FILTERS):
            values = one.get("values") or [
                entry.get("value")
                for entry in _items(one.get("valueSet"))
                if isinstance(entry, dict)
            ]
            values = values or list(_contents(one.get("Value")))
            if found := counted(list(_names(values, ()))):
                return (found, name)
    return None


_FILTER_MEMBERS: Final = frozenset(
    {"filters", "parameterFilters", "filterSet", "Filter"}
)


def _filters(request: dict[str, Any]) -> list[Any]:
    """``filters: [{"name": "vpc-id", "values": […]}]``, and EC2's forms of it.

    These are ``filterSet: {"items": [{"name", "valueSet": {"items": [{"value"}]}}]}``
    and ``Filter: {"Name", "Value": {"content"}}``, where one of a kind is no list.
    """
    found = (
        request.get("filters")
        or request.get("parameterFilters")
        or _items(request.get("filterSet"))
        or request.get("Filter")
    )
    return found if isinstance(found, list) else [found]


def _contents(value: object) -> Iterator[object]:
    for one in value if isinstance(value, list) else [value]:
        yield one.get("content") if isinstance(one, dict) else one


def _items(value: object) -> list[Any]:
    """The entries of EC2's ``{"items": […]}``."""
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _service(line: str) -> _Service:
    parts: dict[str, _Places] = {"": {}, ">": {}, "+": {}}
    for rank, entry in enumerate(line.split()):
        kinds, _, path = entry.partition(":")
        part = path[0] if path[0] in parts else ""
        path, _, more = path.removeprefix(part).partition("/")
        first, *rest = path.split(".")
        kind, _, more_kind = kinds.replace("_", " ").partition("/")
        place = _Place(rank, kind, first, tuple(rest), more, more_kind)
        parts[part].setdefault(first, []).append(place)
    return _Service(parts[""], parts[">"], parts["+"])


_SERVICES: Final = {service: _service(line) for service, line in RESOURCES.items()}
