"""What the keys of digests say.

Source: AWS CloudTrail User Guide, "CloudTrail digest file structure".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

KIND: Final = "CloudTrail-Digest"

_KEY: Final = re.compile(
    r"(?P<root>.*/)?(?P<account>\d{12})/CloudTrail-Digest/(?P<region>[a-z0-9-]+)/"
    r"\d{4}/\d\d/\d\d/"
    r"(?P=account)_CloudTrail-Digest_(?P=region)_(?P<trail>[^/]+)_(?P<home>[a-z0-9-]+)_"
    r"(?P<time>\d{8}T\d{6}Z)(?P<backfill>_backfill)?\.json\.gz",
    re.ASCII,
)
_TIME: Final = "%Y%m%dT%H%M%S%z"


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """Whose digests follow each other.

    Attributes:
        root: Of the keys, before the account: ``AWSLogs/``, perhaps with an
            organization.
        account: Whose logs.
        region: That the logs are of.
        trail: Its name.
        home_region: The trail's.
        is_backfill: Whether they were made afterwards; such digests are a chain of
            their own.
    """

    root: str
    account: str
    region: str
    trail: str
    home_region: str
    is_backfill: bool

    @property
    def logs_prefix(self) -> str:
        """Where the log files of the same account and region are."""
        return f"{self.root}{self.account}/CloudTrail/{self.region}/"

    @property
    def digests_prefix(self) -> str:
        """Where the digests are."""
        return f"{self.root}{self.account}/{KIND}/{self.region}/"


@dataclass(frozen=True, slots=True)
class DigestKey:
    """The key of one digest.

    Attributes:
        end: Of the time that it covers; UTC.
    """

    key: str
    chain: Chain
    end: datetime


def parse_digest_key(key: str) -> DigestKey | None:
    """Read a key; None: it is no digest's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    try:
        end = datetime.strptime(match["time"], _TIME).astimezone(UTC)
    except ValueError:
        return None
    chain = Chain(
        match["root"] or "",
        match["account"],
        match["region"],
        match["trail"],
        match["home"],
        is_backfill=match["backfill"] is not None,
    )
    return DigestKey(key, chain, end)
