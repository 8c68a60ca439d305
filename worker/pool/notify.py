"""systemd's notifications: a datagram to the socket that it names; elsewhere nothing.

Source: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

_TIMEOUT_S: Final = 0.2


class Notifier:
    """Tells systemd how the daemon is; what it cannot be told is let go of.

    Args:
        environment: ``NOTIFY_SOCKET`` names the socket, ``WATCHDOG_USEC`` says within
            which microseconds a sign of life is wanted, ``WATCHDOG_PID`` from whom.
        pid: Of this process.
    """

    def __init__(self, environment: Mapping[str, str], *, pid: int) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of an abstract address; else it is a path.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        if not path.startswith(("/", "@")):
            self._address = ""  # vsock and the like
        self._every_s: float | None = None
        wanted_of = environment.get("WATCHDOG_PID", str(pid))
        period_us = environment.get("WATCHDOG_USEC", "")
        if period_us.isdecimal() and int(period_us) and wanted_of == str(pid):
            self._every_s = int(period_us) / 1e6 / 2
        self._next_sign_at = 0.0
        self._status = ""

    def ready(self) -> None:
        """The workers are at work, or at work again."""
        self._send("READY=1")

    def reloading(self, now: float) -> None:
        """A new configuration is being taken over; :meth:`ready` follows.

        Args:
            now: Monotonic instant.
        """
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(now * 1e6)}")

    def stopping(self) -> None:
        """The pool drains."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line in ``systemctl status``."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def sign_of_life(self, now: float) -> None:
        """Show one, if it is time; to be called while all is well."""
        if self._every_s is not None and now >= self._next_sign_at:
            self._next_sign_at = now + self._every_s
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_TIMEOUT_S)
                sender.connect(self._address)
                sender.send("\n".join(lines).encode())
        except OSError as error:
            logger.debug("cannot notify systemd: %s", error)
