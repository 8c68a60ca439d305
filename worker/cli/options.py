"""Options that several commands share."""

# No lazy annotations: typer reads them when the commands are registered.
from pathlib import Path
from typing import Annotated

import typer

# Whether the file can be read is for loading to say: click would show the usage.
ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", metavar="FILE", readable=False, help="The configuration (TOML)."
    ),
]
