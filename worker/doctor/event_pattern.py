"""Whether an EventBridge rule is about a bucket's new objects. No I/O.

Source: Amazon EventBridge User Guide, "Amazon EventBridge event patterns": a list is
any of its entries, an absent field any value.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LITERAL: Final = re.compile(r"[?\[]")
"""What has a meaning in a pattern of shells, whose matching never goes back, only."""


def covers(pattern: Mapping[str, Any], bucket: str) -> bool:
    """Whether S3's ``Object Created`` of a bucket matches, as far as can be told."""
    detail = pattern.get("detail", {})
    place = detail.get("bucket", {}) if isinstance(detail, dict) else {}
    names = place.get("name") if isinstance(place, dict) else None
    return (
        _takes(pattern.get("source"), "aws.s3")
        and _takes(pattern.get("detail-type"), "Object Created")
        and _takes(names, bucket)
    )


def _takes(wanted: object, value: str) -> bool:
    if wanted is None:
        return True
    return isinstance(wanted, list) and any(_is(one, value) for one in wanted)


def _is(wanted: object, value: str) -> bool:
    """Whether one entry of a pattern's list holds.

    A test that is not known here does: what cannot be told is called no fault.
    """
    if not isinstance(wanted, dict):
        return wanted == value
    found = True
    match wanted:
        case {"prefix": str() as begin}:
            found = value.startswith(begin)
        case {"suffix": str() as end}:
            found = value.endswith(end)
        case {"wildcard": str() as like}:
            found = fnmatchcase(value, _LITERAL.sub(r"[\g<0>]", like))
        case {"equals-ignore-case": str() as text}:
            found = text.lower() == value.lower()
        case {"exists": bool() as is_there}:
            found = is_there
        case {"anything-but": list() as others}:
            found = value not in others
        case {"anything-but": str() as other}:
            found = value != other
        case _:
            pass
    return found
