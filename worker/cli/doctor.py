"""``trailfeed doctor``: would it work, and if not, what is in the way?"""

# No lazy annotations: typer reads them when the command is registered.
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from worker.cli.options import ConfigFile
from worker.cli.usage import place_in_s3
from worker.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.doctor.buckets import Wanted
    from worker.doctor.finding import Finding

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "cyan"}
_CHECK_WIDTH: Final = 20

Many = list[str] | None


def doctor(
    config: ConfigFile,
    *,
    bucket: Annotated[
        Many,
        typer.Option(
            metavar="NAME", help="Look at this bucket, not those found out. Repeatable."
        ),
    ] = None,
    object_url: Annotated[
        Many,
        typer.Option(
            "--object", metavar="s3://BUCKET/KEY", help="Read this one. Repeatable."
        ),
    ] = None,
    receive: Annotated[
        bool,
        typer.Option(
            "--receive",
            help="Look at one message; it is shown again at once, one receive older.",
        ),
    ] = False,
    send_record: Annotated[
        bool,
        typer.Option(
            "--send-record", help="Send the receiver one marked record, await the ack."
        ),
    ] = False,
    send_test: Annotated[
        bool,
        typer.Option(
            "--send-test",
            help="Put a test message into the queue, see the running daemon take it.",
        ),
    ] = False,
    timeout_s: Annotated[
        float,
        typer.Option(
            "--timeout-s", min=1.0, metavar="SECONDS", help="The longest for each look."
        ),
    ] = 15.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line.")
    ] = False,
) -> None:
    """Look at all that a run needs, one line each: ok, warn, fail, and the mend.

    Credentials, clock, queue, buckets and their notifications, an object, permissions,
    receiver, state directory, limits. Nothing is written, and no message is received,
    without the options that say so. Exit code 1: something does not work.

    Example: trailfeed doctor --config /etc/trailfeed/trailfeed.toml
    """
    # Pydantic, boto3 and the rest take longer to import than --help to answer.
    from worker.config.load import load  # noqa: PLC0415
    from worker.deliver.receiver import check_output_files  # noqa: PLC0415
    from worker.doctor.examination import Request, examine  # noqa: PLC0415
    from worker.doctor.finding import counts  # noqa: PLC0415

    loaded = load(config, os.environ)
    check_output_files(loaded.output)
    request = Request(
        wanted=_wanted(bucket or (), object_url or ()),
        receives=receive,
        sends_record=send_record,
        sends_message=send_test,
        timeout_s=timeout_s,
    )
    show: Callable[[Finding], str] = _json_line if as_json else _line
    found = []
    for finding in examine(loaded, request):
        found.append(finding)
        typer.echo(show(finding))
        sys.stdout.flush()
    totals = counts(found)
    if as_json:
        typer.echo(json.dumps(totals))
    else:
        typer.echo(", ".join(f"{count} {verdict}" for verdict, count in totals.items()))
    if totals["fail"]:
        raise typer.Exit(1)


def _wanted(buckets: "Iterable[str]", urls: "Iterable[str]") -> "Wanted":
    from worker.doctor.buckets import Wanted  # noqa: PLC0415 - see above
    from worker.source.notifications import ObjectRef  # noqa: PLC0415

    refs = []
    for url in urls:
        name, key = place_in_s3(url)
        if not key:
            raise typer.BadParameter(f"--object {url}: expected s3://BUCKET/KEY")
        refs.append(ObjectRef(name, key))
    return Wanted(tuple(buckets), tuple(refs))


def _line(finding: "Finding") -> str:
    said = f"{finding.said}; mend: {finding.mend}" if finding.mend else finding.said
    said = printable(said)
    verdict = f"{finding.verdict:<4}"
    if sys.stdout.isatty():
        verdict = typer.style(verdict, fg=_COLOURS[finding.verdict])
    return f"{verdict}  {finding.check:<{_CHECK_WIDTH}}  {said}"


def _json_line(finding: "Finding") -> str:
    return json.dumps(
        {
            "check": finding.check,
            "verdict": finding.verdict,
            "said": finding.said,
            "mend": finding.mend or None,
        }
    )
