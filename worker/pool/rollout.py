"""Which configuration workers are forked with, and how a new one gets to all."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker.pool.reload import reload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.config.model import Config
    from worker.observe.board import SlotReading
    from worker.pool.slots import Slot

logger = logging.getLogger(__name__)


class Rollout:
    """Replaces workers one by one, and goes back if the first one does not start.

    Args:
        config: At the start.
        load: Reads it anew; None: it never changes.

    Attributes:
        config: In effect for the next worker that is forked.
        generation: Grows with each change of it.
        done: Configurations taken over.
        refused: Those that were not.
    """

    def __init__(self, config: Config, load: Callable[[], Config] | None) -> None:
        self.config = config
        self.generation = 0
        self.done = 0
        self.refused = 0
        self._load = load
        self._former: Config | None = None
        self._is_under_way = False

    def reload(self) -> bool:
        """Read the configuration anew; whether workers are to be replaced for it."""
        config = None if self._load is None else reload(self.config, self._load)
        if config is None:
            self.refused += 1
            return False
        self._former = self._former or self.config
        self._change(config)
        return True

    def go_back(self) -> bool:
        """A worker cannot start: take the former configuration again, if there is one.

        Returns:
            False when it is not the new configuration's fault.
        """
        if self._former is None:
            return False
        former, self._former = self._former, None
        self._change(former)
        self.refused += 1
        return True

    def next_to_drain(
        self, slots: Sequence[Slot], readings: Sequence[SlotReading]
    ) -> Slot | None:
        """The next worker of a former configuration, once all others are at work."""
        if not self._is_under_way or not all(
            slot.pid is not None and not slot.is_leaving and reading.has_booted
            for slot, reading in zip(slots, readings, strict=True)
        ):
            return None
        return next((one for one in slots if one.generation != self.generation), None)

    def is_complete(
        self, slots: Sequence[Slot], readings: Sequence[SlotReading]
    ) -> bool:
        """Whether the last worker was just replaced; said once."""
        if not self._is_under_way or not all(
            slot.generation == self.generation and reading.has_booted
            for slot, reading in zip(slots, readings, strict=True)
        ):
            return False
        self._is_under_way = False
        if self._former is None:
            logger.info("the former configuration is in effect again")
        else:
            logger.info("the new configuration is in effect")
            self.done += 1
        self._former = None
        return True

    def _change(self, config: Config) -> None:
        self.config = config
        self.generation += 1
        self._is_under_way = True
