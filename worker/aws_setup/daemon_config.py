"""The least configuration of trailfeed that reads what is set up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from worker.config.source import region_of

if TYPE_CHECKING:
    from worker.aws_setup.wiring import Wiring


def daemon_config(wiring: Wiring, queue_url: str = "") -> str:
    """Return a trailfeed.toml.

    Args:
        wiring: What is set up.
        queue_url: The queue's, as SQS has it; empty: the usual one.
    """
    url = queue_url or wiring.queue_url
    lines = ["[source]", f"queue_url = {json.dumps(url)}"]
    if region_of(url) != wiring.region:
        lines.append(f"region = {json.dumps(wiring.region)}")
    lines += [
        f"allowed_buckets = {json.dumps([wiring.bucket])}",
        "",
        "[output]",
        'address = "unix:///run/trailfeed/forward.sock"',
        'receiver = "fluent-bit"',
    ]
    return "\n".join(lines) + "\n"
