"""A value as JSON text, where a schema or a hash wants text."""

from __future__ import annotations

import json

import msgspec


def json_text(value: object, *, is_canonical: bool = False) -> str | None:
    """Write a value as JSON without spaces; None: it is nested too deeply.

    Args:
        value: Any decoded JSON.
        is_canonical: Sort the keys, so that equal values give equal texts.
    """
    try:
        return msgspec.json.encode(
            value, order="sorted" if is_canonical else None
        ).decode()
    except RecursionError:
        return None
    except (ValueError, msgspec.MsgspecError):  # lone surrogates, huge integers
        pass
    try:
        return json.dumps(value, sort_keys=is_canonical, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None
