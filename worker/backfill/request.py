"""What a backfill is asked to feed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from worker.backfill.spans import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

Way = Literal["queue", "direct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that tells which objects go, and where.

    Attributes:
        bucket: Its name.
        prefix: Of the keys.
        since: ISO 8601 in UTC; empty: the beginning.
        until: The same; objects delivered before then.
        asked_since: As it was typed.
        asked_until: The same; empty: until the run was begun.
        accounts: Only these, sorted; empty: all.
        regions: The same.
        way: ``queue`` or ``direct``.
        queue_url: Of the queue; also where it is not used.
        skip_delivered: Leave out what the journal has as finished.
    """

    bucket: str
    prefix: str
    since: str
    until: str
    asked_since: str = ""
    asked_until: str = ""
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    way: Way = "queue"
    queue_url: str = ""
    skip_delivered: bool = False

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def period(self) -> Period:
        return Period(
            datetime.fromisoformat(self.since) if self.since else None,
            datetime.fromisoformat(self.until),
        )

    def as_typed(self) -> dict[str, Any]:
        """What makes two requests the same to the one who types them."""
        document = asdict(self)
        del document["since"], document["until"]
        return document

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
        }
        return cls(**fields)
