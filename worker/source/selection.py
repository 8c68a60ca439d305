"""Which of the objects that notifications name are wanted. No I/O."""

from __future__ import annotations

import dataclasses
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from worker.errors import UnknownMessageError
from worker.source.notifications import WAY_OUT, Ignored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.source.notifications import Notification, ObjectRef

EXCLUDED_KEY = "excluded_key"

_EXPRESSION = frozenset("\\.^$*+?{}[]|()")


class Selection:
    """The settings ``allowed_buckets``, ``include_keys`` and ``exclude_keys``.

    Args:
        allowed_buckets: Shell patterns; a notification for another bucket is refused.
        include_keys: Regular expressions, found anywhere in the key; empty: all keys.
        exclude_keys: The same; these win over ``include_keys``.
    """

    def __init__(
        self,
        *,
        allowed_buckets: Iterable[str],
        include_keys: Iterable[str],
        exclude_keys: Iterable[str],
    ) -> None:
        self._allowed_buckets = tuple(allowed_buckets)
        self._include_keys = tuple(map(re.compile, include_keys))
        self._exclude_keys = tuple(map(re.compile, exclude_keys))

    def select(self, notification: Notification) -> Notification:
        """Return the notification with the unwanted objects among the ignored parts.

        Raises:
            UnknownMessageError: It names a bucket that is not allowed.
        """
        wanted: list[ObjectRef] = []
        ignored = list(notification.ignored)
        for ref in notification.objects:
            if not self.allows(ref.bucket):
                raise UnknownMessageError(
                    "forbidden_bucket",
                    f"the message names {ref.url}, and no pattern of "
                    "source.allowed_buckets matches that bucket: add one; "
                    f"{WAY_OUT}",
                )
            if self.wants(ref.key):
                wanted.append(ref)
            else:
                ignored.append(Ignored(EXCLUDED_KEY, ref.bucket, ref.key))
        return dataclasses.replace(
            notification, objects=tuple(wanted), ignored=tuple(ignored)
        )

    def allows(self, bucket: str) -> bool:
        """Whether a bucket's objects may be read."""
        return any(fnmatchcase(bucket, one) for one in self._allowed_buckets)

    def leaves_out(self, folder: str) -> bool:
        """Whether no key in a folder is wanted, as far as that is beyond doubt.

        Only an exclusion that is plain text tells: what an expression finds in the
        folder it need not find in a key.
        """
        return any(
            one.pattern in folder
            for one in self._exclude_keys
            if _EXPRESSION.isdisjoint(one.pattern)
        )

    def wants(self, key: str) -> bool:
        """Whether a key is wanted."""
        if any(one.search(key) for one in self._exclude_keys):
            return False
        return not self._include_keys or any(
            one.search(key) for one in self._include_keys
        )
