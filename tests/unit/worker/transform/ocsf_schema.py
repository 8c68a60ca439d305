"""A validator of OCSF 1.1.0, by facts of the schema in ``schemas/ocsf-1.1.0.json``.

The file has, of the classes that CloudTrail's events are mapped to and of all objects
in them, each attribute's type, enumeration and requirement, with the profiles cloud and
datetime; made of the definitions in ocsf/ocsf-schema, tag v1.1.0.
"""

from __future__ import annotations

import json
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMA: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "schemas" / "ocsf-1.1.0.json").read_text("utf-8")
)
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string_t": (str,),
    "integer_t": (int,),
    "long_t": (int,),
    "float_t": (int, float),
    "boolean_t": (bool,),
}


def problems(event: dict[str, Any]) -> list[str]:
    """What of an event is not as the schema wants it."""
    known = _SCHEMA["classes"].get(str(event.get("class_uid")))
    if known is None:
        return [f"class_uid: {event.get('class_uid')}"]
    return [*_of_object(event, known, "")]


def _of_object(value: Any, known: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    attributes = known["attributes"]
    if not attributes:  # OCSF's "object": anything
        return
    for name, attribute in attributes.items():
        if attribute.get("required") and name not in value:
            yield f"{path}.{name}: is missing"
    some = known.get("at_least_one", [*value])
    if not value.keys() & set(some):
        yield f"{path}: has none of {some}"
    for name, inner in value.items():
        if name in attributes:
            yield from _of_value(inner, attributes[name], f"{path}.{name}")
        else:
            yield f"{path}.{name}: is unknown"


def _of_value(value: Any, attribute: dict[str, Any], path: str) -> Iterator[str]:
    is_array = attribute.get("array", False)
    if is_array != isinstance(value, list) and attribute.get("type") != "json_t":
        yield f"{path}: list or not"
        return
    for one in value if is_array else [value]:
        if "object" in attribute:
            yield from _of_object(one, _SCHEMA["objects"][attribute["object"]], path)
        elif not _fits(one, attribute):
            yield f"{path}: {one!r:.60}"


def _fits(value: Any, attribute: dict[str, Any]) -> bool:
    expected = _TYPES.get(attribute["type"])
    if expected is None:
        return True
    if not isinstance(value, expected) or (type(value) is bool) != (bool in expected):
        return False
    if "enum" in attribute and str(value) not in attribute["enum"]:
        return False
    try:
        if attribute.get("is") == "datetime":
            datetime.fromisoformat(str(value))
        elif attribute.get("is") == "ip":
            ip_address(str(value))
    except ValueError:
        return False
    return True
