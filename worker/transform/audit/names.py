"""Short names of ARNs and URLs, and values that are what they should be."""

from __future__ import annotations

from typing import Any, Final

NOTHING: Final[dict[str, Any]] = {}
"""Stands for an object that is not there; never written to."""

_ARN_PARTS: Final = 6
_WHOLE_RESOURCES: Final = frozenset({"s3", "sns", "sqs"})
"""Services whose ARNs end in a name without a type before it."""


def mapping(value: object) -> dict[str, Any]:
    """The value, if it is an object; else one without members."""
    return value if isinstance(value, dict) else NOTHING


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
    parts = arn.split(":", 5)
    if len(parts) < _ARN_PARTS:
        return None
    resource = parts[5]
    if parts[2] in _WHOLE_RESOURCES:
        return resource or None
    slash, colon = resource.find("/"), resource.find(":")
    cut = min(slash, colon) if slash >= 0 and colon >= 0 else max(slash, colon)
    return resource[cut + 1 :] or None


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
