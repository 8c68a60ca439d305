"""``trailfeed top``: a running daemon at a glance."""

# No lazy annotations: typer reads them when the command is registered.
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

SHORT_S = 1.0
"""Between the two looks of a single frame."""


def top(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            readable=False,
            help="The daemon's configuration: its status.listen is where to look.",
        ),
    ] = None,
    url: Annotated[
        str,
        typer.Option("--url", metavar="URL", help="Where to look instead."),
    ] = "",
    interval_s: Annotated[
        float,
        typer.Option(
            "--interval-s", min=0.2, metavar="SECONDS", help="Between frames."
        ),
    ] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="One frame, without a live view.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The numbers as JSON, once.")
    ] = False,
) -> None:
    """Show rates, lag, queue, workers and the last errors of a running daemon.

    Without a terminal there is one frame. Ctrl-C ends it.

    Example: trailfeed top --config /etc/trailfeed/trailfeed.toml
    """
    from worker.observe.asking import status  # noqa: PLC0415 - --help answers at once

    base = _base_url(config, url)
    if as_json:
        typer.echo(json.dumps(status(base), indent=1))
        return
    from worker.cli.console import console_of_any_width  # noqa: PLC0415 - as above

    console = console_of_any_width()
    try:
        if once or not console.is_terminal:
            _show_once(base, console)
        else:
            _show_live(base, console, interval_s)
    except KeyboardInterrupt:
        return


def _base_url(config: Path | None, url: str) -> str:
    if url:
        if not url.startswith(("http://", "https://")):
            raise typer.BadParameter(f"--url {url}: expected http://HOST:PORT")
        return url.rstrip("/")
    if config is None:
        return "http://127.0.0.1:9464"
    from worker.config.load import load  # noqa: PLC0415 - --help answers at once

    listen = load(config, os.environ).status.listen
    if not listen:
        raise ConfigError(
            ('status.listen: is "", so there is nothing to look at: set it, restart',)
        )
    from worker.observe.asking import base_url  # noqa: PLC0415 - see above

    return base_url(listen)


def _show_once(base: str, console: "Console") -> None:
    from worker.observe.asking import status  # noqa: PLC0415 - see above
    from worker.observe.top import screen  # noqa: PLC0415 - see above

    before, began_at = status(base), time.monotonic()
    time.sleep(SHORT_S)
    now = status(base)
    console.print(screen(now, before, time.monotonic() - began_at))


def _show_live(base: str, console: "Console", interval_s: float) -> None:
    from rich.live import Live  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    from worker.observe.asking import UnreachableError, status  # noqa: PLC0415
    from worker.observe.top import screen  # noqa: PLC0415 - see above

    before, at = status(base), time.monotonic()
    with Live(
        screen(before, None, 0.0), console=console, screen=True, auto_refresh=False
    ) as live:
        while True:
            time.sleep(interval_s)
            try:
                now = status(base)
            except UnreachableError as error:
                live.update(Text(str(error), "red"), refresh=True)
                continue
            seen_at = time.monotonic()
            live.update(screen(now, before, seen_at - at), refresh=True)
            before, at = now, seen_at
