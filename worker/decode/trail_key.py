"""What CloudTrail's own keys say of the files under them. No I/O.

Source: AWS CloudTrail User Guide, "Finding your CloudTrail log files" and "CloudTrail
digest file structure".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(
    r"(?:^|/)AWSLogs/(?:o-[a-z0-9]{10,32}/)?(?P<account>[0-9]{12})/"
    r"(?:(?P<kind>CloudTrail(?:-[A-Za-z]+)?)/)?"
)

_FILE_TYPES = {
    "CloudTrail": "log",
    "CloudTrail-Insight": "insight",
    "CloudTrail-NetworkActivity": "network_activity",
    "CloudTrail-Aggregated": "aggregated",
    "CloudTrail-Digest": "digest",
}


@dataclass(frozen=True, slots=True)
class TrailKey:
    """One key.

    Attributes:
        account: Whose log it is; None where the key is not laid out like AWS's.
        file_type: ``log``, ``insight``, ``network_activity``, ``aggregated`` or
            ``digest``; None for what is not CloudTrail's.
    """

    account: str | None = None
    file_type: str | None = None


def trail_key(key: str) -> TrailKey:
    """Read a key, with any prefix before ``AWSLogs``."""
    found = _KEY.search(key)
    if found is None:
        return TrailKey()
    return TrailKey(found["account"], _FILE_TYPES.get(found["kind"] or ""))
