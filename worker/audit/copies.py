"""Each event once: copies are told by the event's id and the account it is for.

Two trails that write into one bucket deliver the same event in different files. Memory
is bounded: of the events that went by only the latest are remembered.
Files are read in the order of their delivery, so copies are close to each other.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.transform.audit import View

REMEMBERED_COUNT: Final = 1_000_000
"""Events that are remembered at least; they take about 150 bytes each, twice."""

_KEY_CHARACTERS: Final = 64
"""What CloudTrail's ids and accounts take, and more."""


def event_key(seen: View) -> str | None:
    """What makes an event the same; None: it has no id."""
    event_id = seen["event_id"]
    if event_id is None:
        return None
    key = f"{event_id} {seen['account']}"
    if len(key) <= _KEY_CHARACTERS:
        return key
    return blake2b(key.encode(errors="surrogatepass"), digest_size=16).hexdigest()


class SeenEvents:
    """Tells whether an event went by before.

    Args:
        remembered_count: How many events are remembered at least.
    """

    def __init__(self, remembered_count: int = REMEMBERED_COUNT) -> None:
        self._remembered_count = remembered_count
        self._latest: set[str] = set()
        self._before: set[str] = set()
        self.copies_count = 0
        self.has_forgotten = False

    def new_count(self, keys: Iterable[str]) -> int:
        """Remember events, and count those that went by for the first time."""
        found = list(keys)
        new = set(found)
        new -= self._latest
        new -= self._before
        self.copies_count += len(found) - len(new)
        if not new:
            return 0
        if len(self._latest) >= self._remembered_count:
            self.has_forgotten = self.has_forgotten or bool(self._before)
            self._before, self._latest = self._latest, new
        else:
            self._latest |= new
        return len(new)

    def remarks(self) -> list[str]:
        """What people should know of copies, a sentence each."""
        said = []
        if self.copies_count:
            copies = (
                "1 copy" if self.copies_count == 1 else f"{self.copies_count:,} copies"
            )
            said.append(
                f"{copies} of events left out (same eventID and recipientAccountId); "
                "--copies shows them"
            )
        if self.has_forgotten:
            said.append(
                f"copies more than {self._remembered_count:,} events apart were not "
                "recognized; narrow the question down with --from and --to"
            )
        return said
