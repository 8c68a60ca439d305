"""``trailfeed audit``: who did what, when, where, to what, from where."""

# No lazy annotations: typer reads them when the command is registered.
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from worker.cli.audit_output import run_sql, show_counts, show_views
from worker.cli.usage import period_of, place_in_s3
from worker.printable import printable

if TYPE_CHECKING:
    from worker.audit.places import Place
    from worker.audit.question import Question
    from worker.transform.audit import View

STANDARD_INPUT = "-"
QUARANTINE = "quarantine:"

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE…",
        help="Files, folders, s3://BUCKET/PREFIX, quarantine:STATE_DIR, or - for JSON "
        "lines as they come.",
    ),
]
Many = list[str] | None


def audit(
    sources: Sources,
    *,
    event: Annotated[
        Many,
        typer.Option(
            metavar="NAME", help="DeleteMessage, sqs:Delete*; any of several."
        ),
    ] = None,
    queue: Annotated[str, typer.Option(metavar="NAME", help="An SQS queue.")] = "",
    who: Annotated[
        str,
        typer.Option(metavar="NAME", help="User, role, session, key id, account, ARN."),
    ] = "",
    region: Annotated[
        Many, typer.Option(metavar="REGION", help="Any of several.")
    ] = None,
    account: Annotated[
        Many, typer.Option(metavar="ID", help="Recorded for; any of several.")
    ] = None,
    since: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help="2026-11-21[T09:30Z], or 12h ago."),
    ] = "",
    until: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Events before then.")
    ] = "",
    plane: Annotated[
        Literal["control", "data", "network", "insight", "aggregated"] | None,
        typer.Option(help="Control plane, data plane, …"),
    ] = None,
    errors_only: Annotated[
        bool, typer.Option("--errors-only", help="Only what failed.")
    ] = False,
    where: Annotated[
        Many,
        typer.Option(metavar="RULE", help="A rule as in [filter]; all must hold."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1_000_000,
            help="How many, the newest; 0 is all. By default 100, of - all.",
        ),
    ] = None,
    copies: Annotated[
        bool,
        typer.Option(
            "--copies", help="List and count an event as often as it was delivered."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated.")] = False,
    count_by: Annotated[
        str,
        typer.Option(metavar="FIELDS", help="Count instead: who,what or others."),
    ] = "",
    athena: Annotated[
        bool,
        typer.Option(
            "--athena", help="Print the table and the SQL for Athena; read nothing."
        ),
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="With --athena: have Athena answer it.")
    ] = False,
    database: Annotated[
        str, typer.Option(metavar="NAME", help="With --run: Athena's.")
    ] = "default",
    workgroup: Annotated[
        str, typer.Option(metavar="NAME", help="With --run: Athena's.")
    ] = "primary",
    output: Annotated[
        str,
        typer.Option(
            metavar="s3://…", help="With --run: for results, unless the workgroup says."
        ),
    ] = "",
    processes: Annotated[
        int, typer.Option(min=0, max=256, help="0: one a usable processor.")
    ] = 0,
) -> None:
    """Tell who did what, when, where, to what, from where; newest first.

    Sources may be files (plain or compressed), folders, or a trail in S3, of which only
    the days, accounts and regions asked for are read. Patterns are the shell's.

    Example: trailfeed audit s3://my-logs --queue orders --event DeleteMessage --from 2d
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv do not go together")
    if limit is None:
        limit = 0 if STANDARD_INPUT in sources and not count_by else DEFAULT_LIMIT
    question = _question(
        event=event,
        queue=queue,
        who=who,
        region=region,
        account=account,
        since=since,
        until=until,
        plane=plane,
        errors_only=errors_only,
        where=where,
    )
    fields = _fields(count_by)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names hold any character
    form = "json" if as_json else "csv" if as_csv else "table"
    if run and not athena:
        raise typer.BadParameter("--run goes with --athena")
    if athena:
        statements = _statements(sources, question, limit, fields, copies=copies)
        if run:
            place = (database, workgroup, output)
            run_sql(statements, place, fields=fields, form=form)
        else:
            typer.echo("\n\n".join(statements))
    elif STANDARD_INPUT in sources:
        if len(sources) > 1:
            raise typer.BadParameter("- goes with no other source")
        _follow(question, fields, limit=limit, form=form, copies=copies)
    else:
        _ask(
            sources,
            question,
            fields=fields,
            limit=limit,
            processes=processes,
            form=form,
            copies=copies,
        )


DEFAULT_LIMIT = 100


def _question(
    *,
    event: Many,
    queue: str,
    who: str,
    region: Many,
    account: Many,
    since: str,
    until: str,
    plane: Literal["control", "data", "network", "insight", "aggregated"] | None,
    errors_only: bool,
    where: Many,
) -> "Question":
    from worker.audit.question import Question  # noqa: PLC0415
    from worker.config.filter_rules import parse_rule  # noqa: PLC0415

    now = datetime.now(UTC)
    begin, end = period_of(since, until, now)
    for rule in where or ():
        try:
            parse_rule(rule)
        except ValueError as error:
            raise typer.BadParameter(f"--where {rule}: {error}") from error
    return Question(
        events=tuple(event or ()),
        # As a URL or an ARN names it, too.
        queue=queue.rpartition("/")[2].rpartition(":")[2],
        who=who,
        regions=tuple(region or ()),
        accounts=tuple(account or ()),
        since=begin,
        until=end,
        plane=plane,
        errors_only=errors_only,
        where=tuple(where or ()),
    )


def _fields(count_by: str) -> tuple[str, ...]:
    from worker.audit.answers import COUNTABLE  # noqa: PLC0415

    fields = tuple(name.strip() for name in count_by.split(",")) if count_by else ()
    for name in fields:
        if name not in COUNTABLE:
            raise typer.BadParameter(
                f"--count-by {name}: expected fields out of {', '.join(COUNTABLE)}"
            )
    return fields


def _statements(
    sources: Sequence[str],
    question: "Question",
    limit: int,
    fields: tuple[str, ...],
    *,
    copies: bool,
) -> tuple[str, str]:
    """What makes the table, and what asks it."""
    from worker.audit.athena import query, table_definition  # noqa: PLC0415

    if len(sources) != 1:
        raise typer.BadParameter("--athena asks one s3:// source")
    definition = table_definition(sources[0], question)
    return definition, query(question, limit, fields, copies=copies)


def _follow(
    question: "Question",
    fields: tuple[str, ...],
    *,
    limit: int,
    form: str,
    copies: bool,
) -> None:
    from worker.audit.answers import heading, json_line, row_of  # noqa: PLC0415
    from worker.audit.following import Counting, follow  # noqa: PLC0415
    from worker.transform.audit import SUCCESS  # noqa: PLC0415

    counting = Counting(fields)
    is_terminal = sys.stdout.isatty()

    def show_row(seen: "View") -> None:
        is_wrong = is_terminal and seen["outcome"] != SUCCESS
        typer.echo(typer.style(row_of(seen), fg="red") if is_wrong else row_of(seen))

    def show_json(seen: "View") -> None:
        typer.echo(json_line(seen))

    show = counting.add if fields else show_json if form == "json" else show_row
    if form == "csv" and not fields:
        raise typer.BadParameter("--csv wants files; - goes with --json or a table")
    if show is show_row:
        typer.echo(typer.style(heading(), bold=True) if is_terminal else heading())
    try:
        bad_count = follow(
            sys.stdin.buffer,
            question,
            show=show,
            report=_say,
            limit=0 if fields else limit,
            copies=copies,
        )
    except KeyboardInterrupt:
        bad_count = 0
        if not fields:
            raise
    if fields:
        show_counts(counting.counts, fields, limit, form)
    if bad_count:
        raise typer.Exit(1)


def _ask(
    sources: Sequence[str],
    question: "Question",
    *,
    fields: tuple[str, ...],
    limit: int,
    processes: int,
    form: str,
    copies: bool,
) -> None:
    from worker.audit.passed_over import PassedOver  # noqa: PLC0415
    from worker.audit.places import newest_first  # noqa: PLC0415
    from worker.audit.scan import Task, scan  # noqa: PLC0415
    from worker.pool.processors import usable_processors  # noqa: PLC0415

    passed_over = PassedOver()
    places = newest_first(_places(sources, question, passed_over.add))
    task = Task(question, limit, fields, copies)
    totals, newest = scan(
        task, places, processes=processes or usable_processors(), report=_say
    )
    if fields:
        show_counts(totals.counts, fields, limit, form)
    else:
        show_views(newest.newest_first(), form)
    shown = len(newest.newest_first())
    if form == "table":
        files = "1 file" if len(places) == 1 else f"{len(places):,} files"
        more = f", the newest {shown:,} shown" if totals.matched_count > shown else ""
        events_count = totals.records_count - totals.seen.copies_count
        _say(
            f"{totals.matched_count:,} of {events_count:,} events in {files}"
            f"{'' if fields else more}"
        )
    for remark in totals.remarks():
        _say(remark)
    if passed_over.count:
        _say(passed_over.remark())
    if totals.problems or (passed_over.count and not places):
        raise typer.Exit(1)


def _places(
    sources: Sequence[str], question: "Question", pass_over: Callable[[str], None]
) -> "list[Place]":
    from worker.audit.places import S3Places, is_s3, local_places  # noqa: PLC0415

    places: list[Place] = []
    for source in sources:
        if is_s3(source):
            place_in_s3(source)
            from worker.source.own_aws import s3_client  # noqa: PLC0415 - slow

            s3_places = S3Places(s3_client(), datetime.now(UTC))
            places += s3_places.places(source, question, pass_over=pass_over)
        elif source.startswith(QUARANTINE):
            from worker.audit.quarantined import quarantined_places  # noqa: PLC0415

            places += quarantined_places(source, question, report=_say)
        else:
            places += local_places(source, question, pass_over=pass_over)
    return places


def _say(line: str) -> None:
    typer.echo(f"trailfeed: {printable(line)}", err=True)
