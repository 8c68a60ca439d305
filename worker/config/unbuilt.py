"""Keys of the contract whose feature has no code yet: refused rather than ignored.

A feature that lands takes its lines out of :data:`UNBUILT`, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from worker.config.keys import known_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.config.model import Config


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A feature that one key asks for.

    Attributes:
        asks: Whether a value asks for the feature.
        feature: What is not there yet, as the beginning of a sentence.
        way_out: What to do until it is.
        seems_on: Whether the default, which is let through, looks as if it were there.
    """

    asks: Callable[[Any], bool]
    feature: str
    way_out: str = "leave this key at its default"
    seems_on: bool = False


def problems(config: Config) -> tuple[str, ...]:
    """Return what the configuration asks for in vain, a line each."""
    keys = known_keys()
    return tuple(
        f"{dotted}: {unbuilt.feature} not built yet; {unbuilt.way_out}"
        for dotted, unbuilt in UNBUILT.items()
        if unbuilt.asks(keys[dotted].value_in(config))
    )


def remark(config: Config) -> str:
    """Name the keys that are let through though nothing comes of them; or empty."""
    keys = known_keys()
    idle = [
        dotted
        for dotted, unbuilt in UNBUILT.items()
        if unbuilt.seems_on and keys[dotted].value_in(config)
    ]
    return f"not built yet, without effect: {', '.join(idle)}" if idle else ""


def _is_none_of(*accepted: object) -> Callable[[object], bool]:
    return lambda value: value not in accepted


UNBUILT: Final[Mapping[str, Unbuilt]] = MappingProxyType(
    {
        "status.listen": Unbuilt(
            _is_none_of("127.0.0.1:9464", ""),
            "the status endpoint is",
            "set it empty, or leave this key at its default",
            seems_on=True,
        ),
    }
)
