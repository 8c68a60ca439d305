"""Log files against the hashes that digests give."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from worker.errors import BadObjectError, DownloadError, MissingObjectError
from worker.verify.contents import sha256_of
from worker.verify.finding import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from worker.verify.bucket import Store
    from worker.verify.digest import NamedFile

THREADS: Final = 16
"""Files read at once; each is in memory as it is stored, 50 MB at most."""


def check_all(store: Store, files: Iterable[NamedFile]) -> Iterator[Finding | None]:
    """Check files, several at a time, and yield in their order what is wrong.

    Raises:
        RetriableError: S3 cannot be reached, or refuses the credentials.
    """
    with ThreadPoolExecutor(THREADS) as threads:
        running: deque[Future[Finding | None]] = deque()
        try:
            for file in files:
                running.append(threads.submit(check, store, file))
                if len(running) > 2 * THREADS:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def check(store: Store, file: NamedFile) -> Finding | None:
    """Tell what is wrong with one file; None: nothing is.

    Raises:
        RetriableError: As for :func:`check_all`.
    """
    if file.sha256 is None:
        return Finding(
            Fault.UNREADABLE, file.url, "its digest gives no SHA-256 of its content"
        )
    try:
        sha256 = sha256_of(store.log_file(file.bucket, file.key))
    except BadObjectError as error:
        return Finding(Fault.INVALID, file.url, _without(file.url, error))
    except MissingObjectError:
        return Finding(Fault.MISSING, file.url, "CloudTrail delivered it")
    except DownloadError as error:
        return Finding(Fault.UNREADABLE, file.url, _without(file.url, error))
    if sha256 != file.sha256:
        return Finding(
            Fault.INVALID, file.url, "its content is not what CloudTrail delivered"
        )
    return None


def _without(url: str, error: Exception) -> str:
    return str(error).removeprefix(url).removeprefix(": ")
