"""The effective configuration as TOML that can be read again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from worker.config.environment import escape
from worker.config.keys import known_keys

if TYPE_CHECKING:
    from worker.config.model import Config

MASK: Final = "********"


def render(config: Config) -> str:
    """Write every key with its value, section by section in the order of the contract.

    A secret that is set shows as :data:`MASK`. All else loads again as it was.
    """
    sections: dict[str, list[str]] = {}
    for key in known_keys().values():
        lines = sections.setdefault(key.section, [f"[{key.section}]"])
        lines.append(f"{key.name} = {toml_value(key.value_in(config))}")
    return "\n\n".join("\n".join(lines) for lines in sections.values()) + "\n"


def toml_value(value: object) -> str:
    """Write one value, with dollar signs such that loading leaves them alone.

    Raises:
        TypeError: No key holds such a value.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            # Keys in seconds take fractions, yet most are whole.
            return str(int(value)) if value.is_integer() else repr(value)
        case SecretStr():
            return _string(MASK if value else "")
        case str():
            return _string(escape(value))
        case tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case _:
            raise TypeError(f"no TOML for {type(value).__name__}")


def _string(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL (TOML 1.0, "String").
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
