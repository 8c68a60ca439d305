"""What the error message of a denied call names.

A call that is denied before its parameters are read has none in the event:
``requestParameters`` is null. The message names what was refused then: ``User: ARN is
not authorized to perform: ACTION on resource: RESOURCE because …``.

Source: IAM user guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re
from typing import Final

from worker.transform.audit.names import (
    ARN_PARTS,
    arn_name,
    arn_resource_kind,
)

_RESOURCE: Final = re.compile(
    r"""on resource: ["']?(?:(user|group|role|policy|instance profile) )?([^\s"',]+)"""
)
"""IAM also writes ``on resource: user jane``."""

_MARK: Final = "resource: "


def refused(message: str) -> tuple[str, str | None] | None:
    """The resource that a denied call was for, and what it is.

    ``*`` stands for all resources; ``arn:aws:ec2:…:instance/*`` gives ``instance/*``.
    """
    if _MARK not in message:
        return None
    match = _RESOURCE.search(message)
    # Some messages are sentences, and end where the resource does.
    named = match[2].rstrip(".;") if match else ""
    if match is None or not named:
        return None
    if not named.startswith("arn:"):
        return named, match[1]
    name = arn_name(named)
    if name is None:
        return named, None
    if name == "*":
        name = named.split(":", ARN_PARTS - 1)[-1]
    return name, arn_resource_kind(named)
