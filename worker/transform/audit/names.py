"""Short names of ARNs and URLs, and values that are what they should be."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

NOTHING: Final[dict[str, Any]] = {}
"""Stands for an object that is not there; never written to."""

ARN_PARTS: Final = 6
_WHOLE_RESOURCES: Final = {"s3": "bucket", "sns": "topic", "sqs": "queue"}
"""Services whose ARNs end in a name without a type before it, and that type."""


def mapping(value: object) -> dict[str, Any]:
    """The value, if it is an object; else one without members."""
    return value if isinstance(value, dict) else NOTHING


def parameters(value: object) -> dict[str, Any]:
    """An object; EC2's ``{"CreateXRequest": {…}}`` is unwrapped."""
    if not isinstance(value, dict):
        return NOTHING
    if len(value) == 1:
        (name, inner), *_ = value.items()
        if isinstance(inner, dict) and name.endswith(("Request", "Response")):
            return inner
    return value


def text(value: object) -> str | None:
    """The value, if it is text with something in it."""
    return value if isinstance(value, str) and value else None


def arn_name(arn: object) -> str | None:
    """``…:assumed-role/deploy/ci`` gives ``deploy/ci``; what is no ARN gives None.

    Source: IAM user guide, "IAM identifiers": ``arn:partition:service:region:account:``
    and then the resource: ``name``, ``type/name`` or ``type:name``.
    """
    if not isinstance(arn, str) or not arn.startswith("arn:"):
        return None
    return _resource_name(arn) if len(arn) <= _MAX_ARN_CHARACTERS else None


_MAX_ARN_CHARACTERS: Final = 2048
"""IAM's own limit; names of so many may be remembered."""


@lru_cache(maxsize=4096)  # few callers make most calls
def _resource_name(arn: str) -> str | None:
    parts = arn.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS:
        return None
    resource = parts[5]
    if parts[2] in _WHOLE_RESOURCES:
        return resource or None
    slash, colon = resource.find("/"), resource.find(":")
    cut = min(slash, colon) if slash >= 0 and colon >= 0 else max(slash, colon)
    return resource[cut + 1 :] or None


def arn_resource_kind(arn: str) -> str | None:
    """The type of what an ARN names: ``queue``, ``role``, ``security group``."""
    parts = arn.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS:
        return None
    if kind := _WHOLE_RESOURCES.get(parts[2]):
        return "object" if kind == "bucket" and "/" in parts[5] else kind
    kind, *names = re.split("[/:]", parts[5], maxsplit=1)
    return kind.replace("-", " ") if kind and names else None


def short_name(value: object) -> str | None:
    """The name inside an ARN or a URL; any other text as it is."""
    if not isinstance(value, str) or not value:
        return None
    if value.startswith("arn:"):
        return arn_name(value) or value
    if value.startswith(("https://", "http://")):
        return value.rstrip("/").rpartition("/")[2] or value
    return value


def counted(names: list[str]) -> str | None:
    """The first name; ``+N`` counts those that are not named."""
    if len(names) > 1:
        return f"{names[0]} +{len(names) - 1}"
    return names[0] if names else None
