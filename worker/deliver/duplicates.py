"""Notifications of an object that another one is about already. No I/O.

The first leads: it alone is claimed and read, and the others wait for what becomes of
it. What was received before the read began is covered by it whatever it reads, as S3
reads what was written last (S3 User Guide, "Amazon S3 data consistency model"). What is
received later is covered where both name the same version or ETag and that is read;
else it waits for the next read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.deliver.journal_batch import ObjectKey
    from worker.deliver.ledger import HeldObject

MAX_OBJECTS: Final = 2_000
"""So many of a worker wait; the rest is left to SQS for a while."""

BUDGET_SHARE: Final = 8
"""Of ``pool.inflight_bytes`` their messages may take one in so many bytes."""


@dataclass(slots=True, eq=False)
class _Group:
    """Who waits for one leader.

    Attributes:
        covered: Received before its read began: whatever that reads, it is not older.
        same: Received later, and about the same state of the object by its name.
        late: Received later, about whatever state there is.
    """

    covered: list[HeldObject] = field(default_factory=list)
    same: list[HeldObject] = field(default_factory=list)
    late: list[HeldObject] = field(default_factory=list)


class Duplicates:
    """Who leads, and who waits for whom.

    Args:
        budget_bytes: ``pool.inflight_bytes``.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._max_bytes = budget_bytes // BUDGET_SHARE
        self._leaders: dict[ObjectKey, HeldObject] = {}
        self._keys: dict[HeldObject, tuple[ObjectKey, ...]] = {}
        self._groups: dict[HeldObject, _Group] = {}
        self._used_bytes = 0
        self._waiting = 0

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return self._waiting >= MAX_OBJECTS or self._used_bytes >= self._max_bytes

    def leader_of(self, key: ObjectKey) -> HeldObject | None:
        """Who leads the notifications of an object."""
        return self._leaders.get(key)

    def lead(self, item: HeldObject, key: ObjectKey) -> None:
        """Let others wait for an object from now on; nobody else leads there."""
        self._leaders[key] = item
        self._keys[item] = (*self._keys.get(item, ()), key)

    def keys_of(self, item: HeldObject) -> tuple[ObjectKey, ...]:
        """What an object leads."""
        return self._keys.get(item, ())

    def wait(self, item: HeldObject, leader: HeldObject, *, is_same: bool) -> None:
        """Let an object wait for its leader.

        Args:
            item: Leads others itself, or nobody.
            leader: Of the same object.
            is_same: Both are about the same version or ETag.
        """
        group = self._groups.setdefault(leader, _Group())
        if not leader.is_reading:
            group.covered.append(item)
        else:
            (group.same if is_same else group.late).append(item)
        self._waiting += 1
        self._used_bytes += item.message_bytes

    def differs(self, leader: HeldObject, key: ObjectKey) -> list[HeldObject]:
        """An object that was read is not what ``key`` says: it leads there no more.

        Returns:
            Those that need a read of their own, as far as they are wanted.
        """
        if self._leaders.get(key) is not leader:
            return []
        del self._leaders[key]
        self._keys[leader] = tuple(one for one in self._keys[leader] if one != key)
        group = self._groups.get(leader)
        if group is None:
            return []
        same, group.same = group.same, []
        return self._released(same)

    def end(self, leader: HeldObject) -> tuple[list[HeldObject], list[HeldObject]]:
        """Let nobody wait for an object any more.

        Returns:
            Those that it covers, and those that need a read of their own; both only as
            far as they are wanted.
        """
        for key in self._keys.pop(leader, ()):
            del self._leaders[key]
        group = self._groups.pop(leader, None)
        if group is None:
            return [], []
        return self._released(group.covered + group.same), self._released(group.late)

    def _released(self, items: list[HeldObject]) -> list[HeldObject]:
        self._waiting -= len(items)
        self._used_bytes -= sum(item.message_bytes for item in items)
        return [item for item in items if item.is_wanted]
