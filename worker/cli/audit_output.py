"""Answers of ``trailfeed audit`` on standard output; those of Athena too."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from worker.transform.audit import View


def show_views(views: Sequence[View], form: str) -> None:
    """Write events out, in the given order."""
    from worker.audit.answers import json_line, table_of, write_csv  # noqa: PLC0415

    if form == "json":
        for seen in views:
            typer.echo(json_line(seen))
    elif form == "csv":
        write_csv(views, sys.stdout)
    else:
        _print(table_of(views))


def show_counts(
    counts: Counter[tuple[str, ...]], fields: tuple[str, ...], limit: int, form: str
) -> None:
    """Write counts out, the most frequent first."""
    from worker.audit.answers import (  # noqa: PLC0415
        counts_of,
        most_common,
        write_counts,
    )

    if form == "json":
        for key, count in most_common(counts, limit):
            named = dict(zip(fields, key, strict=True))
            typer.echo(json.dumps({"count": count, **named}, separators=(",", ":")))
    elif form == "csv":
        write_counts(counts, fields, limit, sys.stdout)
    else:
        _print(counts_of(counts, fields, limit))


def _print(table: object) -> None:
    from worker.cli.console import console_of_any_width  # noqa: PLC0415 - rich is slow

    console_of_any_width().print(table)


def run_sql(
    statements: tuple[str, str],
    place: tuple[str, str, str],
    *,
    fields: tuple[str, ...],
    form: str,
) -> None:
    """Have Athena make the table and ask it.

    Args:
        statements: That do so.
        place: Database, workgroup, and where results go.
        fields: That are counted by; none: events are asked for.
        form: Of the output.
    """
    from collections import Counter  # noqa: PLC0415
    from time import sleep  # noqa: PLC0415

    from worker.audit.answers import (  # noqa: PLC0415
        ABSENT,
        SHOWN,
        table_of,
        write_csv,
    )
    from worker.audit.athena_run import Athena, AthenaPlace  # noqa: PLC0415
    from worker.source.own_aws import own_session  # noqa: PLC0415 - boto3 is slow

    database, workgroup, output = place
    athena = Athena(
        own_session().athena_client(),
        AthenaPlace(database=database, workgroup=workgroup, output=output),
        sleep,
    )
    definition, query = statements
    athena.run(definition)
    rows = athena.rows(athena.run(query))
    if fields:
        counts = Counter(
            {
                tuple(row[name] or ABSENT for name in fields): int(row["count"] or 0)
                for row in rows
            }
        )
        show_counts(counts, fields, len(counts), form)
    elif form == "json":
        for row in rows:
            typer.echo(json.dumps(row, separators=(",", ":")))
    elif form == "csv":
        write_csv(rows, sys.stdout, SHOWN)
    else:
        _print(table_of(rows))
