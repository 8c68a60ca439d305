"""From a file and the environment to a configuration, or to every problem at once."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from worker.config import rules
from worker.config.environment import expand, read_variables
from worker.config.keys import (
    Key,
    known_keys,
    known_sections,
    nearest_keys,
    nearest_section,
)
from worker.config.model import Config
from worker.config.wording import kind_of, printable, sentence_of
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Lets the other keys be judged where the one required key is missing or wrong.
_STAND_INS: Final[Mapping[str, object]] = {
    "source.queue_url": "https://sqs.us-east-1.amazonaws.com/000000000000/stand-in"
}


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and judge a configuration.

    Args:
        path: The TOML file.
        environ: The environment: ``TRAILFEED_<SECTION>_<KEY>`` wins over the file, and
            ``${NAME}`` in the file's strings takes a variable of it.

    Raises:
        ConfigError: With every problem, a line each, that begins with the key, the
            variable or the file.
    """
    reading = _Reading(environ)
    reading.take_file(_read_toml(path))
    reading.take_environment()
    return reading.judge()


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = f"line {line} is not UTF-8"
    except ValueError as error:
        # Beside TOMLDecodeError: integers too long to be converted.
        problem = f"is not TOML: {error}"
    except RecursionError:
        problem = "is not TOML: nested too deeply"
    raise ConfigError((f"{path}: {problem}",))


class _Reading:
    """One pass over file and environment, that gathers problems as it goes."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._values: dict[str, object] = {}
        self._problems: list[str] = []
        self._unjudged: set[str] = set()
        self._expanded: set[str] = set()
        self._overridden: set[str] = set()

    def take_file(self, table: Mapping[str, object]) -> None:
        for name, value in table.items():
            if name not in known_sections():
                self._problems.append(_unknown_section(name, value))
            elif isinstance(value, dict):
                self._take_section(name, value)
            else:
                self._refuse_section(name, value)

    def take_environment(self) -> None:
        variables = read_variables(self._environ)
        self._values.update(variables.values)
        self._overridden.update(variables.values)
        self._problems += variables.problems
        self._unjudged |= variables.refused

    def judge(self) -> Config:
        """Validate what was taken.

        Raises:
            ConfigError: With every problem found since the reading began.
        """
        try:
            config = Config.model_validate(_nested(self._values))
        except ValidationError as error:
            self._report(error)
            right = {
                dotted: value
                for dotted, value in self._values.items()
                if dotted not in self._unjudged
            }
            config = Config.model_validate(_nested({**_STAND_INS, **right}))
        self._problems += rules.problems(config, self._unjudged)
        if self._problems:
            raise ConfigError(tuple(dict.fromkeys(self._problems)))
        return config

    def _take_section(self, section: str, table: Mapping[str, object]) -> None:
        for name, value in table.items():
            dotted = f"{section}.{name}"
            if dotted in known_keys():
                self._take_value(known_keys()[dotted], value)
            elif dotted not in known_sections():
                self._problems.append(_unknown_key(section, name))
            elif isinstance(value, dict):
                self._take_section(dotted, value)
            else:
                self._refuse_section(dotted, value)

    def _take_value(self, key: Key, value: object) -> None:
        if key.variable in self._environ:
            return  # the environment wins: what it hides need not be right
        try:
            taken = self._expand(value)
        except ValueError as error:
            self._problems.append(f"{key.dotted}: {error}")
            self._unjudged.add(key.dotted)
            return
        if isinstance(value, str | list) and taken != value:
            self._expanded.add(key.dotted)
        self._values[key.dotted] = taken

    def _expand(self, value: object) -> object:
        if isinstance(value, str):
            return expand(value, self._environ)
        if isinstance(value, list):
            return [self._expand(item) for item in value]
        return value

    def _refuse_section(self, section: str, value: object) -> None:
        self._problems.append(f"{section}: expected a table, got {kind_of(value)}")

    def _report(self, error: ValidationError) -> None:
        refused: set[str] = set()
        for finding in error.errors(include_url=False):
            key = known_keys()[_dotted(finding["loc"])]
            if key.dotted in self._unjudged:
                continue
            # What came in by ${NAME} may be a secret in the wrong place.
            shows_value = not key.is_secret and key.dotted not in self._expanded
            sentence = sentence_of(finding, shows_value=shows_value)
            origin = f" (from {key.variable})" if key.dotted in self._overridden else ""
            self._problems.append(f"{key.dotted}: {sentence}{origin}")
            refused.add(key.dotted)
        self._unjudged |= refused


def _dotted(location: tuple[int | str, ...]) -> str:
    """The key that pydantic's location lies in; list indices are left out."""
    names = [part for part in location if isinstance(part, str)]
    while (dotted := ".".join(names)) not in known_keys():
        names.pop()
    return dotted


def _nested(values: Mapping[str, object]) -> dict[str, object]:
    table: dict[str, object] = {"source": {}}
    for dotted, value in values.items():
        *sections, name = dotted.split(".")
        inner = table
        for section in sections:
            inner = cast("dict[str, object]", inner.setdefault(section, {}))
        inner[name] = value
    return table


def _unknown_section(name: str, value: object) -> str:
    if not isinstance(value, dict):
        near = nearest_keys("", name)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"{printable(name)}: stands in no section{hint}"
    section = nearest_section(name)
    known = "the sections are " + ", ".join(known_sections())
    hint = f"did you mean [{section}]?" if section else known
    return f"{printable(name)}: unknown section; {hint}"


def _unknown_key(section: str, name: str) -> str:
    near = nearest_keys(section, name)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{section}.{printable(name)}: unknown key{hint}"
