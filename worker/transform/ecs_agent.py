"""A user agent's parts, for ECS's ``user_agent``. No I/O.

Source: ECS 8.11, "User agent Fields". Of the many agents that there are, these are the
ones that call AWS: SDKs and tools, which name themselves first, and browsers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from worker.transform.audit.circumstances import via
from worker.transform.remainder import alone, filled

_REMEMBERED_AGENTS: Final = 1024
_BROWSER_VERSIONS: Final = {
    "Edge": re.compile(r"Edg/([\d.]+)"),
    "Opera": re.compile(r"OPR/([\d.]+)"),
    "Firefox": re.compile(r"Firefox/([\d.]+)"),
    "Chrome": re.compile(r"Chrome/([\d.]+)"),
    "Safari": re.compile(r"Version/([\d.]+)"),
}
_PRODUCT: Final = re.compile(r"(\S+?)/v?(\d[\w.+-]*)")
_SYSTEM: Final = re.compile(
    r"\b(Windows|Android|Ubuntu|Mac OS X|macOS|Darwin|Linux)\b", re.IGNORECASE
)
_SYSTEM_NAMES: Final = {
    "macos": "Mac OS X",
    "darwin": "Mac OS X",
    "mac os x": "Mac OS X",
}


def user_agent(text: str) -> dict[str, Any]:
    """The text itself, and of it name, version and operating system as far as known."""
    name, version, system = _parts(text)
    return filled(original=text, name=name, version=version, os=alone("name", system))


@lru_cache(maxsize=_REMEMBERED_AGENTS)
def _parts(text: str) -> tuple[str | None, str | None, str | None]:
    name, version = via({"userAgent": text}), None
    if browser := _BROWSER_VERSIONS.get(name or ""):
        found = browser.search(text)
        version = found[1] if found else None
    elif product := _PRODUCT.fullmatch(name or ""):
        name, version = product.groups()
    system = _SYSTEM.search(text)
    if system is None:
        return name, version, None
    said = system[1].lower()
    return name, version, _SYSTEM_NAMES.get(said, said.capitalize())
