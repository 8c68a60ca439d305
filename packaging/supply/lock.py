"""The lock: which files of which versions may be installed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from distributions import SupplyError, normalized

if TYPE_CHECKING:
    from pathlib import Path

    from distributions import Distribution

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")

Locked = dict[tuple[str, str], tuple[str, ...]]


def read_lock(path: Path) -> Locked:
    """Return the SHA-256 digests of the files of each name and version.

    Raises:
        SupplyError: It cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SupplyError(f"{path}: cannot be read ({error.strerror})") from error
    locked: Locked = {}
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        if match := _PINNED.match(entry):
            key = (normalized(match["name"]), match["version"])
            locked[key] = tuple(sorted(_HASH.findall(entry)))
    return locked


def digests(one: Distribution, locked: Locked) -> tuple[str, ...]:
    """Return the digests of the files that it may have come from.

    Raises:
        SupplyError: This version is not locked.
    """
    try:
        return locked[one.name, one.version]
    except KeyError:
        versions = [version for name, version in locked if name == one.name]
        said = f"the lock has {versions[0]}" if versions else "it is not in the lock"
        raise SupplyError(f"{one.name} {one.version} is installed: {said}") from None
