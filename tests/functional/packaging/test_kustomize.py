"""The overlays as kustomize builds them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto brings it, without stubs

from tests.fakes.kubernetes import faults

pytestmark = pytest.mark.functional

FOLDER = Path(__file__).parents[3] / "packaging" / "kubernetes"
BUILT = ["base", *sorted(f"overlays/{p.name}" for p in (FOLDER / "overlays").iterdir())]


def build(folder: str) -> dict[str, Any]:
    """The resources by kind; ConfigMaps by their name without the hash."""
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if program := shutil.which(command[0]):
            break
    else:
        pytest.skip("neither kustomize nor kubectl is on the PATH")
    ended = subprocess.run(  # noqa: S603 - what was found on the PATH
        [program, command[1], str(FOLDER / folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr, "a warning"
    documents = list(yaml.safe_load_all(ended.stdout))
    return {_key(document): document for document in documents}


def _key(document: Any) -> str:
    if document["kind"] == "ConfigMap":
        return str(document["metadata"]["name"].rpartition("-")[0])
    return str(document["kind"])


def pod(resources: dict[str, Any]) -> Any:
    return resources["StatefulSet"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("folder", BUILT)
def test_kubernetes_would_take_it(folder: str) -> None:
    for name, document in build(folder).items():
        assert faults(document) == [], name


@pytest.mark.parametrize("folder", BUILT)
def test_a_change_of_configuration_rolls_the_pods(folder: str) -> None:
    resources = build(folder)
    names = {
        resources[name]["metadata"]["name"] for name in resources if name[0] == "t"
    }
    volumes = [v["configMap"]["name"] for v in pod(resources)["volumes"][:2]]
    (trailfeed,) = pod(resources)["containers"]
    environment = trailfeed["envFrom"][0]["configMapRef"]["name"]
    assert {*volumes, environment} == names
    assert len(names) == 3


def test_with_all_that_eks_offers() -> None:
    resources = build("overlays/eks")
    assert "replicas" not in resources["StatefulSet"]["spec"]
    (trigger,) = resources["ScaledObject"]["spec"]["triggers"]
    queue_url = resources["trailfeed-environment"]["data"]["TRAILFEED_SOURCE_QUEUE_URL"]
    assert f".{trigger['metadata']['awsRegion']}." in queue_url
    annotations = resources["ServiceAccount"]["metadata"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"].startswith("arn:aws:iam::")
    assert "opensearch" in resources["trailfeed-fluent-bit"]["data"]["outputs.yaml"]
    assert (
        "${OPENSEARCH_PASSWORD}"
        in (resources["trailfeed-fluent-bit"]["data"]["outputs.yaml"])
    )
    (claim,) = resources["StatefulSet"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"]
    labels = resources["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    namespaces = {
        document["metadata"].get("namespace")
        for name, document in resources.items()
        if name != "Namespace"
    }
    assert namespaces == {"trailfeed"}


def test_without_volumes() -> None:
    resources = build("overlays/ephemeral")
    assert "volumeClaimTemplates" not in resources["StatefulSet"]["spec"]
    (data,) = [one for one in pod(resources)["volumes"] if one["name"] == "data"]
    assert set(data) == {"name", "emptyDir"}
    environment = resources["trailfeed-environment"]["data"]
    assert environment["TRAILFEED_STATE_DIR"] == ""
    assert environment["TRAILFEED_SOURCE_QUEUE_URL"]


def test_every_component_is_in_some_overlay() -> None:
    used = {
        Path(component).name
        for path in FOLDER.glob("overlays/*/kustomization.yaml")
        for component in yaml.safe_load(path.read_text("utf-8"))["components"]
    }
    assert used == {path.name for path in (FOLDER / "components").iterdir()}
