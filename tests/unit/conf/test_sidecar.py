"""conf/sidecar/: the two halves meet, and outlive what they have to."""

from __future__ import annotations

import configparser
from pathlib import Path

from plugin_bridge.fluent_bit import STORAGE_PATH
from worker.config import load

CONF = Path(__file__).parents[3] / "conf"
SIDECAR = CONF / "sidecar"
CONFIG = load(CONF / "fluent-bit" / "trailfeed.toml", {})
SOCKET_FOLDER = Path(CONFIG.output.address.removeprefix("unix://")).parent
LONGEST_STOP_S = CONFIG.source.wait_time_s + CONFIG.pool.drain_timeout_s


def unit(name: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SIDECAR / name, "utf-8")
    return dict(parser["Service"])


class TestUnits:
    trailfeed = unit("trailfeed.service")
    fluent_bit = unit("trailfeed-fluent-bit.service")

    def test_the_socket_lies_where_both_look(self) -> None:
        assert f"/run/{self.fluent_bit['RuntimeDirectory']}" == str(SOCKET_FOLDER)
        assert self.fluent_bit["Group"] == self.trailfeed["Group"]

    def test_what_lasts_has_a_folder(self) -> None:
        assert f"/var/lib/{self.fluent_bit['StateDirectory']}" == STORAGE_PATH
        assert f"/var/lib/{self.trailfeed['StateDirectory']}" == CONFIG.state.dir

    def test_there_is_time_to_drain(self) -> None:
        assert int(self.trailfeed["TimeoutStopSec"]) >= LONGEST_STOP_S
        assert self.trailfeed["KillMode"] == "mixed"

    def test_a_wrong_configuration_is_not_tried_again(self) -> None:
        assert self.trailfeed["RestartPreventExitStatus"] == "78"
