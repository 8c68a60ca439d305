"""``trailfeed bridge``: the receiving end's configuration that fits this one."""

# No lazy annotations: typer reads them when the command is registered.
import os
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import ConfigFile

if TYPE_CHECKING:
    from plugin_bridge.receiving_end import ReceivingEnd
    from worker.config.output import OutputConfig


class Shipper(Enum):
    """What can be configured."""

    FLUENT_BIT = "fluent-bit"
    VECTOR = "vector"
    FLUENTD = "fluentd"
    OTEL = "otel"


class Style(Enum):
    """How a configuration is written."""

    CLASSIC = "classic"
    YAML = "yaml"


_STYLES = {
    Shipper.FLUENT_BIT: (Style.YAML, Style.CLASSIC),
    Shipper.VECTOR: (Style.YAML,),
    Shipper.FLUENTD: (Style.CLASSIC,),
    Shipper.OTEL: (Style.YAML,),
}
"""The first is the one that is printed unasked."""


_PLAIN_TAG = re.compile(r"[A-Za-z0-9._/:-]+")


def bridge(
    shipper: Annotated[
        Shipper, typer.Argument(metavar="SHIPPER", help="The receiving end.")
    ],
    config: ConfigFile,
    style: Annotated[
        Style | None, typer.Option("--format", help="How it is written.")
    ] = None,
) -> None:
    """Print the receiving end's configuration that fits this one.

    What prints the records at its end is to be replaced by your own output. Secrets are
    not printed: they are taken from the environment of the receiving end.

    Example: trailfeed bridge fluent-bit --config /etc/trailfeed/trailfeed.toml
    """
    # Pydantic and the model take longer to import than ``--help`` to answer.
    from plugin_bridge.errors import AddressError  # noqa: PLC0415 - see above
    from plugin_bridge.receivers import PROFILES  # noqa: PLC0415 - see above
    from worker.config.load import load  # noqa: PLC0415 - see above
    from worker.errors import ConfigError  # noqa: PLC0415 - see above

    styles = _STYLES[shipper]
    chosen = style or styles[0]
    if chosen not in styles:
        raise typer.BadParameter(
            f"{PROFILES[shipper.value].name} is configured in {styles[0].value} only",
            param_hint="--format",
        )
    output = load(config, os.environ).output
    if problems := _problems(output, shipper):
        raise ConfigError(problems)
    try:
        text = _text(shipper, _receiving_end(output, config), chosen)
    except AddressError as error:
        raise ConfigError((f"output.address: {error}",)) from error
    typer.echo(text.encode(), nl=False)


def _problems(output: "OutputConfig", shipper: Shipper) -> tuple[str, ...]:
    """Return why what is sent is nothing for this shipper, a line each."""
    from plugin_bridge.receivers import problems  # noqa: PLC0415 - see above

    if not _PLAIN_TAG.fullmatch(output.tag):
        return (
            f'output.tag: "{output.tag}" would be read as a pattern or a comment at '
            "the receiving end; use letters, digits and . _ - / :",
        )
    if output.receiver == shipper.value:
        return ()
    # On standard output each receiver is written to in another way.
    if output.receiver != "generic" or output.scheme == "stdout":
        return (
            f'output.receiver: is "{output.receiver}", and not "{shipper.value}"; '
            "change it, or name that one",
        )
    return problems(
        shipper.value,
        scheme=output.scheme,
        require_ack=output.require_ack,
        has_shared_key=bool(output.shared_key),
        username=output.username,
        chunk_bytes=output.chunk_bytes,
    )


def _receiving_end(output: "OutputConfig", config: Path) -> "ReceivingEnd":
    from plugin_bridge.addresses import parse_address  # noqa: PLC0415 - see above
    from plugin_bridge.receiving_end import ReceivingEnd  # noqa: PLC0415 - see above

    is_stdout = output.scheme == "stdout"
    return ReceivingEnd(
        address=None if is_stdout else parse_address(output.address),
        tag=output.tag,
        require_ack=output.require_ack,
        has_shared_key=bool(output.shared_key),
        username=output.username,
        shows_certificate=bool(output.tls_cert_file),
        command=("trailfeed", "run", "--config", str(config.absolute())),
    )


def _text(shipper: Shipper, end: "ReceivingEnd", style: Style) -> str:
    from plugin_bridge import (  # noqa: PLC0415 - see above
        fluent_bit,
        fluentd,
        otel,
        vector,
    )

    match shipper:
        case Shipper.FLUENT_BIT:
            return fluent_bit.configuration(end, style.value)
        case Shipper.VECTOR:
            return vector.configuration(end)
        case Shipper.FLUENTD:
            return fluentd.configuration(end)
        case Shipper.OTEL:
            return otel.configuration(end)
