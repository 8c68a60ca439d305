"""``scripts/sbom``: licences and bill of materials of a tree, or why it has none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cyclonedx.schema
import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.functional

ROOT = Path(__file__).parents[3]
SCHEMAS = Path(cyclonedx.schema.__file__).parent / "_res"
DIGEST = "ab" * 32


class Tree:
    """Installed distributions, their lock, and what the script makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.lock = folder / "requirements.txt"
        self.lock.write_text("")

    def install(
        self,
        name: str,
        version: str,
        *metadata: str,
        files: Mapping[str, str] | None = None,
        where: str = "lib",
        is_locked: bool = True,
    ) -> None:
        folder = self.folder / "tree" / where / f"{name}-{version}.dist-info"
        (folder / "licenses").mkdir(parents=True)
        (folder / "sboms").mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        (folder / "METADATA").write_text("\n".join((*lines, *metadata, "", "License")))
        for path, text in (files or {"licenses/LICENSE": f"of {name}"}).items():
            (folder / path).write_text(text)
        if is_locked:
            with self.lock.open("a") as lock:
                lock.write(f"{name}=={version} ; os_name != 'nt' \\\n")
                lock.write(f"    --hash=sha256:{DIGEST}\n    # via trailfeed\n")

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own script
            [
                *(ROOT / "scripts" / "sbom", self.out, self.folder / "tree"),
                *("--lock", self.lock),
            ],
            env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def bill(self, **environment: str) -> dict[str, Any]:
        ended = self.run(**environment)
        assert ended.returncode == 0, ended.stderr
        document: dict[str, Any] = json.loads((self.out / "sbom.cdx.json").read_text())
        return document

    def refusal(self) -> str:
        ended = self.run()
        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1
        return ended.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def faults(document: object) -> list[str]:
    """What CycloneDX's own schema has against it."""
    registry: Registry[Any] = Registry()
    for path in SCHEMAS.glob("*.schema.json"):
        contents = json.loads(path.read_text("utf-8"))
        resource = Resource.from_contents(contents)
        registry = registry.with_resources([(path.name, resource)])
        registry = registry.with_resource(
            f"http://cyclonedx.org/schema/{path.name}", resource
        )
    schema = json.loads((SCHEMAS / "bom-1.6.SNAPSHOT.schema.json").read_text("utf-8"))
    return [
        f"{fault.json_path}: {fault.message}"
        for fault in Draft7Validator(schema, registry=registry).iter_errors(document)
    ]


