"""The keys that the model knows, by their names in the file and in the environment."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from worker.config.model import Config
from worker.config.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE_PREFIX: Final = "TRAILFEED_"


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        section: Its section as written in the file, such as ``source.mapping``.
        name: Its name there.
        attribute: Its name in the section's model.
        default: The value of a file that does not name it; None where it is required.
        is_secret: Whether its value is never shown.
    """

    section: str
    name: str
    attribute: str
    default: object
    is_secret: bool

    @property
    def dotted(self) -> str:
        """``section.name``, as problems begin."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that wins over the file."""
        return VARIABLE_PREFIX + self.dotted.replace(".", "_").upper()

    def value_in(self, config: Config) -> object:
        """The key's value in ``config``."""
        section: object = config
        for part in self.section.split("."):
            section = getattr(section, part)
        return getattr(section, self.attribute)


@cache
def known_keys() -> Mapping[str, Key]:
    """Every key by its dotted name, in the order of the file."""
    return MappingProxyType({key.dotted: key for key in _keys_of(Config, "")})


@cache
def known_sections() -> tuple[str, ...]:
    """Every section's dotted name, in the order of the file."""
    return tuple(dict.fromkeys(key.section for key in known_keys().values()))


def nearest_keys(section: str, name: str) -> tuple[str, ...]:
    """The dotted names that ``section.name`` was most likely meant to be.

    These are the most similar key of the same section and the keys of that very name in
    others; failing both, the most similar ones of any section.
    """
    written = name.lower().replace("-", "_")
    keys = known_keys().values()
    inner_sections = [
        inner.removeprefix(f"{section}.")
        for inner in known_sections()
        if inner.startswith(f"{section}.")
    ]
    names_here = [key.name for key in keys if key.section == section]
    near_here = difflib.get_close_matches(written, names_here + inner_sections, n=1)
    same_name = [key.dotted for key in keys if key.name == written]
    nearest = [*(f"{section}.{near}" for near in near_here), *same_name]
    if not nearest:
        near = difflib.get_close_matches(written, [key.name for key in keys], n=1)
        nearest = [key.dotted for key in keys if key.name in near]
    return tuple(dict.fromkeys(nearest))


def nearest_section(name: str) -> str | None:
    """The section that ``name`` was most likely meant to be."""
    near = difflib.get_close_matches(name.lower(), known_sections(), n=1)
    return near[0] if near else None


def _keys_of(model: type[Section], section: str) -> Iterator[Key]:
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _keys_of(kind, f"{section}.{name}" if section else name)
        else:
            yield Key(
                section=section,
                name=name,
                attribute=attribute,
                default=None if field.is_required() else field.default,
                is_secret=kind is SecretStr,
            )
