"""Numbers that a worker counts: tallies by reason and histograms, cheap to add to."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OTHER = "other"
"""What a tally counts under when it does not know the name: new codes crash nothing."""


@dataclass(slots=True)
class Tally:
    """Counts, or seconds, by name; there is a fixed set of names."""

    counts: dict[str, float]

    @classmethod
    def of(cls, *names: str) -> Self:
        return cls(dict.fromkeys((*names, OTHER), 0))

    @property
    def total(self) -> float:
        return sum(self.counts.values())

    def add(self, name: str, count: float = 1) -> None:
        """Count under ``name``, or under ``other`` where that is no name of these."""
        self.counts[name if name in self.counts else OTHER] += count

    def set(self, counts: Mapping[str, float]) -> None:
        """Take over counts that were kept elsewhere; those of no name go to ``other``.

        Names that are not given stay as they are.
        """
        self.counts[OTHER] = 0
        for name, count in counts.items():
            if name in self.counts:
                self.counts[name] = count
            else:
                self.counts[OTHER] += count

    def to_row(self) -> list[float]:
        return list(self.counts.values())

    def like(self, row: Sequence[float]) -> Self:
        """Another one with the same names."""
        return type(self)(dict(zip(self.counts, row, strict=True)))


@dataclass(slots=True)
class Histogram:
    """How many observations fell below each bound, and their sum.

    Attributes:
        bounds: Upper bounds of the buckets, included, in growing order.
        counts: Of each bucket by itself, the last one without a bound.
        total: The sum of what was observed.
    """

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def to_row(self) -> list[float]:
        return [*self.counts, self.total]

    def like(self, row: Sequence[float]) -> Self:
        """Another one with the same bounds."""
        return type(self)(self.bounds, [int(value) for value in row[:-1]], row[-1])
