"""Writes man pages and completions: ``python write.py FOLDER VERSION DATE``.

Into ``FOLDER/man`` and ``FOLDER/completions``, from the commands as they are and from
``conf/trailfeed.toml``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import completions
import manual
from commands import commands

_HERE = Path(__file__).parent
_EXAMPLE = _HERE.parents[1] / "conf" / "trailfeed.toml"


def main(folder: Path, version: str, date: str) -> None:
    """Write all of them.

    Args:
        folder: Exists or not.
        version: trailfeed's.
        date: Of the pages.
    """
    found = tuple(commands())
    head = f'{date} "trailfeed {version}" trailfeed'
    around = (_HERE / "trailfeed.1.in").read_text("utf-8")
    example = _EXAMPLE.read_text("utf-8")
    pages = {
        "man/man1/trailfeed.1": manual.commands_page(found, around, head=head),
        "man/man5/trailfeed.toml.5": manual.configuration_page(example, head=head),
        "completions/trailfeed.bash": completions.bash(found),
        "completions/trailfeed.zsh": completions.zsh(found),
        "completions/trailfeed.fish": completions.fish(found),
    }
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
