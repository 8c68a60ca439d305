"""Many paths followed at once, each fork in them compiled to a function. No I/O.

Most records have nothing at the end of any path, and a few lookups find that out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.config.record_paths import RecordPath

    Test = Callable[[object], bool]
    TestObject = Callable[[dict[str, Any]], bool]
    Change = Callable[[Any], Any]

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

    def finder(self, test: Test) -> Test:
        """Make what says whether a test holds for a value at the end of a path.

        Nulls are not tested.
        """
        return _finder(*self._steps(test, _finder))

    def changer(self, change: Change) -> Change:
        """Make what changes the values at the ends of the paths, but for nulls.

        An object in which nothing changes comes back itself; of another one what lies
        on the way is copied.

        Args:
            change: Gives a value as it is to be: itself, if it stays, or :data:`GONE`.
        """
        return _changer(*self._steps(change, _changer))

    def _steps(
        self, at_end: Do, fork: Callable[[dict[str, Step[Do]], Step[Do] | None], Do]
    ) -> tuple[dict[str, Step[Do]], Step[Do] | None]:
        """What is done with what a name leads to, and with all others."""

        def step(tree: PathTree) -> Step[Do]:
            do = at_end if tree._is_end else fork(*tree._steps(at_end, fork))
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


def _finder(names: dict[str, Step[Test]], every: Step[Test] | None) -> Test:
    plain = [(name, *step) for name, step in names.items()]

    def found(value: object) -> bool:
        if not isinstance(value, dict):
            return isinstance(value, list) and found(_by_index(value))
        steps = plain if every is None else _each(names, every, value)
        for name, is_apart, test in steps:
            inner = value.get(name)
            if inner is None or (type(inner) is dict and is_apart(inner)):
                continue
            if test(inner):
                return True
        return False

    return found


def _changer(names: dict[str, Step[Change]], every: Step[Change] | None) -> Change:
    plain = [(name, *step) for name, step in names.items()]

    def changed(value: Any) -> Any:
        if not isinstance(value, dict):
            return _changed_list(value, changed) if isinstance(value, list) else value
        copied = None
        steps = plain if every is None else _each(names, every, value)
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

    return changed


def _changed_list(value: list[Any], changed: Change) -> list[Any]:
    entries = _by_index(value)
    outcome = changed(entries)
    return value if outcome is entries else [*outcome.values()]


def _by_index(entries: list[Any]) -> dict[str, Any]:
    return {str(index): entry for index, entry in enumerate(entries)}


def _each(
    names: dict[str, Step[Do]], every: Step[Do], value: dict[str, Any]
) -> list[tuple[str, TestObject, Do]]:
    steps = [(name, names.get(name, every)) for name in value]
    return [(name, is_apart, do) for name, (is_apart, do) in steps]
