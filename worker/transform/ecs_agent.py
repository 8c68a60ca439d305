"""A user agent's parts, for ECS's ``user_agent``. No I/O.

ua-parser reads them by the expressions of uap-core, as Elastic's own processor does.
SDKs and tools that it does not know name themselves first.

Source: ECS 8.11, "User agent Fields".
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from worker.transform.audit.circumstances import via
from worker.transform.remainder import alone, filled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ua_parser import Result

_REMEMBERED_AGENTS: Final = 1024
_MAX_CHARACTERS: Final = 1024
"""Of a text that is taken apart: there are hundreds of expressions to try."""

_PRODUCT: Final = re.compile(r"(\S+?)/v?(\d[\w.+-]*)")


def user_agent(text: str) -> dict[str, Any]:
    """The text itself, and what is known of name, version, system and device."""
    return {"original": text, **_parts(text)}


@lru_cache(maxsize=_REMEMBERED_AGENTS)
def _parts(text: str) -> dict[str, Any]:
    found = _parser()(text[:_MAX_CHARACTERS])
    agent, system, device = found.user_agent, found.os, found.device
    if agent is not None:
        name: str | None = agent.family
        version = _version(agent.major, agent.minor, agent.patch, agent.patch_minor)
    else:
        name, version = via({"userAgent": text}), None
        if product := _PRODUCT.fullmatch(name or ""):
            name, version = product.groups()
    return filled(
        name=name,
        version=version,
        os=system
        and filled(
            name=system.family,
            version=_version(system.major, system.minor, system.patch),
        ),
        device=device and alone("name", device.family),
    )


@cache
def _parser() -> Callable[[str], Result]:
    from ua_parser import parse  # noqa: PLC0415 - a sixth of a second, for ECS alone

    return parse


def _version(*parts: str | None) -> str | None:
    return ".".join(part for part in parts if part) or None
