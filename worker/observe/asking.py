"""Asks a running daemon's status endpoint."""

from __future__ import annotations

import http.client
import json
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from worker.errors import TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 5.0

_EVERYWHERE: Final[Mapping[str, str]] = {
    "0.0.0.0": "127.0.0.1",  # noqa: S104 - what others have bound
    "[::]": "[::1]",
}


class UnreachableError(TrailfeedError):
    """The status endpoint does not answer."""


def base_url(listen: str) -> str:
    """Where to ask a daemon of this machine with that ``status.listen``."""
    host, _, port = listen.rpartition(":")
    return f"http://{_EVERYWHERE.get(host, host)}:{port}"


def page(url: str) -> str:
    """Read a page.

    Raises:
        UnreachableError: Nobody answers there.
    """
    # No proxy: the daemon is here, or in reach.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            return str(answer.read().decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise UnreachableError(
            f"cannot read {url} ({reason}): is trailfeed running, with that address "
            "in status.listen?"
        ) from error


def status(base: str) -> dict[str, Any]:
    """Read ``/status``, a look at the whole pool.

    Raises:
        UnreachableError: Nobody answers there, or not trailfeed.
    """
    url = f"{base}/status"
    try:
        document = json.loads(page(url))
    except ValueError as error:
        raise UnreachableError(f"{url} is not trailfeed's: no JSON") from error
    if not isinstance(document, dict) or "workers" not in document:
        raise UnreachableError(f"{url} is not trailfeed's: another document")
    return document
