from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.backfill.listing import Found
from worker.backfill.request import Request

WRITTEN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def found(key: str, *, size_bytes: int = 100, **more: object) -> Found:
    return Found(key, size_bytes, f"etag-{key}", WRITTEN, **more)  # type: ignore[arg-type]


@pytest.fixture
def request_() -> Request:
    return Request(
        bucket="trail",
        prefix="",
        since="2026-11-01T00:00:00+00:00",
        until="2026-11-21T00:00:00+00:00",
        asked_since="2026-11-01",
        accounts=("111111111111",),
        queue_url="https://sqs.us-east-1.amazonaws.com/1/q",
    )
