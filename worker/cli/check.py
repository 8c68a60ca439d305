"""``trailfeed check``: is the configuration right, and what is it in effect?"""

# No lazy annotations: typer reads them when the command is registered.
import os

import typer

from worker.cli.options import ConfigFile


def check(config: ConfigFile) -> None:
    """Name every problem of the configuration, or print it in full.

    What is printed is in effect: file, environment and defaults together. Secrets
    are masked. Exit code 0 if all is right, 78 if not.

    Example: trailfeed check --config /etc/trailfeed/trailfeed.toml
    """
    # Pydantic and the model take longer to import than ``--help`` to answer.
    from worker.config.load import load  # noqa: PLC0415 - see above
    from worker.config.render import render  # noqa: PLC0415 - see above
    from worker.deliver.receiver import check_output_files  # noqa: PLC0415 - see above

    loaded = load(config, os.environ)
    check_output_files(loaded.output)
    text = render(loaded)
    # As bytes: TOML is UTF-8, whatever the terminal is set to.
    typer.echo(text.encode(), nl=False)
