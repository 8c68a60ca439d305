"""Licences and bill of materials of an installed tree: ``scripts/sbom OUTDIR TREE``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import licences
from bill import OURS, bill
from distributions import SupplyError, installed
from lock import read_lock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distributions import Distribution

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str]) -> int:
    """Write them; return the exit code: 0 done, 1 if something may not be shipped."""
    parser = argparse.ArgumentParser(
        prog="sbom",
        description="Collect the licences of what is installed in a tree, and write "
        "its bill of materials (CycloneDX 1.6): OUTDIR/sbom.cdx.json, OUTDIR/licences "
        "and, for what is compiled into wheels, OUTDIR/sboms. Fails where something is "
        "not in the lock, or its licence is not known.",
        epilog="Example: scripts/sbom build/doc build/opt/trailfeed",
    )
    parser.add_argument("outdir", type=Path, metavar="OUTDIR")
    parser.add_argument("tree", type=Path, metavar="TREE")
    parser.add_argument(
        "--lock",
        type=Path,
        default=ROOT / "packaging" / "requirements-package.txt",
        metavar="FILE",
        help="what may be installed (default: packaging/requirements-package.txt)",
    )
    chosen = parser.parse_args(arguments)
    try:
        shipped = [one for one in installed(chosen.tree) if one.name != OURS]
        document = bill(
            shipped,
            locked=read_lock(chosen.lock),
            version=_version(),
            epoch_s=_epoch_s(os.environ),
        )
        _write(chosen.outdir, shipped, document)
    except (SupplyError, OSError) as error:
        sys.stderr.write(f"sbom: {error}\n")
        return 1
    sys.stderr.write(f"sbom: {len(shipped)} distributions in {chosen.outdir}\n")
    return 0


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def _epoch_s(environ: Mapping[str, str]) -> int | None:
    said = environ.get("SOURCE_DATE_EPOCH", "")
    if said and not said.isdecimal():
        raise SupplyError(f"SOURCE_DATE_EPOCH: expected seconds, got {said!r}")
    return int(said) if said else None


def _write(
    outdir: Path, shipped: Sequence[Distribution], document: Mapping[str, object]
) -> None:
    for part in ("licences", "sboms"):
        shutil.rmtree(outdir / part, ignore_errors=True)
    for one in shipped:
        _put(outdir / "licences" / one.name, licences.texts(one))
        _put(outdir / "sboms" / one.name, one.boms)
    table = "".join(
        f"{one.name} {one.version}: {licences.expression(one)}\n" for one in shipped
    )
    _put(outdir / "licences", {"INDEX": table.encode()})
    _put(outdir, {"sbom.cdx.json": json.dumps(document, indent=1).encode() + b"\n"})


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    if files:
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
