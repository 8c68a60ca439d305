"""The command line: one module a command, each listed here by one line.

Nothing slow is imported at the top of a command's module, so that ``--help`` and
``check`` answer at once.
"""

# No lazy annotations: typer reads them when the callback is registered.
from importlib import metadata
from typing import Annotated

import typer

from worker.cli import (
    audit,
    backfill,
    bridge,
    check,
    demo,
    doctor,
    quarantine,
    run,
    setup,
    top,
    verify,
)

app = typer.Typer(
    name="trailfeed",
    help="Feed CloudTrail files from S3, announced by SQS, to a log shipper.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("check")(check.check)
app.command("bridge")(bridge.bridge)
app.command("demo")(demo.demo)
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.command("setup")(setup.setup)
app.command("top")(top.top)
app.command("verify")(verify.verify)
app.command("backfill")(backfill.backfill)
app.add_typer(quarantine.app)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"trailfeed {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return metadata.version("trailfeed")
    except metadata.PackageNotFoundError:
        return "(run from a checkout)"


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print it and end."
        ),
    ] = False,
) -> None:
    """Options before any command."""
