"""The bench's table. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD = (
    *("", "records", "objects", "MB", "CPU s", "µs/record", "µs/object"),
    *("peak MB", "ratio"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was measured.

    Attributes:
        objects: That held the records.
        size_bytes: Of these, as stored.
        cpu_s: CPU time of all its processes.
        ratio: ``cpu_s`` for each record, by that of ``base``.
        value: For what is no matter of CPU time, in ``unit``.
    """

    name: str
    records: int = 0
    cpu_s: float = 0.0
    objects: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    peak_rss_bytes: int = 0
    ratio: float = 0.0
    base: str = ""
    value: float = 0.0
    unit: str = ""

    def against(self, base_cpu_s: float, base: str) -> Self:
        """The row with what another one cost for the same records."""
        return replace(self, ratio=self.cpu_s / base_cpu_s, base=base)

    def as_json(self) -> dict[str, Any]:
        """What is known of it."""
        known = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in known.items() if value}

    def cells(self) -> tuple[str, ...]:
        """For the table."""
        if self.unit:
            return (self.name, f"{self.value:.3g} {self.unit}")
        return (
            self.name,
            f"{self.records:,}",
            f"{self.objects:,}",
            f"{self.size_bytes / 1e6:.1f}",
            f"{self.cpu_s:.2f}",
            f"{self.cpu_s / self.records * 1e6:.2f}",
            f"{self.cpu_s / self.objects * 1e6:.0f}",
            f"{self.peak_rss_bytes / 1e6:.0f}" if self.peak_rss_bytes else "",
            f"{self.ratio:.2f} x {self.base}" if self.ratio else "",
        )


def as_text(rows: Iterable[Row]) -> str:
    """The table; CPU time is the whole process tree's, memory its largest worker's."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [
        max(len(line[column]) for line in lines if column < len(line))
        for column in range(len(_HEAD))
    ]
    return "".join(
        "  ".join(
            cell.ljust(width) if column in (0, len(_HEAD) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=False))
        ).rstrip()
        + "\n"
        for line in lines
    )
