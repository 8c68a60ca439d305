"""Looks at several things at the same time, none longer than it may take."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic

from worker.doctor.finding import Answer, Value, fail
from worker.errors import TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Callable


class Pending(Generic[Value]):
    """A look under way, in a thread that the end of the process does not wait for.

    Args:
        check: The name of its finding where it brings none.
        look: Blocks; may raise.
        timeout_s: Of the whole look, from now on.
    """

    def __init__(
        self, check: str, look: Callable[[], Answer[Value]], *, timeout_s: float
    ) -> None:
        self._check = check
        self._look = look
        self._timeout_s = timeout_s
        self._give_up_at = time.monotonic() + timeout_s
        self._answer: Answer[Value] | None = None
        self._thread = threading.Thread(target=self._run, name=check, daemon=True)
        self._thread.start()

    def wait(self) -> Answer[Value]:
        """What it brought; a failure where it raised or is not done in time."""
        self._thread.join(max(self._give_up_at - time.monotonic(), 0.0))
        if self._answer is None:
            said = f"no answer within {self._timeout_s:g} s"
            mend = "check the network and the proxy, or give it longer: --timeout-s"
            return Answer((fail(self._check, said, mend),))
        return self._answer

    def _run(self) -> None:
        try:
            self._answer = self._look()
        except TrailfeedError as error:
            self._answer = Answer((fail(self._check, str(error)),))
        except Exception as error:  # noqa: BLE001 - one look must not end the others
            said = f"a fault of trailfeed's own: {type(error).__name__}: {error}"
            said = " ".join(said.split())
            self._answer = Answer((fail(self._check, said, "report it"),))
