"""Many paths followed at once, each fork in them compiled to a function. No I/O.

Most records have nothing at the end of any path, and a few lookups find that out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.config.record_paths import RecordPath

    Test = Callable[[object], bool]
    TestObject = Callable[[dict[str, Any]], bool]
    Change = Callable[[object], object]
    ChangeObject = Callable[[dict[str, Any]], dict[str, Any]]

    Do = TypeVar("Do", Test, Change)
    Step = tuple[TestObject, Do]
    """Whether an object has nothing that is looked for, and what is done otherwise."""

GONE: Final = object()
"""What a change gives for a value that is to be taken away."""


class PathTree:
    """Paths with the same beginning, taken together.

    Args:
        paths: From an object down, none of them empty.
    """

    __slots__ = ("_every", "_is_end", "_names")

    def __init__(self, paths: Iterable[RecordPath]) -> None:
        by_name: dict[str, list[RecordPath]] = {}
        of_every: list[RecordPath] = []
        self._is_end = False
        for path in paths:
            if not path:
                self._is_end = True
            elif path[0] is None:
                of_every.append(path[1:])
            else:
                by_name.setdefault(path[0], []).append(path[1:])
        # Where `*` leads, a name leads as well.
        self._names = {
            name: PathTree(rests + of_every) for name, rests in by_name.items()
        }
        self._every = PathTree(of_every) if of_every else None

    def finder(self, test: Test) -> TestObject:
        """Make what says whether a test holds for a value at the end of a path.

        Nulls are not tested.
        """
        return _found_in(*self._steps(test, _found_below))

    def changer(self, change: Change) -> ChangeObject:
        """Make what changes the values at the ends of the paths, but for nulls.

        An object in which nothing changes comes back itself; of another one what lies
        on the way is copied.

        Args:
            change: Gives a value as it is to be: itself, if it stays, or :data:`GONE`.
        """
        return _changed_in(*self._steps(change, _changed_below))

    def _steps(
        self, at_end: Do, below: Callable[[dict[str, Step[Do]], Step[Do] | None], Do]
    ) -> tuple[dict[str, Step[Do]], Step[Do] | None]:
        """What is done with what a name leads to, and with all others."""

        def step(tree: PathTree) -> Step[Do]:
            do = at_end if tree._is_end else below(*tree._steps(at_end, below))
            return tree._is_apart, do

        return (
            {name: step(tree) for name, tree in self._names.items()},
            step(self._every) if self._every is not None else None,
        )

    @property
    def _is_apart(self) -> TestObject:
        """Tells at once of most objects that no path goes on in them."""
        if self._is_end or self._every is not None:
            return lambda _value: False
        return frozenset(self._names).isdisjoint


def _found_below(names: dict[str, Step[Test]], every: Step[Test] | None) -> Test:
    in_object = _found_in(names, every)

    def found(value: object) -> bool:
        if isinstance(value, dict):
            return in_object(value)
        if isinstance(value, list):
            return in_object({str(index): entry for index, entry in enumerate(value)})
        return False

    return found


def _found_in(names: dict[str, Step[Test]], every: Step[Test] | None) -> TestObject:
    if every is not None:
        return lambda value: _found(_each(names, every, value), value)
    return partial(_found, [(name, *step) for name, step in names.items()])


def _found(
    steps: Iterable[tuple[str, TestObject, Test]], value: dict[str, Any]
) -> bool:
    for name, is_apart, test in steps:
        inner = value.get(name)
        if inner is None or (type(inner) is dict and is_apart(inner)):
            continue
        if test(inner):
            return True
    return False


def _changed_below(
    names: dict[str, Step[Change]], every: Step[Change] | None
) -> Change:
    in_object = _changed_in(names, every)

    def changed(value: object) -> object:
        if isinstance(value, dict):
            return in_object(value)
        if isinstance(value, list):
            entries = {str(index): entry for index, entry in enumerate(value)}
            new = in_object(entries)
            return value if new is entries else [*new.values()]
        return value

    return changed


def _changed_in(
    names: dict[str, Step[Change]], every: Step[Change] | None
) -> ChangeObject:
    if every is not None:
        return lambda value: _changed(_each(names, every, value), value)
    return partial(_changed, [(name, *step) for name, step in names.items()])


def _changed(
    steps: Iterable[tuple[str, TestObject, Change]], value: dict[str, Any]
) -> dict[str, Any]:
    copied = None
    for name, is_apart, change in steps:
        old = value.get(name)
        if old is None or (type(old) is dict and is_apart(old)):
            continue
        new = change(old)
        if new is old:
            continue
        if copied is None:
            copied = value.copy()
        if new is GONE:
            del copied[name]
        else:
            copied[name] = new
    return value if copied is None else copied


def _each(
    names: dict[str, Step[Do]], every: Step[Do], value: Iterable[str]
) -> Iterable[tuple[str, TestObject, Do]]:
    for name in value:
        is_apart, do = names.get(name, every)
        yield name, is_apart, do
