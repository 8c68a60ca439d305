"""What a form of records offers: bytes of one, of a run of them, and of a chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Run:
    """Records in a row, encoded in one go.

    Attributes:
        parts: What :meth:`Encoder.assemble` takes: bytes-like, and not one each.
        count: How many records that are.
        size_bytes: Of all parts.
    """

    parts: Sequence[bytes]
    count: int
    size_bytes: int


NO_RUN = Run((), 0, 0)
"""The first record is not everyday, or does not fit."""


class Encoder(Protocol):
    """Turns records into the payload of a chunk."""

    def encode(
        self, record: Mapping[str, object], seconds: int, nanoseconds: int
    ) -> bytes:
        """Return the bytes of one structured record.

        Args:
            record: What JSON can hold; a plain ``dict`` is fastest.
            seconds: Wall time of the record, seconds since 1970.
            nanoseconds: The fraction of that second.

        Raises:
            EntryError: The record or its time cannot be encoded.
        """
        ...

    def encode_raw(self, text: bytes, seconds: int, nanoseconds: int) -> bytes:
        """Return the bytes of a record whose only field is its own JSON text.

        Args:
            text: The record as UTF-8, which the caller has made sure of.
            seconds: Wall time of the record, seconds since 1970.
            nanoseconds: The fraction of that second.

        Raises:
            EntryError: The text or the time cannot be encoded.
        """
        ...

    def assemble(self, parts: Sequence[bytes]) -> bytes:
        """Return the payload of a chunk that holds ``parts``, one at least."""
        ...

    tells_rounded: bool
    """Whether :meth:`encode_quickly` knows large floats when it meets them."""

    def stamp(self, seconds: int, nanoseconds: int) -> object:
        """Prepare the time of records, for :meth:`encode_quickly`; never None.

        Raises:
            EntryError: The time cannot be encoded.
        """
        ...

    def encode_quickly(self, record: dict[str, object], stamp: Any) -> bytes | None:
        """Do as :meth:`encode` does with everyday records.

        Args:
            record: What a JSON parser made.
            stamp: From :meth:`stamp`.

        Returns:
            None: it is for :meth:`encode`; or it may hold a float of 2**63 or more,
            as some parsers make of integers beyond 64 bits, and is to be parsed again.
        """
        ...

    def encode_run(
        self, records: Sequence[Any], begin: int, stamps: KnownStamps, room_bytes: int
    ) -> Run:
        """Encode as many everyday records in a row as there are, and fit.

        Args:
            records: What a JSON parser made.
            begin: Index of the first.
            stamps: Their times.
            room_bytes: For all of them.

        Returns:
            :data:`NO_RUN`, where even the first one is for :meth:`encode_quickly`.
        """
        ...

    def raw_stamp(self, seconds: int, nanoseconds: int) -> object:
        """Prepare the time of records, for :meth:`encode_raw_run`; never None.

        Raises:
            EntryError: The time cannot be encoded.
        """
        ...

    def encode_raw_run(
        self,
        texts: Sequence[bytes],
        times: Sequence[Any],
        begin: int,
        stamps: KnownStamps,
        room_bytes: int,
    ) -> Run:
        """Do as :meth:`encode_run` does, for :meth:`encode_raw`.

        Args:
            texts: Of records, bytes-like and in UTF-8.
            times: The text of each one's time.
            begin: As there.
            stamps: From :meth:`raw_stamp`.
            room_bytes: As there.
        """
        ...


class KnownStamps(Protocol):
    """The times of records, by their texts."""

    @property
    def known(self) -> Mapping[str, Any]:
        """By text: what :meth:`Encoder.stamp` made."""
        ...

    @property
    def field(self) -> str:
        """The records' field of that text."""
        ...
