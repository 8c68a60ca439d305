"""Which buckets cannot be read, as numbers for the page that the processes share."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from worker.deliver.aws_state import AwsState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_BUCKETS: Final = 8
_NAME: Final = struct.Struct("8d")
"""A name of 63 characters at most (S3 User Guide, "Bucket naming rules") as doubles."""

_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")
"""What no bucket's name holds, and what could make a double that is no number."""

_CELLS: Final = 8 + 2
_ROW: Final = MAX_BUCKETS * _CELLS


@dataclass(frozen=True, slots=True)
class FailingBucket:
    """One of them.

    Attributes:
        name: Characters that no bucket's name has are question marks.
        state: Why.
        held_objects: Objects of it that are held.
    """

    name: str
    state: AwsState
    held_objects: int


@dataclass(slots=True)
class FailingBuckets:
    """At most :data:`MAX_BUCKETS` of them, those that have failed the longest."""

    buckets: list[FailingBucket] = field(default_factory=list)

    def set(self, buckets: Iterable[tuple[str, AwsState, int]]) -> None:
        """Take over names, states and numbers of held objects."""
        self.buckets = [FailingBucket(*one) for one in buckets][:MAX_BUCKETS]

    def to_row(self) -> list[float]:
        row: list[float] = []
        for one in self.buckets:
            name = _ODD.sub("?", one.name).encode()[: _NAME.size - 1]
            row += _NAME.unpack(name.ljust(_NAME.size, b"\0"))
            row += (float(one.state), float(one.held_objects))
        return row + [0.0] * (_ROW - len(row))

    def like(self, row: Sequence[float]) -> Self:
        """What :meth:`to_row` made a row of."""
        buckets = []
        for start in range(0, _ROW, _CELLS):
            *name, state, held = row[start : start + _CELLS]
            text = _NAME.pack(*name).rstrip(b"\0").decode("ascii", "replace")
            if text:
                buckets.append(FailingBucket(text, AwsState(int(state)), int(held)))
        return type(self)(buckets)
