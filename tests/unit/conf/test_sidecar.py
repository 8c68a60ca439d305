"""conf/sidecar/: the two halves meet, and outlive what they have to."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it, without stubs

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


def documents() -> dict[str, Any]:
    text = (SIDECAR / "pod.yaml").read_text("utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


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


class TestPod:
    spec = documents()["Pod"]["spec"]

    def mounts(self, kind: str) -> dict[str, str]:
        (container,) = self.spec[kind]
        return {
            mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]
        }

    @pytest.mark.parametrize("name", ["trailfeed.toml", "fluent-bit.yaml"])
    def test_holds_the_ready_pair(self, name: str) -> None:
        held = documents()["ConfigMap"]["data"]
        assert held[name] == (CONF / "fluent-bit" / name).read_text("utf-8")

    def test_both_mount_the_socket_and_what_lasts(self) -> None:
        ours, theirs = self.mounts("containers"), self.mounts("initContainers")
        assert ours[str(SOCKET_FOLDER)] == theirs[str(SOCKET_FOLDER)]
        assert ours[CONFIG.state.dir] == theirs[STORAGE_PATH] == "data"
        (data,) = [v for v in self.spec["volumes"] if v["name"] == "data"]
        assert "persistentVolumeClaim" in data

    def test_fluent_bit_ends_after_trailfeed_which_has_time_to_drain(self) -> None:
        (fluent_bit,) = self.spec["initContainers"]
        assert fluent_bit["restartPolicy"] == "Always"
        assert self.spec["terminationGracePeriodSeconds"] >= LONGEST_STOP_S
