"""packaging/systemd/: the unit fits the configuration's defaults and its neighbours."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from plugin_bridge.fluent_bit import STORAGE_PATH
from worker.config import load
from worker.errors import ConfigError

PACKAGING = Path(__file__).parents[3] / "packaging"
SYSTEMD = PACKAGING / "systemd"
CONFIG = load(
    PACKAGING / "trailfeed.toml",
    {
        "TRAILFEED_SOURCE_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/q"
    },
)


def section(path: Path, name: str) -> dict[str, str]:
    """Read one section; of a key that comes again, the last line."""
    lines = path.read_text("utf-8").partition(f"[{name}]\n")[2].splitlines()
    mine = takewhile(lambda line: not line.startswith("["), lines)
    pairs = (line.partition("=") for line in mine if line and line[0] != "#")
    return {key: value for key, _, value in pairs}


SERVICE = section(SYSTEMD / "trailfeed.service", "Service")


def test_no_core_file_is_written() -> None:
    assert SERVICE["LimitCORE"] == "0"


def test_there_is_time_to_drain() -> None:
    longest_stop_s = CONFIG.source.wait_time_s + CONFIG.pool.drain_timeout_s
    assert int(SERVICE["TimeoutStopSec"]) > longest_stop_s
    assert SERVICE["KillMode"] == "mixed"


def test_a_wrong_configuration_is_not_tried_again() -> None:
    assert SERVICE["RestartPreventExitStatus"] == "78"


def test_one_killed_worker_does_not_end_the_pool() -> None:
    assert SERVICE["OOMPolicy"] == "continue"


def test_the_state_has_its_folder() -> None:
    assert CONFIG.state.dir == f"/var/lib/{SERVICE['StateDirectory']}"


def test_the_socket_belongs_to_the_group_of_trailfeed_whoever_makes_it() -> None:
    (line,) = (
        line.split()
        for line in (SYSTEMD / "tmpfiles.conf").read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    kind, path, mode, owner, group, age = line
    socket = Path(CONFIG.output.address.removeprefix("unix://"))
    assert (kind, Path(path), owner, age) == ("d", socket.parent, "root", "-")
    assert group == SERVICE["Group"]
    assert int(mode, 8) == 0o2770  # the group that a file inside takes over


def test_fluent_bit_may_make_it_and_has_where_to_keep_what_it_acknowledged() -> None:
    theirs = section(SYSTEMD / "fluent-bit.service.d" / "trailfeed.conf", "Service")
    assert theirs["SupplementaryGroups"] == SERVICE["Group"]
    assert f"/var/lib/{theirs['StateDirectory']}" == STORAGE_PATH


def test_fluent_bit_is_started_before_and_stopped_after() -> None:
    tie = section(SYSTEMD / "trailfeed.service.d" / "fluent-bit.conf", "Unit")
    assert tie == {"Wants": "fluent-bit.service", "After": "fluent-bit.service"}


def test_of_the_packages_configuration_only_the_queue_is_missing() -> None:
    with pytest.raises(ConfigError) as caught:
        load(PACKAGING / "trailfeed.toml", {})
    assert caught.value.problems == ("source.queue_url: is required",)
