"""What ``trailfeed backfill`` shows: the bar, the counts and the outcome."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import typer

from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from worker.backfill.counts import Tally
    from worker.backfill.request import Request
    from worker.backfill.run import Run
    from worker.backfill.walk import Walk

LINE_EVERY_S = 30.0
"""Where there is no terminal."""

PATIENCE_S = 60.0
"""A queue that stays too deep for longer is said to be so."""

_REASONS = {
    "excluded_key": "excluded by source.include_keys or exclude_keys",
    "empty_object": "empty",
    "folder_marker": "folder markers",
    "archived": "archived (restore them first)",
    "delivered_before": "delivered before",
}


class Bar:
    """Objects, bytes, rate and time left, on standard error.

    A bar in a terminal, and a line now and then elsewhere.

    Attributes:
        log_pipe: Where processes beside this one are to log, so that the bar stays
            whole, its read end first; None: to standard error.
    """

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - --help answers at once
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True)
        self._display = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[told]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._display.add_task("", total=None, told="")
        self._counting: _Total | None = None
        self._began_at = time.monotonic()
        self._first: int | None = None
        self._line_due = self._began_at + LINE_EVERY_S
        self._waits_since: float | None = None
        self._complain_at = 0.0
        self.log_pipe = os.pipe() if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self.log_pipe is not None:
            read_fd, write_fd = self.log_pipe
            os.close(write_fd)
            threading.Thread(target=self._pass_on, args=[read_fd], daemon=True).start()
        self._display.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.stop()

    @contextmanager
    def knowing_total(self, run: Run, walk: Walk) -> Iterator[None]:
        """Find out beside all else how much there is, unless the run knows."""
        self._counting = _Total(run, walk)
        try:
            yield
        finally:
            self._counting.stop()

    def look(
        self, objects: int, size_bytes: int, *, waiting_depth: int | None = None
    ) -> None:
        """See :class:`worker.backfill.sending.Watcher`."""
        now = time.monotonic()
        if self._first is None:
            self._first = objects
        total = None if self._counting is None else self._counting.objects
        rate = (objects - self._first) / max(now - self._began_at, 1e-3)
        told = f"{objects:,}" if total is None else f"{objects:,} of {total:,}"
        told = f"{told} objects, {size_text(size_bytes)}, {rate:,.0f}/s"
        waiting = ""
        if waiting_depth is not None:
            waiting = f"waiting: {counted(waiting_depth, 'message')} in the queue"
        self._display.update(
            self._task, completed=objects, total=total, told=told, description=waiting
        )
        if now >= self._line_due:
            self._line_due = now + LINE_EVERY_S
            if not self._console.is_terminal:
                say(f"{told}{'; ' if waiting else ''}{waiting}")
        self._be_patient(waiting, now)

    def _be_patient(self, waiting: str, now: float) -> None:
        if not waiting:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
            self._complain_at = now + PATIENCE_S
        elif now >= self._complain_at:
            self._complain_at = now + 10 * PATIENCE_S
            say(
                f"{waiting}, and --max-depth is below that: is a daemon at work there? "
                "live messages go first"
            )

    def _pass_on(self, read_fd: int) -> None:
        """Print above the bar what others log."""
        with os.fdopen(read_fd, errors="backslashreplace") as lines:
            for line in lines:
                self._console.print(
                    line.rstrip("\n"), markup=False, highlight=False, soft_wrap=True
                )


class _Total:
    """How many objects a run comes to."""

    def __init__(self, run: Run, walk: Walk) -> None:
        from worker.backfill.counts import Counting  # noqa: PLC0415 - slow

        self._run = run
        self._before = run.standing.dealt_with
        self._counting = None
        if run.standing.total_objects is None:
            self._counting = Counting(walk, after=run.standing.cursor)

    @property
    def objects(self) -> int | None:
        standing = self._run.standing
        counting = self._counting
        if standing.total_objects is None and counting and counting.objects is not None:
            standing.total_objects = self._before + counting.objects
        return standing.total_objects

    def stop(self) -> None:
        if self._counting is not None:
            self._counting.stop()


def show_counts(
    request: Request, tally: Tally, folders: list[str], *, as_json: bool
) -> None:
    """Print what a dry run found."""
    if as_json:
        for place, (objects, size_bytes) in sorted(tally.by_place.items()):
            typer.echo(
                json.dumps(
                    {
                        "account": place.account or None,
                        "region": place.region or None,
                        "day": place.day,
                        "objects": objects,
                        "bytes": size_bytes,
                    }
                )
            )
        typer.echo(
            json.dumps(
                {
                    "source": request.url,
                    "from": request.since or None,
                    "to": request.until,
                    "objects": tally.objects,
                    "bytes": tally.size_bytes,
                    "left_out": dict(tally.left_out),
                    "folders_left_out": folders,
                }
            )
        )
        return
    rows = [
        (
            place.account or "-",
            place.region or "-",
            place.day,
            f"{objects:,}",
            size_text(size_bytes),
        )
        for place, (objects, size_bytes) in sorted(tally.by_place.items())
    ]
    if rows:
        heading = ("account", "region", "day", "objects", "bytes")
        for line in _columns([heading, *rows]):
            typer.echo(line)
    left = _left_out(dict(tally.left_out))
    if folders:
        left += f"; {counted(len(folders), 'folder')} excluded by source.exclude_keys"
    total = f"{counted(tally.objects, 'object')}, {size_text(tally.size_bytes)}"
    typer.echo(f"{request.url}: {total}{left}")


def outcome_of(run: Run, problems: list[str], *, as_json: bool) -> str:
    """The last line."""
    standing = run.standing
    if as_json:
        return json.dumps(
            {
                "run": run.run_id,
                "source": run.request.url,
                "way": run.request.way,
                "objects": standing.objects,
                "bytes": standing.size_bytes,
                "left_out": dict(standing.left_out),
                "problems": problems,
                "is_finished": bool(standing.finished_at),
            }
        )
    verb = "sent to the queue"
    if run.request.way == "direct":
        verb = "fed to the pool" if problems else "delivered"
    total = f"{counted(standing.objects, 'object')}, {size_text(standing.size_bytes)}"
    left = _left_out(dict(standing.left_out))
    return "; ".join((f"{run.run_id}: {total} {verb}{left}", *problems))


def counted(count: int, noun: str) -> str:
    """Such as "1 object" or "2,000 objects"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size_text(size_bytes: float) -> str:
    """Bytes in the unit that fits."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:  # noqa: PLR2004 - of each unit
            return f"{size_bytes:.4g} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:,.4g} TiB"


def say(line: str) -> None:
    """Tell people; standard output is for the outcome."""
    typer.echo(f"trailfeed: {printable(line)}", err=True)


def _left_out(by_reason: dict[str, int]) -> str:
    parts = [
        f"{count:,} {_REASONS.get(reason, reason)}"
        for reason, count in sorted(by_reason.items())
        if count
    ]
    return f"; left out: {', '.join(parts)}" if parts else ""


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place > 2 else cell.ljust(width)  # noqa: PLR2004
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