def test_what_is_installed_is_described_as_the_schema_wants(tree: Tree) -> None:
    tree.install("Some_Thing", "1.2", "License-Expression: MIT", "Requires-Dist: six>1")
    tree.install("six", "1.17", "License: MIT")
    tree.install("two", "3", "License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)")
    tree.install("trailfeed", "0.1.0", is_locked=False)
    document = tree.bill()
    assert faults(document) == []
    six, thing, two = document["components"]
    assert thing["purl"] == "pkg:pypi/some-thing@1.2"
    assert thing["licenses"] == six["licenses"] == [{"license": {"id": "MIT"}}]
    assert two["licenses"] == [{"expression": "MPL-2.0 AND (Apache-2.0 OR MIT)"}]
    distribution = thing["externalReferences"][0]
    assert distribution["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    needs = {one["ref"]: one["dependsOn"] for one in document["dependencies"]}
    assert needs[thing["purl"]] == [six["purl"]]
    ours = document["metadata"]["component"]["bom-ref"]
    assert needs[ours] == [thing["purl"], two["purl"]]
    assert (tree.out / "licences" / "some-thing" / "LICENSE").read_text()
    assert "six 1.17: MIT" in (tree.out / "licences" / "INDEX").read_text()


def test_the_schema_would_object_to_nonsense() -> None:
    assert faults({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 1})


def test_one_for_several_pythons_counts_once_with_all_that_it_holds(
    tree: Tree,
) -> None:
    said = "License-Expression: Apache-2.0"
    first = {"licenses/LICENSE": "text", "sboms/rust.json": "{}"}
    tree.install("fast", "1", said, files=first, where="cp311")
    second = {"licenses/LICENSE": "text", "licenses/NOTICE": "notice"}
    tree.install("fast", "1", said, files=second, where="cp312", is_locked=False)
    (fast,) = tree.bill()["components"]
    references = {(one["type"], one["url"]) for one in fast["externalReferences"]}
    assert ("bom", "sboms/fast/rust.json") in references
    assert ("license", "licences/fast/NOTICE") in references
    assert (tree.out / "sboms" / "fast" / "rust.json").exists()


def test_the_lgpl_comes_with_the_gpl(tree: Tree) -> None:
    lgpl = "GNU Lesser General Public License v3 or later (LGPLv3+)"
    tree.install("logs", "1", f"Classifier: License :: OSI Approved :: {lgpl}")
    (logs,) = tree.bill()["components"]
    assert logs["licenses"] == [{"license": {"id": "LGPL-3.0-or-later"}}]
    gpl = (tree.out / "licences" / "logs" / "GPL-3.0").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in gpl


def test_the_same_tree_gives_the_same_bytes(tree: Tree) -> None:
    tree.install("six", "1.17", "License: MIT")
    first = tree.bill(SOURCE_DATE_EPOCH="1763712000")
    assert first["metadata"]["timestamp"] == "2025-11-21T08:00:00Z"
    assert tree.bill(SOURCE_DATE_EPOCH="1763712000") == first
    assert "timestamp" not in tree.bill()["metadata"]


def test_what_is_gone_leaves_no_licence_behind(tree: Tree) -> None:
    tree.install("six", "1.17", "License: MIT")
    old = tree.out / "licences" / "old"
    old.mkdir(parents=True)
    tree.bill()
    assert not old.exists()


def test_what_is_not_locked_may_not_ship(tree: Tree) -> None:
    tree.install("six", "1.17", "License: MIT", is_locked=False)
    assert "six 1.17 is installed: it is not in the lock" in tree.refusal()
    tree.lock.write_text("six==1.16\n")
    assert "six 1.17 is installed: the lock has 1.16" in tree.refusal()


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("License: see the file",),
        (
            "Classifier: License :: OSI Approved :: MIT License",
            "Classifier: License :: OSI Approved :: Apache Software License",
        ),
        ("Classifier: License :: OSI Approved :: BSD License", "License: MIT"),
    ],
)
def test_a_licence_that_is_not_clear_is_asked_for(
    tree: Tree, said: tuple[str, ...]
) -> None:
    tree.install("odd", "1", *said)
    assert "odd 1: its metadata does not say under which licence" in tree.refusal()


def test_a_licence_without_its_text_is_not_enough(tree: Tree) -> None:
    tree.install("bare", "1", "License: MIT", files={"RECORD": ""})
    assert "bare 1: its wheel holds no licence text" in tree.refusal()


def test_a_tree_without_anything_is_a_mistake(tree: Tree) -> None:
    (tree.folder / "tree").mkdir()
    assert "nothing is installed in it" in tree.refusal()


def test_this_environment_may_ship_but_for_what_development_needs(tree: Tree) -> None:
    """Each locked distribution that is installed here has a licence that is clear."""
    installed = Path(cyclonedx.schema.__file__).parents[2]
    lock = ROOT / "packaging" / "requirements-package.txt"
    names = {
        line.partition("==")[0].replace("-", "_")
        for line in lock.read_text().splitlines()
        if "==" in line
    }
    (tree.folder / "tree").mkdir()
    for folder in installed.glob("*.dist-info"):
        if folder.name.partition("-")[0].lower() in names:
            (tree.folder / "tree" / folder.name).symlink_to(folder)
    tree.lock = lock
    document = tree.bill()
    assert faults(document) == []
    shipped = {one["name"] for one in document["components"]}
    assert {"boto3", "multiprocessing-logging", "msgspec", "orjson"} <= shipped
    assert not {"moto", "pytest", "pip"} & shipped
