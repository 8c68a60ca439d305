"""What is installed in a tree of files: one entry for each distribution and version."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from email.parser import Parser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LICENCE_FILE = re.compile(r"(?i)(licen[cs]e|copying|notice|authors)")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_FOR_AN_EXTRA = re.compile(r";.*\bextra\s*==")


class SupplyError(Exception):
    """Something is shipped that may not be, or not like this; its text says what."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: Normalized.
        expression: Of SPDX, as the distribution states it; empty: not stated.
        field: What it says as ``License``.
        classifiers: The last parts of its classifiers about licences.
        requires: Normalized names of what it needs, whatever the platform; not what
            only its extras need.
        licence_files: Texts of licences, notices and authors, by name.
        boms: Bills of materials of what is compiled into it, by name.

    Source: the core metadata specifications, PEP 639 (licences), PEP 770 (``sboms``).
    """

    name: str
    version: str
    summary: str
    expression: str
    field: str
    classifiers: tuple[str, ...]
    requires: tuple[str, ...]
    licence_files: dict[str, bytes]
    boms: dict[str, bytes]


def installed(tree: Path) -> list[Distribution]:
    """Find all of them, however deep; the same one for several Pythons counts once.

    Raises:
        SupplyError: There is none, or one has no name or version.
    """
    found: dict[tuple[str, str], Distribution] = {}
    for folder in sorted(tree.rglob("*.dist-info")):
        one = _read(folder)
        key = (one.name, one.version)
        if (same := found.get(key)) is not None:
            one = replace(
                same,
                licence_files={**same.licence_files, **one.licence_files},
                boms={**same.boms, **one.boms},
                requires=tuple(sorted({*same.requires, *one.requires})),
            )
        found[key] = one
    if not found:
        raise SupplyError(f"{tree}: nothing is installed in it (no *.dist-info)")
    return [found[key] for key in sorted(found)]


def normalized(name: str) -> str:
    """Write a name as all of its spellings are.

    Source: PEP 503.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(folder: Path) -> Distribution:
    try:
        text = (folder / "METADATA").read_text("utf-8")
    except OSError as error:
        raise SupplyError(f"{folder}: no METADATA ({error.strerror})") from error
    metadata = Parser().parsestr(text, headersonly=True)
    name, version = metadata.get("Name"), metadata.get("Version")
    if not name or not version:
        raise SupplyError(f"{folder}: its METADATA names no name or no version")
    classifiers = (line.split(" :: ") for line in metadata.get_all("Classifier", []))
    return Distribution(
        name=normalized(name),
        version=version,
        summary=metadata.get("Summary", ""),
        expression=metadata.get("License-Expression", ""),
        field=metadata.get("License", ""),
        classifiers=tuple(sorted(c[-1] for c in classifiers if c[0] == "License")),
        requires=tuple(sorted(_required(metadata.get_all("Requires-Dist", [])))),
        licence_files=dict(_licence_files(folder, metadata.get_all("License-File"))),
        boms={one.name: one.read_bytes() for one in (folder / "sboms").glob("*.json")},
    )


def _required(lines: Iterable[str]) -> set[str]:
    matches = (_REQUIREMENT.match(x) for x in lines if not _FOR_AN_EXTRA.search(x))
    return {normalized(match[1]) for match in matches if match}


def _licence_files(
    folder: Path, stated: list[str] | None
) -> Iterator[tuple[str, bytes]]:
    """Give the files that are stated, and those that look like it all the same."""
    paths = {p for p in folder.rglob("*") if _LICENCE_FILE.match(p.name)}
    for name in stated or ():
        paths |= {folder / "licenses" / name, folder / name}
    for path in sorted(paths):
        if path.is_file():
            below = path.relative_to(folder).parts
            parts = below[1:] if below[0] == "licenses" else below
            yield "-".join(parts), path.read_bytes()
