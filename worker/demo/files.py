"""CloudTrail files: named, filled and gzipped as CloudTrail delivers them.

Source: CloudTrail user guide, "CloudTrail log file name format".
"""

from __future__ import annotations

import gzip
import json
import random
import string
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from worker.demo.aws import ACCOUNT_ID, REGION
from worker.demo.calls import EVERYDAY, QUEUE_LIFE
from worker.demo.events import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

INTERVAL = timedelta(minutes=1)
DELIVERY_DELAY = timedelta(minutes=4)  # "about 5 minutes on average"
MAX_EVERYDAY_CALLS = 12


@dataclass(frozen=True, slots=True)
class CloudTrailFile:
    """One object as CloudTrail puts it into the bucket."""

    key: str
    body: bytes  # gzipped
    event_ids: tuple[str, ...]  # in the order of the file


def cloudtrail_files(
    count: int, *, end: datetime, seed: int = 1
) -> Iterator[CloudTrailFile]:
    """Make files of everyday calls, 1 to 12 each, and among them a queue's life.

    The same arguments give the same files. Whatever the count, each call of the
    queue's life is in there once, spread over the files in order.

    Args:
        count: Number of files, one a minute.
        end: Delivery time (UTC) of the last file.
        seed: Chooses the everyday calls and every identifier.
    """
    rng = random.Random(seed)  # noqa: S311 - example data
    calls, weights = zip(*EVERYDAY, strict=True)
    for index in range(count):
        chosen = rng.choices(calls, weights, k=rng.randint(1, MAX_EVERYDAY_CALLS))
        chosen += [
            call
            for step, call in enumerate(QUEUE_LIFE)
            if step * count // len(QUEUE_LIFE) == index
        ]
        delivered = end - (count - 1 - index) * INTERVAL
        begin = delivered - DELIVERY_DELAY
        pause = INTERVAL / len(chosen)
        records = [
            record(call, begin + position * pause, rng)
            for position, call in enumerate(chosen)
        ]
        document = json.dumps({"Records": records}, separators=(",", ":"))
        yield CloudTrailFile(
            key=_key(delivered, rng),
            # Without a time in its header the same records give the same bytes.
            body=gzip.compress(document.encode(), mtime=0),
            event_ids=tuple(entry["eventID"] for entry in records),
        )


def _key(delivered: datetime, rng: random.Random) -> str:
    unique = "".join(rng.choices(string.ascii_letters + string.digits, k=16))
    return (
        f"AWSLogs/{ACCOUNT_ID}/CloudTrail/{REGION}/{delivered:%Y/%m/%d}/"
        f"{ACCOUNT_ID}_CloudTrail_{REGION}_{delivered:%Y%m%dT%H%MZ}_{unique}.json.gz"
    )
