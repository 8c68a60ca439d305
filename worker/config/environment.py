"""What the environment says: ``TRAILFEED_<SECTION>_<KEY>`` and ``${NAME}``."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.config.keys import VARIABLE_PREFIX, Key, known_keys, known_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The test suite's and the benchmark's own variables.
_FOREIGN_PREFIXES: Final = ("TRAILFEED_TEST_", "TRAILFEED_BENCH_")
# Above this a variable outside every section is a misspelt one, not somebody else's.
_MISSPELT_RATIO: Final = 0.85

_REFERENCE = re.compile(r"\$(?:\$|\{(?P<name>[^{}]*)\}|(?P<torn>\{))")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Variables:
    """What the environment's own variables say.

    Attributes:
        values: The values that they set, by dotted key.
        problems: A line for every variable that names no key or does not parse.
        refused: The dotted keys of those that do not parse.
    """

    values: Mapping[str, object]
    problems: tuple[str, ...]
    refused: frozenset[str]


def read_variables(environ: Mapping[str, str]) -> Variables:
    """Take the keys that the environment sets."""
    keys = {key.variable: key for key in known_keys().values()}
    values: dict[str, object] = {}
    problems: list[str] = []
    refused: set[str] = set()
    for variable in sorted(environ):
        if variable in keys:
            key = keys[variable]
            try:
                values[key.dotted] = _parse(key, environ[variable])
            except ValueError as error:
                problems.append(f"{key.dotted}: {variable} {error}")
                refused.add(key.dotted)
        elif _is_ours(variable):
            near = difflib.get_close_matches(variable, keys, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"{variable}: sets no key of the configuration{hint}")
    return Variables(values, tuple(problems), frozenset(refused))


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Put environment variables for ``${NAME}`` and a dollar sign for ``$$``.

    A dollar sign before anything else stands for itself, as regular expressions end in
    one.

    Raises:
        ValueError: A variable is unset, or ``${`` begins no reference.
    """

    def replacement(match: re.Match[str]) -> str:
        name = match["name"]
        if match["torn"] or (name is not None and not _VARIABLE_NAME.fullmatch(name)):
            raise ValueError('"${" begins no ${NAME}; a dollar sign is written "$$"')
        if name is None:
            return "$"
        if name not in environ:
            raise ValueError(f"environment variable {name} is not set")
        return environ[name]

    return _REFERENCE.sub(replacement, text)


def escape(text: str) -> str:
    """Write ``text`` so that :func:`expand` gives it back."""
    return re.sub(r"\$(?=[${])", "$$", text)


def _is_ours(variable: str) -> bool:
    if not variable.startswith(VARIABLE_PREFIX):
        return False
    if variable.startswith(_FOREIGN_PREFIXES):
        return False
    sections = {section.partition(".")[0].upper() for section in known_sections()}
    if variable.removeprefix(VARIABLE_PREFIX).partition("_")[0] in sections:
        return True
    variables = [key.variable for key in known_keys().values()]
    return bool(
        difflib.get_close_matches(variable, variables, n=1, cutoff=_MISSPELT_RATIO)
    )


def _parse(key: Key, text: str) -> object:
    """Turn a variable's text into the type that the key has.

    Raises:
        ValueError: It cannot be turned; the text says what it should have been, and
            repeats nothing of it.
    """
    parse = _PARSERS.get(type(key.default))
    return text if parse is None else parse(text)


def _parse_bool(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise ValueError('is neither "true" nor "false"') from None


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("is no integer") from None


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is no number") from None


def _parse_list(text: str) -> list[object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        return value
    raise ValueError('is no JSON array, such as ["one", "two"]')


_PARSERS: Final[Mapping[type, Callable[[str], object]]] = {
    bool: _parse_bool,
    int: _parse_int,
    float: _parse_float,
    tuple: _parse_list,
}
