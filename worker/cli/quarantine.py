"""``trailfeed quarantine``: what could not be decoded or delivered, and another try."""

# No lazy annotations: typer reads them when the commands are registered.
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from worker.cli.options import ConfigFile
from worker.cli.quarantine_view import (
    lines_of,
    size_text,
    table_of,
)
from worker.errors import (
    AwsError,
    CommonFaultError,
    ConfigError,
    PermanentError,
    TrailfeedError,
)
from worker.printable import printable

if TYPE_CHECKING:
    from worker.config.model import Config
    from worker.deliver.quarantine import Quarantine, QuarantineItem

Found = TypeVar("Found")

MAX_AGE_DAYS = 36_500

app = typer.Typer(
    name="quarantine",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Code = Annotated[
    str, typer.Option("--code", metavar="CODE", help="Only items with this reason.")
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Which.")]
Every = Annotated[bool, typer.Option("--all", help="All items, or all of --code.")]


@app.callback()
def _options() -> None:
    """What could not be decoded or delivered, why, and another try."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # keys hold any character


class ReplayError(TrailfeedError):
    """Not all of the items could be sent."""


@app.command("list")
def list_(
    config: ConfigFile,
    code: Code = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Whole items, one JSON object a line.")
    ] = False,
) -> None:
    """List the items, oldest first.

    Example: trailfeed quarantine list --config trailfeed.toml --code bad_gzip
    """
    from worker.deliver.quarantine_item import document_of  # noqa: PLC0415

    items = _chosen(_quarantine(_load(config)), code=code)
    if as_json:
        for item in items:
            typer.echo(json.dumps(document_of(item)))
        return
    found = list(items)
    if not found:
        typer.echo(_nothing(code))
        return
    for line in table_of(found):
        typer.echo(line)


@app.command("show")
def show(
    config: ConfigFile,
    item_id: Annotated[str, typer.Argument(metavar="ID", help="Which.")],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="As one JSON object.")
    ] = False,
    as_body: Annotated[
        bool,
        typer.Option("--body", help="Only the stored bytes of the object or record."),
    ] = False,
) -> None:
    """Show one item whole: the reason, the object and the message.

    Example: trailfeed quarantine show ID --body --config trailfeed.toml | zcat
    """
    from worker.deliver.quarantine_item import document_of  # noqa: PLC0415

    if as_json and as_body:
        raise typer.BadParameter("--json and --body do not go together")
    quarantine = _quarantine(_load(config))
    if as_body:
        body = quarantine.body(item_id)
        if body is None:
            raise PermanentError(
                "no_body", f"{item_id} has no bytes: its object was never read"
            )
        typer.echo(body, nl=False)
        return
    item = quarantine.read(item_id)
    if as_json:
        typer.echo(json.dumps(document_of(item)))
    else:
        for line in lines_of(item):
            typer.echo(line)


@app.command("replay")
def replay(
    config: ConfigFile,
    ids: Ids = None,
    *,
    every: Every = False,
    code: Code = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")
    ] = False,
) -> None:
    """Send the items' messages into the queue again, and remove what SQS took.

    A message goes with a run id, so its object is read and delivered from the first
    record, whatever was delivered of it before; also where one record was at fault.

    Example: trailfeed quarantine replay --all --code bad_gzip --config trailfeed.toml
    """
    loaded = _load(config)
    quarantine = _quarantine(loaded)
    _check_usage(ids, every=every, filters=bool(code))
    if ids:
        items = list(_of_each(ids, quarantine.read).values())
    else:
        items = list(_chosen(quarantine, code=code))
    if not items:
        typer.echo(_nothing(code))
    elif dry_run:
        for item in items:
            typer.echo(f"would send {item.id}: {printable(item.subject)}")
    else:
        _send(loaded, quarantine, items)


@app.command("purge")
def purge(
    config: ConfigFile,
    ids: Ids = None,
    *,
    every: Every = False,
    code: Code = "",
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            min=0,
            max=MAX_AGE_DAYS,
            metavar="DAYS",
            help="With --all: only such.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove items for good; their messages are long gone from the queue.

    Example: trailfeed quarantine purge --all --older-than 30 --config trailfeed.toml
    """
    quarantine = _quarantine(_load(config))
    _check_usage(ids, every=every, filters=bool(code) or older_than is not None)
    if ids:
        sizes = _of_each(ids, quarantine.size_bytes)  # also of one that is unreadable
    else:
        found = _chosen(quarantine, code=code)
        if older_than is not None:
            since = datetime.now(UTC) - timedelta(days=older_than)
            found = (item for item in found if item.at < since)
        sizes = {}
        for item in found:
            with suppress(PermanentError):  # dropped by the daemon since
                sizes[item.id] = quarantine.size_bytes(item.id)
    if not sizes:
        typer.echo("nothing to remove")
        return
    items_text = "1 item" if len(sizes) == 1 else f"{len(sizes)} items"
    asked = f"{items_text}, {size_text(sum(sizes.values()))}"
    if not yes:
        typer.confirm(f"Remove {asked} for good?", abort=True)
    for item_id in sizes:
        _remove(quarantine, item_id)
    typer.echo(f"removed {asked}")


def _load(path: Path) -> "Config":
    from worker.config.load import load  # noqa: PLC0415 - --help answers at once

    return load(path, os.environ)


def _quarantine(config: "Config") -> "Quarantine":
    from worker.deliver.quarantine import Quarantine  # noqa: PLC0415 - as above

    state = config.state
    if not state.dir:
        raise ConfigError(
            ("state.dir: is empty, so there is no quarantine; name a directory",)
        )
    folder = Path(state.dir)
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
        reason = "is no directory"
    except OSError as error:
        is_folder = False
        reason = f"cannot be read ({error.strerror})"
    if not is_folder:
        raise ConfigError(
            (
                f"state.dir: {folder} {reason}; name the directory that the daemon "
                "uses (it makes it at its first start)",
            )
        )
    return Quarantine(
        folder / "quarantine",
        max_bytes=state.quarantine_max_bytes,
        when_full=state.quarantine_full,
    )


def _chosen(quarantine: "Quarantine", *, code: str) -> Iterator["QuarantineItem"]:
    for item in quarantine.items(report=_complain):
        if not code or item.code == code:
            yield item


def _check_usage(ids: Sequence[str] | None, *, every: bool, filters: bool) -> None:
    if bool(ids) == every:
        raise typer.BadParameter("name items by their ID, or say --all")
    if ids and filters:
        raise typer.BadParameter("--code and --older-than go with --all")


def _of_each(ids: Sequence[str], look: Callable[[str], Found]) -> dict[str, Found]:
    """Look every item up; all that are not there are named at once."""
    from worker.deliver.quarantine import UnknownItemError  # noqa: PLC0415 - as above

    found, unknown = {}, []
    for item_id in dict.fromkeys(ids):
        try:
            found[item_id] = look(item_id)
        except UnknownItemError:
            unknown.append(printable(item_id))
    if unknown:
        raise UnknownItemError(
            "no_such_item",
            f"not in the quarantine: {', '.join(unknown)}; trailfeed quarantine list "
            "shows what is; nothing was done",
        )
    return found


def _remove(quarantine: "Quarantine", item_id: str) -> None:
    from worker.deliver.quarantine import UnknownItemError  # noqa: PLC0415 - as above

    with suppress(UnknownItemError):  # dropped by the daemon since
        quarantine.remove(item_id)


def _send(
    config: "Config", quarantine: "Quarantine", items: Sequence["QuarantineItem"]
) -> None:
    # boto3 takes its time, and no other command here needs it.
    from worker.source.notifications import Mapping  # noqa: PLC0415
    from worker.source.queue import Queue  # noqa: PLC0415
    from worker.source.resend import resent  # noqa: PLC0415
    from worker.source.run_key import run_key  # noqa: PLC0415
    from worker.source.sessions import AwsSession  # noqa: PLC0415

    queue = Queue(AwsSession(config.source).sqs_client(), config.source.queue_url)
    places = config.source.mapping
    mapping = Mapping.of(places.bucket, places.keys)
    key = run_key(Path(config.state.dir))
    failed_count = 0
    for sent_count, item in enumerate(items):
        try:
            body = resent(
                item.message.body,
                run_id=item.id,
                run_key=key,
                only=item.object,
                mapping=mapping,
            )
            message_id = queue.send(body)
        except CommonFaultError as error:
            raise ReplayError(
                f"{error}; {sent_count - failed_count} of {len(items)} items were sent"
            ) from error
        except AwsError as error:
            failed_count += 1
            _complain(f"{item.id}: {error}; it stays in the quarantine")
            continue
        # The same run id again, should this fail: the journal knows it by then.
        _remove(quarantine, item.id)
        typer.echo(f"sent {item.id}: {printable(item.subject)} as {message_id}")
    if failed_count:
        raise ReplayError(f"{failed_count} of {len(items)} items were not sent")


def _nothing(code: str) -> str:
    if code:
        return f"nothing in the quarantine has code {printable(code)}"
    return "the quarantine is empty"


def _complain(sentence: str) -> None:
    sys.stderr.write(f"trailfeed: {printable(sentence)}\n")
