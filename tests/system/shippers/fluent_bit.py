"""Fluent Bit: its forward input with filesystem storage, or exec; file output."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from plugin_bridge import fluent_bit
from tests.system.shippers.links import Link, on_stdout, on_unix, over_tls
from tests.system.shippers.shipper import (
    Shipper,
    bridge_prints,
    find_program,
    replaced,
)

if TYPE_CHECKING:
    from pathlib import Path


class FluentBit(Shipper):
    """Fluent Bit: forward input with filesystem storage, plain file output."""

    receiver = "fluent-bit"

    def __init__(self, folder: Path) -> None:
        self._prepare(folder, on_unix(folder / "fluent-bit.sock"), style="yaml")

    def _prepare(self, folder: Path, link: Link, *, style: str) -> None:
        """Put test's paths and output into what ``trailfeed bridge`` prints."""
        program = find_program("fluent-bit", "TRAILFEED_TEST_FLUENT_BIT")
        output = {**link.output, "receiver": self.receiver}
        text = bridge_prints(folder, output, "--format", style)
        text = replaced(
            text, {fluent_bit.STORAGE_PATH: f"{folder}/storage", **link.files}
        )
        ours = {
            "name": "file",
            "match": "aws.cloudtrail",
            "path": str(folder),
            "file": "fluent-bit.out",
            "format": "plain",
        }
        if style == "yaml":
            text = replaced(
                text, {"service:\n": "service:\n  flush: 0.2\n  grace: 3\n"}
            )
            head, _, _ = text.partition("  outputs:\n")
            first, *rest = (f"{key}: {json.dumps(ours[key])}" for key in ours)
            text = "\n".join(
                (
                    f"{head}  outputs:",
                    f"    - {first}",
                    *(f"      {r}" for r in rest),
                    "",
                )
            )
        else:
            text = replaced(
                text, {"[SERVICE]\n": "[SERVICE]\n    Flush 0.2\n    Grace 3\n"}
            )
            head, _, _ = text.partition("[OUTPUT]\n")
            text = head + "[OUTPUT]\n" + "".join(f"    {k} {ours[k]}\n" for k in ours)
        config = folder / f"fluent-bit.{'yaml' if style == 'yaml' else 'conf'}"
        config.write_text(text)
        super().__init__(
            [program, "-c", str(config)],
            output=output,
            is_ready=link.is_ready,
            output_path=folder / "fluent-bit.out",
            log_path=folder / "fluent-bit.log",
            environment=link.environment,
        )


class FluentBitOverTls(FluentBit):
    """The same on TCP with all there is: TLS both ways, key, user, zstd; classic."""

    def __init__(self, folder: Path) -> None:
        self._prepare(
            folder,
            over_tls(
                folder,
                "/etc/fluent-bit/tls",
                {
                    "shared_key": "a shared key",
                    "username": "alice",
                    "password": "pass-word",
                    "self_hostname": "trailfeed",
                    "compression": "zstd",
                },
            ),
            style="classic",
        )


class FluentBitExec(FluentBit):
    """The one that runs trailfeed, and reads JSON lines."""

    def __init__(self, folder: Path) -> None:
        program = find_program("fluent-bit", "TRAILFEED_TEST_FLUENT_BIT")
        inputs = subprocess.run(  # noqa: S603 - under test
            [program, "--help"], capture_output=True, check=False, encoding="utf-8"
        )
        if "\n  exec " not in inputs.stdout:
            pytest.skip("this Fluent Bit was built without in_exec")
        self._prepare(folder, on_stdout(), style="yaml")
