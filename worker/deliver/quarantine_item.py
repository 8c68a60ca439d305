"""One item of the quarantine, and its form on disk."""

from __future__ import annotations

import json
from collections.abc import Callable  # noqa: TC003 - an annotation of a constant
from dataclasses import dataclass

# msgspec reads the annotations, so these names are needed at run time.
from datetime import datetime  # noqa: TC003
from typing import Annotated, Any, Final

import msgspec

from worker.errors import PermanentError
from worker.source.messages import Message  # noqa: TC001
from worker.source.notifications import ObjectRef  # noqa: TC001

_STEPS: Final[tuple[Callable[[dict[str, Any]], dict[str, Any]], ...]] = ()
"""What makes a document of each schema of one of the schema before it, from 1 on."""

SCHEMA: Final = 1 + len(_STEPS)
"""Of the JSON document; a field that is only added does not change it."""


class BrokenItemError(PermanentError):
    """An item cannot be read; code ``broken_item``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class NewerItemError(BrokenItemError):
    """An item of a later schema: nothing is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineItem:
    """What could not be decoded or delivered, and why.

    The last three are the store's: what :meth:`Quarantine.put` is given of them does
    not count.

    Attributes:
        code: The reason, short and stable, as the errors' own codes.
        sentence: The reason in words.
        at: When it was given up; with a time zone.
        message: As received, less the receipt handle, which is of no further use.
        queue_url: Where it was received.
        object: What was read, or to be read; None where the message names nothing
            known.
        record_index: Where one record is at fault: its place in the object, from 0.
            The body is that record's bytes then, else the object's as stored.
        id: By which the commands know it; in the order of time.
        version: Of trailfeed.
        body_bytes: Length of the body; None where there is none.
    """

    code: str
    sentence: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    message: Message
    queue_url: str
    object: ObjectRef | None = None
    record_index: int | None = None
    id: str = ""
    version: str = ""
    body_bytes: int | None = None

    @property
    def subject(self) -> str:
        """What it is about, on one line: the object, or else the message."""
        if self.object is None:
            return f"message {self.message.id}"
        if self.record_index is None:
            return self.object.url
        return f"{self.object.url} record {self.record_index}"


def document_of(item: QuarantineItem) -> dict[str, Any]:
    """The item as JSON's own types, as it is stored and shown."""
    document: dict[str, Any] = msgspec.to_builtins(item)
    del document["message"]["receipt_handle"]
    return {"schema": SCHEMA, **document}


def serialize(item: QuarantineItem) -> bytes:
    """Write the item as one JSON document, in ASCII.

    Keys and bodies may hold lone surrogates, which no UTF-8 takes unescaped.
    """
    return json.dumps(document_of(item), indent=1).encode("ascii") + b"\n"


def parse(text: bytes, *, item_id: str) -> QuarantineItem:
    """Read what :func:`serialize` wrote.

    Args:
        text: The document.
        item_id: Under which it is stored; the document's own does not count.

    Raises:
        NewerItemError: A later version of trailfeed wrote it.
        BrokenItemError: It is no item.
    """
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or not isinstance(
            document.get("message"), dict
        ):
            raise BrokenItemError("broken_item", "it is no item of the quarantine")
        document = _brought_up(document)
        document["message"]["receipt_handle"] = ""
        return msgspec.convert({**document, "id": item_id}, QuarantineItem)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise BrokenItemError("broken_item", " ".join(str(error).split())) from error


def _brought_up(document: dict[str, Any]) -> dict[str, Any]:
    schema, newest = document.get("schema"), 1 + len(_STEPS)
    if type(schema) is not int or schema < 1:
        raise BrokenItemError("broken_item", f"it has schema {schema!r:.20}")
    if schema > newest:
        raise NewerItemError(
            "broken_item",
            f"a newer trailfeed wrote it (schema {schema}, this one knows {newest}); "
            "use that one",
        )
    for step in _STEPS[schema - 1 :]:
        document = step(document)
    return document
