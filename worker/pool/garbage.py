"""Cycles of dead objects: looked for now and then, not whenever many objects live.

Python looks each time that some hundreds of objects more are alive than before, and a
worker that decodes makes thousands a second, which die without its help. A quarter of
the time went there.
"""

from __future__ import annotations

import gc

EVERY_S = 30.0


class Garbage:
    """The collector of this process, from now on.

    What exists now is taken for permanent and never looked at again.

    Args:
        now: Monotonic instant.
    """

    def __init__(self, now: float) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()
        self._due = now + EVERY_S

    def step(self, now: float) -> None:
        """Collect, if it is time to."""
        if now >= self._due:
            self._due = now + EVERY_S
            gc.collect()
