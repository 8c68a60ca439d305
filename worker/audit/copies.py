"""Each event once: copies are told by the event's id and the account it is for.

Two trails that write into one bucket deliver the same event in different files. Memory
is bounded: of the events that went by only the latest are remembered, a digest each.
Files are read in the order of their delivery, so copies are close to each other.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.transform.audit import View

DIGEST_BYTES: Final = 16

REMEMBERED_COUNT: Final = 2_000_000
"""Events that are remembered at least; they take about 90 bytes each, twice."""


def event_digest(seen: View) -> bytes | None:
    """Digest of what makes an event the same; None: it has no id."""
    event_id = seen["event_id"]
    if event_id is None:
        return None
    named = f"{event_id} {seen['account']}".encode(errors="surrogatepass")
    return blake2b(named, digest_size=DIGEST_BYTES).digest()


class SeenEvents:
    """Tells whether an event went by before.

    Args:
        remembered_count: How many events are remembered at least.
    """

    def __init__(self, remembered_count: int = REMEMBERED_COUNT) -> None:
        self._remembered_count = remembered_count
        self._latest: set[bytes] = set()
        self._before: set[bytes] = set()
        self.copies_count = 0
        self.has_forgotten = False

    def is_new(self, digest: bytes) -> bool:
        """Remember an event; False: it is a copy, and is counted."""
        if digest in self._latest or digest in self._before:
            self.copies_count += 1
            return False
        if len(self._latest) >= self._remembered_count:
            self.has_forgotten = self.has_forgotten or bool(self._before)
            self._before, self._latest = self._latest, set()
        self._latest.add(digest)
        return True

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
