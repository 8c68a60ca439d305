"""Waiting for what AWS does not know at once, though it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import ClientError

from worker.source.faults import service_code

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

WAITS_S: Final = (1, 2, 3, 5, 5, 10, 10, 10, 10, 10, 10)
"""76 s together: a queue of one's name can be made again after 60."""

# Amazon SQS API, CreateQueue; Amazon S3, PutBucketNotificationConfiguration (the
# destination is tried with a test event) and "OperationAborted"; AWS IAM, "Eventual
# consistency".
_PASSING: Final = {
    "ConcurrentModification": "",
    "ConcurrentModificationException": "",
    "InvalidArgument": "Unable to validate the following destination configurations",
    "NoSuchBucket": "",
    "NoSuchEntity": "",
    "NonExistentQueue": "",
    "NotFound": "",
    "OperationAborted": "",
    "QueueDeletedRecently": "",
    "QueueDoesNotExist": "",
    "ResourceNotFoundException": "",
}


class Patience:
    """Tries again what may have been too early.

    Args:
        sleep: Waits so many seconds.
        say: Takes a line for whoever is waiting.
    """

    def __init__(
        self, sleep: Callable[[float], None], say: Callable[[str], None]
    ) -> None:
        self._sleep = sleep
        self._say = say

    def until_known(self, call: Callable[[], T], doing: str) -> T:
        """Return what a call gives once AWS knows all that it needs.

        Args:
            call: May be made any number of times.
            doing: What is waited for, as in "making the queue …".

        Raises:
            ClientError: As the call does, in the end.
        """
        for turn, wait_s in enumerate(WAITS_S):
            try:
                return call()
            except ClientError as error:
                code = service_code(error)
                if not _is_passing(code, str(error)):
                    raise
                if turn == 0:
                    self._say(f"{doing}: AWS is not ready ({code}); waiting")
            self._sleep(wait_s)
        return call()


def _is_passing(code: str, said: str) -> bool:
    return code in _PASSING and _PASSING[code] in said
