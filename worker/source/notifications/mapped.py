"""Other producers' messages, read where ``[source.mapping]`` says. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.config.places import EVERY, parse_place
from worker.source.notifications.fields import bucket_name, malformed, object_key
from worker.source.notifications.model import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.config.places import Place

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where a message names one bucket, and keys in it.

    Keys are taken as they are, with nothing unquoted.

    Attributes:
        bucket: Without :data:`EVERY`.
        keys: Each place that it leads to holds one key.
    """

    bucket: Place
    keys: Place

    @classmethod
    def of(cls, bucket: str, keys: str) -> Mapping | None:
        """Read the settings; None where they are empty."""
        if not (bucket and keys):
            return None
        return cls(parse_place(bucket), parse_place(keys))

    def fits(self, document: dict[str, Any]) -> bool:
        """Whether a message has the bucket, and where the keys' path begins."""
        return (
            _at(document, self.bucket) is not _NOTHING
            and _at(document, self.keys[:1]) is not _NOTHING
        )

    def objects(self, document: dict[str, Any]) -> Iterator[ObjectRef]:
        """Name the objects of a message that fits, in its order.

        Raises:
            UnknownMessageError: A bucket or a key is not where it should be.
        """
        bucket = bucket_name(_at(document, self.bucket), _shown(self.bucket))
        for key in _each(document, self.keys, ""):
            yield ObjectRef(bucket=bucket, key=key)

    def narrowed(self, document: dict[str, Any], key: str) -> dict[str, Any] | None:
        """The message without other keys; None where the key is not found."""
        found = _only(document, self.keys, key)
        return found if isinstance(found, dict) else None


def _at(value: object, place: Place) -> object:
    """What is there, on a way without :data:`EVERY`."""
    for step in place:
        match value, step:
            case dict(), str():
                value = value.get(step, _NOTHING)
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                return _NOTHING
    return value


def _each(value: object, place: Place, passed: str) -> Iterator[str]:
    if not place:
        if not isinstance(value, str) or not value:
            raise malformed(passed, "a key")
        yield object_key(value, passed)
        return
    step, rest = place[0], place[1:]
    if step is EVERY:
        if not isinstance(value, list):
            raise malformed(passed, "a list")
        for index, element in enumerate(value):
            yield from _each(element, rest, f"{passed}[{index}]")
        return
    inner = _at(value, (step,))
    passed = _joined(passed, step)
    if inner is _NOTHING:
        raise malformed(passed, "a key" if not rest else "a part")
    yield from _each(inner, rest, passed)


def _only(value: object, place: Place, key: str) -> object:
    if not place:
        return value if value == key else _NOTHING
    step, rest = place[0], place[1:]
    if step is EVERY:
        if not isinstance(value, list):
            return _NOTHING
        kept = (_only(element, rest, key) for element in value)
        return [element for element in kept if element is not _NOTHING] or _NOTHING
    inner = _only(_at(value, (step,)), rest, key)
    if inner is _NOTHING:
        return _NOTHING
    if isinstance(value, list):
        return [inner if n == step else one for n, one in enumerate(value)]
    return {**value, step: inner} if isinstance(value, dict) else _NOTHING


def _joined(passed: str, step: str | int | None) -> str:
    if not isinstance(step, str):
        return f"{passed}[{'*' if step is EVERY else step}]"
    return f"{passed}.{step}" if passed else step


def _shown(place: Place) -> str:
    """A path as it is written."""
    passed = ""
    for step in place:
        passed = _joined(passed, step)
    return passed
