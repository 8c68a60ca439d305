"""``trailfeed run``: the daemon."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from worker.cli.options import ConfigFile  # noqa: TC001 - typer reads the annotations


def run(
    config: ConfigFile,
    until_empty: Annotated[
        bool,
        typer.Option("--until-empty", help="End once the queue has stayed empty."),
    ] = False,
    idle_s: Annotated[
        float,
        typer.Option(
            "--idle-s", min=0.0, metavar="SECONDS", help="How long it must stay empty."
        ),
    ] = 5.0,
) -> None:
    """Receive, download, decode and deliver until SIGTERM or SIGINT.

    The first signal drains: nothing more is received, what was emitted is settled,
    everything else goes back to the queue. A second one ends at once. SIGHUP reads the
    configuration anew and replaces the workers one by one.

    Example: trailfeed run --config /etc/trailfeed/trailfeed.toml
    """
    # Not before they are needed: --help answers at once.
    from worker.config.load import load  # noqa: PLC0415
    from worker.pool.start import run_pool  # noqa: PLC0415

    raise typer.Exit(
        run_pool(
            load(config, os.environ),
            until_empty_idle_s=idle_s if until_empty else None,
            load=lambda: load(config, os.environ),
        )
    )
