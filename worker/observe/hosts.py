"""Whether a request's ``Host`` may be this status endpoint's.

A page of any site may let a browser ask a name that it has pointed at this machine (DNS
rebinding). Where only this machine can ask, only its own names are answered.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")


def is_well_formed(host: str) -> bool:
    """Whether it is a name or an address, perhaps with a port (RFC 9110, 7.2)."""
    return _HOST.fullmatch(host) is not None


def is_answered(host: str, listens_on: str) -> bool:
    """Whether a request is answered.

    Args:
        host: Its header, well-formed.
        listens_on: The address that the endpoint is bound to.
    """
    if not _is_loopback(listens_on):
        return True  # reached by whatever name an address of this machine has
    name = host.rpartition("]")[0] or host.partition(":")[0]
    name = name.strip("[").lower()
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
