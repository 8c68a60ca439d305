"""Under which licence a distribution is, and with which texts it is passed on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from distributions import SupplyError

if TYPE_CHECKING:
    from distributions import Distribution

TEXTS: Final = Path(__file__).parent / "texts"

_OF_CLASSIFIER: Final = {
    "Apache Software License": "Apache-2.0",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_OF_FIELD: Final = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD-2-Clause": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "ISC": "ISC",
    "MIT": "MIT",
    "MIT License": "MIT",
}
# What their metadata leaves open, their licence files say.
_READ_BY_HAND: Final = {"python-dateutil": "Apache-2.0 OR BSD-3-Clause"}

# Texts that some distributions leave out of their wheels: the file in TEXTS, and the
# name that it gets.
_OWN_TEXTS: Final = {"ua-parser-builtins": ("Apache-2.0", "LICENSE")}


def expression(one: Distribution) -> str:
    """Return the licence as an expression of SPDX.

    Raises:
        SupplyError: The metadata does not say.
    """
    if one.expression:
        return one.expression
    if one.name in _READ_BY_HAND:
        return _READ_BY_HAND[one.name]
    said = {_OF_CLASSIFIER[c] for c in one.classifiers if c in _OF_CLASSIFIER}
    if len(said) == len(one.classifiers) == 1:
        return said.pop()
    if not one.classifiers and one.field in _OF_FIELD:
        return _OF_FIELD[one.field]
    raise SupplyError(
        f"{one.name} {one.version}: its metadata does not say under which licence it "
        "is: read its licence file, and say it in packaging/supply/licences.py"
    )


def texts(one: Distribution) -> dict[str, bytes]:
    """Return the texts to pass on, by file name.

    Raises:
        SupplyError: There is none.
    """
    found = dict(one.licence_files)
    if not found and one.name in _OWN_TEXTS:
        source, name = _OWN_TEXTS[one.name]
        found[name] = (TEXTS / source).read_bytes()
    if not found:
        raise SupplyError(
            f"{one.name} {one.version}: its wheel holds no licence text: put it into "
            "packaging/supply/texts, and name it in packaging/supply/licences.py"
        )
    if "LGPL-3.0" in expression(one):
        # It is a set of permissions on top of the GPL, and asks for both texts (§ 4b).
        found.setdefault("GPL-3.0", (TEXTS / "GPL-3.0").read_bytes())
    return found
