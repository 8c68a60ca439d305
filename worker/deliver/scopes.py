"""What cannot be read just now: the smallest part of S3 that explains it. No I/O.

A *scope* is a bucket or one of its folders (a policy or a KMS key often covers one
folder only), or all of S3. Objects that fail in it, with none read in between, are
evidence against it; an object that is read clears it and everything around it, but not
its folders beside. The widest scope that the evidence is enough against is *suspended*:
its objects wait, and one of them at a time is tried, more and more rarely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from worker.errors import CommonFaultError
from worker.printable import quoted
from worker.source.faults import KMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.deliver.ledger import HeldObject
    from worker.errors import RetriableError
    from worker.source.notifications import ObjectRef

SUSPICIOUS_OBJECTS: Final = 4
"""Objects that fail in a row before their bucket or folder is suspended."""

SUSPICIOUS_ATTEMPTS: Final = 3
"""Failed reads of one object before its bucket is, where no other one can be read."""

EVERYTHING_OBJECTS: Final = 8
"""Objects that fail in a row, wherever they are, before all of S3 is in doubt."""

FOLDERS: Final = 3
"""As in ``AWSLogs/ACCOUNT/CloudTrail/``; below that there are regions and days."""

HEALTHY_S: Final = 600.0
"""So long after an object was read its bucket shows that S3 works, if nothing fails."""

FIRST_TRY_S: Final = 1.0
MAX_TRY_S: Final = 30.0
FIRST_LOG_S: Final = 60.0
MAX_LOG_S: Final = 3_600.0
MAX_SCOPES: Final = 1_000

Path = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Scope:
    """A bucket, a folder of it, or everything, in which objects fail.

    Attributes:
        path: The bucket and its folders; empty: everything.
        error: Of the last failed read.
        failing: Objects that failed, by their claimant; no more than are needed.
        is_suspended: Its objects wait for one that can be read.
        is_reported: Its suspension was logged.
        try_at: Monotonic instant at which one of its objects may be tried.
        tried: That one.
        left: Objects left to the queue for want of room since that was logged.
        log_left_at: Monotonic instant at which it may be logged again.
    """

    path: Path
    error: RetriableError
    failing: set[str] = field(default_factory=set)
    is_suspended: bool = False
    is_reported: bool = False
    try_at: float = 0.0
    tried: HeldObject | None = None
    left: int = 0
    log_left_at: float = 0.0
    _log_pause_s: float = FIRST_LOG_S
    _pause_s: float = FIRST_TRY_S

    @property
    def url(self) -> str:
        """``s3://bucket/folder/``, one word as :attr:`ObjectRef.url` is."""
        bucket, *folders = self.path
        return quoted(f"s3://{bucket}/" + "".join(f"{folder}/" for folder in folders))

    def lets_try(self, item: HeldObject, now: float) -> bool:
        """Whether an object may be read now; it is the one that is tried, then."""
        if not item.attempts and len(self.failing) < SUSPICIOUS_OBJECTS:
            return True  # there is too little against the scope to let others wait
        if self.tried is item:
            return True
        if now < self.try_at or (self.tried is not None and self.tried.is_wanted):
            return False
        self.tried = item
        return True

    def wait(self, now: float) -> None:
        """Let some time pass before the next try, twice as much as before."""
        self.tried = None
        self.try_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, MAX_TRY_S)

    def leave(self, now: float) -> int:
        """Count an object that is left to the queue.

        Returns:
            How many there are to be logged; 0: it was logged lately.
        """
        self.left += 1
        if now < self.log_left_at:
            return 0
        self.log_left_at = now + self._log_pause_s
        self._log_pause_s = min(2 * self._log_pause_s, MAX_LOG_S)
        left, self.left = self.left, 0
        return left


class Scopes:
    """All scopes that something failed in since an object of them was read."""

    def __init__(self) -> None:
        self._scopes: dict[Path, Scope] = {}
        self._read_at: dict[str, float] = {}

    @property
    def everything(self) -> Scope | None:
        """All of S3, where that is in doubt: whatever was tried last has failed."""
        scope = self._scopes.get(())
        return scope if scope is not None and scope.is_suspended else None

    @property
    def is_common(self) -> bool:
        """Whether what fails last would fail for every bucket: credentials, network."""
        scope = self._scopes.get(())
        return scope is not None and is_common(scope.error)

    def suspended(self, ref: ObjectRef) -> Scope | None:
        """The widest suspended bucket or folder that an object is in."""
        if not self._scopes:
            return None
        for path in _paths(ref):
            scope = self._scopes.get(path)
            if path and scope is not None and scope.is_suspended:
                return scope
        return None

    def failing_buckets(self) -> dict[str, Scope]:
        """Buckets that are suspended, or have a folder that is, by name."""
        found: dict[str, Scope] = {}
        for scope in self._scopes.values():
            if scope.path and scope.is_suspended:
                found.setdefault(scope.path[0], scope)
        return found

    def failed(self, item: HeldObject, error: RetriableError, now: float) -> None:
        """Count a failed read, after it was added to the object's attempts."""
        for path in _paths(item.ref):
            scope = self._scopes.get(path)
            if scope is None:
                scope = self._scopes[path] = Scope(path, error)
            scope.error = error
            if len(scope.failing) < EVERYTHING_OBJECTS:
                scope.failing.add(item.claimant)
            if path:
                enough = len(scope.failing) >= SUSPICIOUS_OBJECTS
                scope.is_suspended |= enough or item.attempts >= SUSPICIOUS_ATTEMPTS
            else:
                scope.is_suspended = len(scope.failing) >= EVERYTHING_OBJECTS and (
                    is_common(error) or not self._has_healthy_bucket(now)
                )
            if scope.tried is item or (scope.is_suspended and not scope.try_at):
                scope.wait(now)
        while len(self._scopes) > MAX_SCOPES:
            del self._scopes[next(iter(self._scopes))]

    def undecided(self, item: HeldObject, now: float) -> None:
        """The object that was tried says nothing about its scope."""
        scope = self.suspended(item.ref)
        if scope is not None and scope.tried is item:
            scope.wait(now)

    def read(self, ref: ObjectRef, now: float) -> list[Scope]:
        """Clear what an object that was read is in.

        Returns:
            What was suspended of that, the widest first.
        """
        self._read_at[ref.bucket] = now
        if not self._scopes:
            return []
        cleared = [self._scopes.pop(path, None) for path in _paths(ref)]
        return [scope for scope in cleared if scope is not None and scope.is_suspended]

    def _has_healthy_bucket(self, now: float) -> bool:
        """Whether a bucket was read lately in which nothing has failed since."""
        self._read_at = {
            bucket: read_at
            for bucket, read_at in self._read_at.items()
            if now - read_at < HEALTHY_S
        }
        return any((bucket,) not in self._scopes for bucket in self._read_at)


def is_common(error: RetriableError) -> bool:
    """Whether an error is the same for every bucket; a KMS key is not."""
    return isinstance(error, CommonFaultError) and error.code != KMS


def _paths(ref: ObjectRef) -> Iterator[Path]:
    """Everything, the bucket, and its folders, the widest first."""
    yield ()
    path: Path = (ref.bucket,)
    yield path
    for folder in ref.key.split("/", FOLDERS)[:-1]:
        path = (*path, folder)
        yield path
