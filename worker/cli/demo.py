"""``trailfeed demo``: the whole job on an embedded AWS."""

# No lazy annotations: typer reads them when the command is registered.
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from worker.demo.errors import DemoError
from worker.demo.through import Through

# Room for every column where nobody said how wide the page is, as in a pipe.
PIPE_WIDTH = 140


def demo(
    *,
    through: Annotated[
        Through,
        typer.Option(help="The receiver; fluent-bit must be on the PATH."),
    ] = Through.BUILTIN,
    objects: Annotated[
        int, typer.Option(min=1, help="CloudTrail files to upload.")
    ] = 60,
    limit: Annotated[int, typer.Option(min=0, help="Rows of the table.")] = 24,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep configuration, logs and output in this folder, new or empty.",
        ),
    ] = None,
) -> None:
    """Run the whole job on an embedded AWS and show who did what.

    Example: trailfeed demo --objects 200 --through fluent-bit
    """
    # boto3 takes its time, and no other command needs it to show its help.
    from rich.console import Console  # noqa: PLC0415

    from worker.demo.rehearsal import rehearse  # noqa: PLC0415
    from worker.demo.table import audit_table, choose  # noqa: PLC0415

    # However it is told to stop, the children are ended and the folder is removed.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    try:
        with _folder(keep) as folder:
            outcome = rehearse(
                through=through, objects=objects, folder=folder, say=_say
            )
    except KeyboardInterrupt:
        _say("interrupted")
        raise
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(audit_table(choose(outcome.records, limit)))
    if outcome.repeated:
        _say(f"{outcome.repeated} records arrived more than once")
    for problem in outcome.problems:
        _say(problem)
    if outcome.problems and outcome.log_tail:
        _say(f"the log of trailfeed run ends with:\n{outcome.log_tail}")
    typer.echo(outcome.summary)
    if outcome.problems:
        raise typer.Exit(1)


def _say(line: str) -> None:
    typer.echo(f"demo: {line}", err=True)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder to keep, or a temporary one that is removed afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="trailfeed-demo-") as temporary:
            yield Path(temporary).resolve()
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_empty = not any(keep.iterdir())
    except OSError as exc:
        raise DemoError(f"--keep {keep}: {exc.strerror}: name another folder") from exc
    if not is_empty:
        raise DemoError(f"--keep {keep}: not empty: name a new or empty folder")
    yield keep.resolve()
