"""The bill of materials as a CycloneDX document.

Source: CycloneDX 1.6, JSON; the package URL specification, type ``pypi``.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import licences
from lock import digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from distributions import Distribution
    from lock import Locked

OURS: Final = "trailfeed"

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:trailfeed:bill-of-materials")


def bill(
    shipped: Sequence[Distribution],
    *,
    locked: Locked,
    version: str,
    epoch_s: int | None,
) -> dict[str, Any]:
    """Describe what is shipped; the same input gives the same document.

    Args:
        shipped: All but trailfeed itself.
        locked: The digests of what may be shipped.
        version: Of trailfeed.
        epoch_s: When it was built; None: not said.

    Raises:
        SupplyError: Something is not locked, or without a licence.
    """
    components = [_component(one, digests(one, locked)) for one in shipped]
    ours = {
        "type": "application",
        "bom-ref": f"pkg:generic/{OURS}@{quote(version)}",
        "name": OURS,
        "version": version,
        "purl": f"pkg:generic/{OURS}@{quote(version)}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    told: dict[str, Any] = {"component": ours}
    if epoch_s is not None:
        at = datetime.fromtimestamp(epoch_s, UTC)
        told = {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **told}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": told,
        "components": components,
        "dependencies": _dependencies(shipped, str(ours["bom-ref"])),
    }
    content = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    serial = f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}"
    return {**document, "serialNumber": serial}


def _purl(one: Distribution) -> str:
    return f"pkg:pypi/{one.name}@{quote(one.version)}"


def _component(one: Distribution, sha256: Iterable[str]) -> dict[str, Any]:
    references = [
        {
            "type": "distribution",
            "url": _purl(one),
            "comment": "the files that the lock allows, one of which is installed",
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in sha256],
        },
        *_files("license", f"licences/{one.name}", licences.texts(one)),
        *_files("bom", f"sboms/{one.name}", one.boms),
    ]
    return {
        "type": "library",
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "description": one.summary,
        "licenses": [_licence(licences.expression(one))],
        "purl": _purl(one),
        "externalReferences": references,
    }


def _licence(expression: str) -> dict[str, Any]:
    if " " in expression:
        return {"expression": expression}
    return {"license": {"id": expression}}


def _files(
    kind: str, folder: str, files: Mapping[str, bytes]
) -> Iterable[dict[str, Any]]:
    for name, content in sorted(files.items()):
        sha256 = hashlib.sha256(content).hexdigest()
        yield {
            "type": kind,
            "url": f"{folder}/{quote(name)}",
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        }


def _dependencies(shipped: Sequence[Distribution], ours: str) -> list[dict[str, Any]]:
    by_name = {one.name: _purl(one) for one in shipped}
    needed = {name for one in shipped for name in one.requires}
    # What nothing else needs, trailfeed does.
    direct = sorted(_purl(one) for one in shipped if one.name not in needed)
    return [
        {"ref": ours, "dependsOn": direct},
        *(
            {
                "ref": _purl(one),
                "dependsOn": sorted(by_name[n] for n in one.requires if n in by_name),
            }
            for one in shipped
        ),
    ]
