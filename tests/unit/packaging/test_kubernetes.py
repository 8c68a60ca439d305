"""The manifests as they are written: what a cluster operator would look for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it, without stubs
from pydantic import SecretStr
from typer.testing import CliRunner

from plugin_bridge.fluent_bit import STORAGE_PATH
from tests.fakes.kubernetes import faults
from worker.cli import app
from worker.config import load
from worker.config.keys import known_keys
from worker.deliver.assembly import BACKLOG_PER_DOWNLOAD
from worker.deliver.budget import POOL_BYTES, worst_worker_bytes
from worker.observe.health import SILENT_AFTER_S
from worker.pool.watch import KILL_AFTER_S

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "packaging" / "kubernetes"
BASE = FOLDER / "base"
FLUENT_BIT_PORT = 2020
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "version"
]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def resources() -> dict[str, Any]:
    """Every whole resource, by its file and place in it."""
    return {
        f"{path.relative_to(FOLDER)}:{number}": document
        for path in sorted(FOLDER.rglob("*.yaml"))
        if path.name not in {"kustomization.yaml", "fluent-bit.yaml", "outputs.yaml"}
        for number, document in enumerate(yaml.safe_load_all(path.read_text("utf-8")))
    }


def literals(kustomization: Any) -> dict[str, str]:
    return dict(
        literal.split("=", 1)
        for generator in kustomization["configMapGenerator"]
        for literal in generator.get("literals", ())
    )


def size_bytes(quantity: str) -> int:
    """Of a memory or disk size."""
    match = re.fullmatch(r"(\d+)([MG])i", quantity)
    assert match is not None
    return int(match[1]) << {"M": 20, "G": 30}[match[2]]


KUSTOMIZATION = read(BASE / "kustomization.yaml")
ENVIRONMENT = literals(KUSTOMIZATION)
CONFIG = load(BASE / "trailfeed.toml", ENVIRONMENT)
FLUENT_BIT = read(BASE / "fluent-bit.yaml")
STATEFUL_SET = read(BASE / "statefulset.yaml")["spec"]
POD = STATEFUL_SET["template"]["spec"]
(SIDECAR,) = POD["initContainers"]
(TRAILFEED,) = POD["containers"]
LABELS = STATEFUL_SET["template"]["metadata"]["labels"]

both = pytest.mark.parametrize(
    "container", [SIDECAR, TRAILFEED], ids=lambda c: c["name"]
)


@pytest.mark.parametrize("name", resources())
def test_kubernetes_would_take_it(name: str) -> None:
    assert faults(resources()[name]) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("replicas", "two"), ("replica", 2), ("selector", None)],
)
def test_it_would_not_take_everything(path: str, value: object) -> None:
    document = read(BASE / "statefulset.yaml")
    document["spec"][path] = value
    assert faults(document)


class TestConfiguration:
    def test_fluent_bit_has_what_the_bridge_prints(self) -> None:
        printed = CliRunner().invoke(
            app,
            ["bridge", "fluent-bit", "--config", str(BASE / "trailfeed.toml")],
            env=ENVIRONMENT,
        )
        assert printed.exit_code == 0, printed.output
        bridge = yaml.safe_load(printed.stdout)
        assert FLUENT_BIT["service"].items() >= bridge["service"].items()
        assert FLUENT_BIT["pipeline"]["inputs"] == bridge["pipeline"]["inputs"]
        assert FLUENT_BIT["includes"] == ["outputs.yaml"]

    @pytest.mark.parametrize("folder", ["base", "overlays/eks"])
    def test_no_output_gives_up_what_was_acknowledged(self, folder: str) -> None:
        for output in read(FOLDER / folder / "outputs.yaml")["pipeline"]["outputs"]:
            assert output["retry_limit"] == "no_limits"
            assert output["match"] == CONFIG.output.tag
            assert "storage.total_limit_size" not in output

    def test_what_nobody_knows_goes_to_the_dead_letter_queue(self) -> None:
        assert CONFIG.source.on_unknown_message == "retry"
        assert CONFIG.source.on_bad_object == "retry"
        assert CONFIG.source.on_missing_object == "retry"

    def test_the_images_version_is_the_projects(self) -> None:
        (image,) = KUSTOMIZATION["images"]
        assert image["newTag"] == VERSION
        containerfile = ROOT / "packaging" / "container" / "Containerfile"
        assert f"ARG VERSION={VERSION}\n" in containerfile.read_text("utf-8")


class TestPod:
    def mounts(self, container: Any) -> dict[str, tuple[str, str]]:
        return {
            mount["mountPath"]: (mount["name"], mount.get("subPath", ""))
            for mount in container["volumeMounts"]
        }

    def test_both_meet_in_memory_and_share_the_claim(self) -> None:
        ours, theirs = self.mounts(TRAILFEED), self.mounts(SIDECAR)
        socket = str(Path(CONFIG.output.address.removeprefix("unix://")).parent)
        assert ours[socket] == theirs[socket] == ("socket", "")
        assert ours[CONFIG.state.dir] == ("data", "trailfeed")
        assert theirs[STORAGE_PATH] == ("data", "fluent-bit")

    def test_what_was_acknowledged_is_on_a_claim_of_one_pod(self) -> None:
        (claim,) = STATEFUL_SET["volumeClaimTemplates"]
        assert claim["metadata"]["name"] == "data"
        assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
        assert set(STATEFUL_SET["persistentVolumeClaimRetentionPolicy"].values()) == {
            "Retain"
        }
        size = size_bytes(claim["spec"]["resources"]["requests"]["storage"])
        assert CONFIG.state.quarantine_max_bytes < size / 4

    def test_fluent_bit_ends_after_trailfeed_has_drained(self) -> None:
        assert SIDECAR["restartPolicy"] == "Always"
        longest_s = CONFIG.source.wait_time_s + CONFIG.pool.drain_timeout_s
        longest_s += FLUENT_BIT["service"]["grace"]
        assert POD["terminationGracePeriodSeconds"] >= longest_s + 15
        assert "lifecycle" not in TRAILFEED

    def test_memory_holds_what_the_configuration_allows(self) -> None:
        pool = CONFIG.pool
        needed = pool.workers * worst_worker_bytes(pool.inflight_bytes) + POOL_BYTES
        assert size_bytes(TRAILFEED["resources"]["limits"]["memory"]) >= needed
        chunks = FLUENT_BIT["service"]["storage.max_chunks_up"] * 2_000_000
        assert size_bytes(SIDECAR["resources"]["limits"]["memory"]) >= chunks * 2

    @both
    def test_no_memory_is_promised_twice(self, container: Any) -> None:
        resources = container["resources"]
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert "cpu" in resources["requests"]

    @both
    def test_it_keeps_to_the_restricted_profile(self, container: Any) -> None:
        assert POD["securityContext"]["runAsNonRoot"]
        assert POD["securityContext"]["runAsUser"] > 0
        assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPath" in volume for volume in POD["volumes"])

    @both
    def test_secrets_come_by_reference(self, container: Any) -> None:
        assert not any("value" in variable for variable in container.get("env", ()))
        assert not any(one["kind"] == "Secret" for one in resources().values())
        keys = {key.variable: key for key in known_keys().values()}
        assert not any(isinstance(keys[n].default, SecretStr) for n in ENVIRONMENT)

    @both
    def test_probes_ask_where_something_listens(self, container: Any) -> None:
        listening = {
            "status": int(CONFIG.status.listen.rpartition(":")[2]),
            "fluent-bit": FLUENT_BIT["service"]["http_port"],
        }
        (port,) = container["ports"]
        assert port["containerPort"] == listening[port["name"]]
        probes = [value for key, value in container.items() if key.endswith("Probe")]
        assert len(probes) >= 2
        assert {probe["httpGet"]["port"] for probe in probes} == {port["name"]}

    def test_what_listens_is_reached_from_outside_of_the_pod(self) -> None:
        assert CONFIG.status.listen.startswith("0.0.0.0:")
        host, _, _ = CONFIG.status.listen.rpartition(":")
        assert FLUENT_BIT["service"]["http_listen"] == host

    def test_a_restart_comes_after_the_supervisors_own_remedies(self) -> None:
        probe = TRAILFEED["livenessProbe"]
        waits_s = probe["periodSeconds"] * (probe["failureThreshold"] - 1)
        assert waits_s > SILENT_AFTER_S + KILL_AFTER_S

    def test_nothing_of_the_clusters_is_taken_for_a_setting(self) -> None:
        assert POD["enableServiceLinks"] is False
        assert POD["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("service", ("selector",)),
        ("poddisruptionbudget", ("selector", "matchLabels")),
        ("networkpolicy", ("podSelector", "matchLabels")),
    ],
)
def test_what_is_said_of_the_pods_is_said_of_these(
    name: str, path: tuple[str, ...]
) -> None:
    found = read(BASE / f"{name}.yaml")["spec"]
    for part in path:
        found = found[part]
    assert found == LABELS == STATEFUL_SET["selector"]["matchLabels"]


def test_others_reach_the_ports_that_the_containers_have() -> None:
    ports = [one["containerPort"] for c in (TRAILFEED, SIDECAR) for one in c["ports"]]
    service = read(BASE / "service.yaml")["spec"]
    assert [port["port"] for port in service["ports"]] == ports
    (rule,) = read(BASE / "networkpolicy.yaml")["spec"]["ingress"]
    assert [port["port"] for port in rule["ports"]] == ports
    assert rule["from"]


def test_pods_that_are_not_ready_hold_up_no_drain_of_a_node() -> None:
    spec = read(BASE / "poddisruptionbudget.yaml")["spec"]
    assert spec["maxUnavailable"] == 1
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


class TestScaling:
    spec = resources()["components/keda/scaledobject.yaml:0"]["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    (trigger,) = spec["triggers"]

    def test_the_queue_is_the_one_that_is_read(self) -> None:
        assert self.trigger["metadata"]["queueURLFromEnv"] in ENVIRONMENT
        assert (
            self.spec["scaleTargetRef"]["envSourceContainerName"] == TRAILFEED["name"]
        )

    def test_a_pod_asks_for_no_other_by_what_it_holds_itself(self) -> None:
        pool = CONFIG.pool
        waiting = pool.workers * pool.downloads_per_worker * BACKLOG_PER_DOWNLOAD
        assert int(self.trigger["metadata"]["queueLength"]) > 10 * waiting
        assert self.trigger["metadata"]["scaleOnInFlight"] == "true"

    def test_pods_go_one_at_a_time_each_within_its_grace(self) -> None:
        (policy,) = self.behavior["scaleDown"]["policies"]
        assert policy["value"] == 1
        assert policy["periodSeconds"] >= POD["terminationGracePeriodSeconds"]

    def test_there_is_always_a_pod(self) -> None:
        assert 1 <= self.spec["minReplicaCount"] <= self.spec["fallback"]["replicas"]
        assert self.spec["fallback"]["replicas"] <= self.spec["maxReplicaCount"]


def test_without_volumes_nothing_is_kept_and_the_configuration_holds() -> None:
    ephemeral = read(FOLDER / "components" / "ephemeral" / "kustomization.yaml")
    environment = {**ENVIRONMENT, **literals(ephemeral)}
    assert load(BASE / "trailfeed.toml", environment).state.dir == ""


def test_metrics_are_scraped_under_the_name_of_the_alerts() -> None:
    monitor = resources()["components/pod-monitor/podmonitor.yaml:0"]["spec"]
    assert LABELS[monitor["jobLabel"]] == "trailfeed"
    names = [end["port"] for end in monitor["podMetricsEndpoints"]]
    ports = [*TRAILFEED["ports"], *SIDECAR["ports"]]
    assert names == [port["name"] for port in ports]
    assert ports[1]["containerPort"] == FLUENT_BIT_PORT
