"""The receiver: whether it can be reached, agrees on a handshake, and acknowledges."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from plugin_bridge.receivers import PROFILES
from worker.deliver.probe import probe_receiver
from worker.doctor.finding import Answer, fail, ok, skip, warn

if TYPE_CHECKING:
    from worker.config.model import Config

RECEIVER: Final = "receiver"
ACKNOWLEDGEMENT: Final = "acknowledgement"


def look_at_receiver(
    config: Config, *, sends_record: bool, timeout_s: float
) -> Answer[bool]:
    """Connect, and send a marked record if that is asked for.

    Args:
        config: The whole configuration.
        sends_record: Whether to send :func:`marked_record`.
        timeout_s: Of all of it.
    """
    output = config.output
    profile = PROFILES[output.receiver]
    if output.scheme == "stdout":
        said = (
            "standard output: whoever runs trailfeed reads it, and nothing acknowledges"
        )
        return Answer((ok(RECEIVER, said),), value=True)
    probe = probe_receiver(
        output,
        record=marked_record() if sends_record else None,
        epoch_s=int(datetime.now(UTC).timestamp()),
        random_bytes=os.urandom(16),
        timeout_s=timeout_s,
    )
    if probe.connect_s is None:
        mend = "see that it runs, and output.address"
        if output.receiver != "generic":
            printed = f"trailfeed bridge {output.receiver} --config FILE prints"
            mend = f"see that {profile.name} runs, with what {printed}"
        return Answer((fail(RECEIVER, probe.problem, mend),))
    keyed = " and the shared key agreed" if output.shared_key else ""
    took = f"{probe.connect_s * 1000:.0f} ms"
    connected = ok(RECEIVER, f"{output.address}: connected{keyed} in {took}")
    if not sends_record:
        return Answer((connected, _unproven(config)), value=True)
    if probe.ack_s is None:
        mend = f"see the log of {profile.name}, and its own outputs"
        return Answer((connected, fail(ACKNOWLEDGEMENT, probe.problem, mend)))
    took = f"in {probe.ack_s * 1000:.0f} ms"
    if not output.require_ack:
        said = (
            f"a marked record was written {took}; output.require_ack is off: what "
            f"{profile.name} had not read when it dies is lost"
        )
        return Answer((connected, warn(ACKNOWLEDGEMENT, said, _way_to_acks(config))))
    said = f"a marked record with the tag {output.tag} was acknowledged {took}"
    return Answer((connected, ok(ACKNOWLEDGEMENT, said)), value=True)


def _unproven(config: Config) -> Any:
    output = config.output
    name = PROFILES[output.receiver].name
    if not output.require_ack:
        said = f"off: what {name} had not read when it dies is lost"
        return warn(ACKNOWLEDGEMENT, said, _way_to_acks(config))
    return skip(
        ACKNOWLEDGEMENT,
        f"{name} is known to acknowledge here; --send-record sends one marked record "
        "to see it",
    )


def _way_to_acks(config: Config) -> str:
    output = config.output
    if output.scheme in PROFILES[output.receiver].ack_schemes:
        return "set output.require_ack to true"
    if "tcp" in PROFILES[output.receiver].ack_schemes:
        return "use a tcp:// address, and set output.require_ack to true"
    return ""


def marked_record() -> dict[str, Any]:
    """A record that nobody takes for CloudTrail's."""
    return {
        "message": "trailfeed doctor: a test record; ignore it",
        "trailfeed": {"doctor": True, "host": os.uname().nodename},
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
