"""``trailfeed verify``: CloudTrail's digest chain checked."""

# No lazy annotations: typer reads them when the command is registered.
import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.usage import past_period_of, place_in_s3
from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as RichProgress

    from worker.verify.finding import Finding, Totals
    from worker.verify.public_keys import PublicKeys
    from worker.verify.verification import Progress

Many = list[str] | None


def verify(
    source: Annotated[
        str,
        typer.Argument(
            metavar="s3://BUCKET[/PREFIX]",
            help="The bucket, or down to an account or a region in it.",
        ),
    ],
    *,
    since: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="2026-11-21[T09:30Z], or 12h ago; the trail's beginning unless told.",
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            "--to", metavar="TIME", help="Delivered before then; now unless told."
        ),
    ] = "",
    region: Annotated[
        Many, typer.Option(metavar="REGION", help="Any of several.")
    ] = None,
    account: Annotated[Many, typer.Option(metavar="ID", help="Any of several.")] = None,
    public_keys: Annotated[
        Path | None,
        typer.Option(
            "--public-keys",
            metavar="FILE",
            help="What aws cloudtrail list-public-keys printed, instead of asking.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line.")
    ] = False,
) -> None:
    """Check that a trail's files are those that CloudTrail delivered, and all of them.

    Looks at the signatures of the hourly digests, at the chain that they make, at the
    log files that they name, and for log files that none names. Exit code 1: something
    is wrong.

    Example: trailfeed verify s3://my-logs --from 2026-11-20 --to 2026-11-21
    """
    from worker.source.own_aws import object_reader, own_session  # noqa: PLC0415
    from worker.verify.bucket import MAX_LOG_FILE_BYTES, S3Store  # noqa: PLC0415
    from worker.verify.public_keys import AskedKeys, FileKeys  # noqa: PLC0415
    from worker.verify.verification import Period, Verification  # noqa: PLC0415

    now = datetime.now(UTC)
    begin, end = past_period_of(since, until, now)
    bucket, prefix = place_in_s3(source)
    session = own_session()
    keys: PublicKeys = (
        FileKeys(public_keys) if public_keys else AskedKeys(session.cloudtrail_client)
    )
    reader = object_reader(max_bytes=MAX_LOG_FILE_BYTES)
    with _progress() as progress:
        verification = Verification(
            S3Store(session, reader, bucket),
            keys,
            bucket,
            Period(begin, end),
            now=now,
            progress=progress,
        )
        found = verification.findings(
            prefix, accounts=account or (), regions=region or ()
        )
        for finding in found:
            typer.echo(_json_line(finding) if as_json else _line(finding))
    totals = verification.totals
    typer.echo(_json_totals(totals) if as_json else _summary(source, totals))
    if totals.findings_count:
        raise typer.Exit(1)


def _line(finding: "Finding") -> str:
    said = printable(f"{finding.subject}: {finding.sentence}")
    line = f"{finding.fault.upper():<10}  {said}"
    return typer.style(line, fg="red") if sys.stdout.isatty() else line


def _json_line(finding: "Finding") -> str:
    return json.dumps(
        {
            "fault": finding.fault,
            "subject": finding.subject,
            "sentence": finding.sentence,
        }
    )


def _json_totals(totals: "Totals") -> str:
    return json.dumps(
        {
            "chains": totals.chains_count,
            "digests": totals.digests_count,
            "log_files": totals.log_files_count,
            "findings": totals.findings_count,
        }
    )


def _summary(source: str, totals: "Totals") -> str:
    looked_at = ", ".join(
        (
            _count(totals.chains_count, "chain"),
            f"{_count(totals.digests_count, 'digest')} signed by CloudTrail",
            f"{_count(totals.log_files_count, 'log file')} named by them",
        )
    )
    result = "nothing is wrong"
    if totals.findings_count:
        result = f"{_count(totals.findings_count, 'thing')} wrong"
    return f"{source}: {looked_at}: {result}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar on standard error, where that is a terminal."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Display  # noqa: PLC0415

    console = Console(stderr=True)
    with Display(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # Else lines that are meant for a pipe or a file would go to the terminal.
        redirect_stdout=sys.stdout.isatty(),
    ) as bar:
        yield _Bar(bar)


class _Bar:
    """How many of the log files found so far are checked."""

    def __init__(self, bar: "RichProgress") -> None:
        self._bar = bar
        self._task = bar.add_task("", total=0)
        self._found_count = 0

    def folder(self, url: str) -> None:
        self._bar.update(self._task, description=url)

    def found(self, files_count: int) -> None:
        self._found_count += files_count
        self._bar.update(self._task, total=self._found_count)

    def checked(self) -> None:
        self._bar.advance(self._task)
