"""A new configuration for a pool that runs: judged whole before anything is touched."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.config.keys import known_keys
from worker.deliver.journal import FILE_NAME
from worker.deliver.journal_schema import prepare_journal
from worker.deliver.receiver import check_output_files
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.config.model import Config

logger = logging.getLogger(__name__)

FIXED: Final = ("pool.workers", "state.dir", "status.listen")
"""Keys of what is made once, before the first fork."""


def reload(former: Config, load: Callable[[], Config]) -> Config | None:
    """Read the configuration anew; say what is wrong with it, or what is different.

    Args:
        former: The one in effect.
        load: Reads and judges it, as at the start.

    Returns:
        The new one; None: it cannot be taken over, and nothing has changed.
    """
    try:
        config = load()
        _prepare(former, config)
    except ConfigError as error:
        for problem in error.problems:
            logger.error("not reloaded: %s", problem)  # noqa: TRY400 - bad input
        return None
    except Exception:
        # Whatever it is: the pool that runs is worth more than the one that might.
        logger.exception("not reloaded, by a fault of trailfeed's own")
        return None
    changed = [dotted for dotted in known_keys() if _differs(dotted, former, config)]
    logger.info("reloading; changed: %s", ", ".join(changed) or "nothing")
    return config


def _differs(dotted: str, former: Config, config: Config) -> bool:
    key = known_keys()[dotted]
    return bool(key.value_in(former) != key.value_in(config))


def _fixed(former: Config, config: Config) -> Iterator[str]:
    for dotted in FIXED:
        if _differs(dotted, former, config):
            yield f"{dotted}: cannot change while trailfeed runs: restart it"


def _stdout(former: Config, config: Config) -> Iterator[str]:
    is_changed = former.output.address != config.output.address
    if is_changed and "stdout" in {former.output.scheme, config.output.scheme}:
        yield (
            "output.address: cannot change to or from stdout: while trailfeed runs: "
            "restart it"
        )


def _prepare(former: Config, config: Config) -> None:
    if problems := (*_fixed(former, config), *_stdout(former, config)):
        raise ConfigError(problems)
    check_output_files(config.output)
    has_journal = bool(config.state.dir and config.state.dedupe_window_s)
    if has_journal and not former.state.dedupe_window_s:
        prepare_journal(Path(config.state.dir) / FILE_NAME)
