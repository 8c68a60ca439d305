"""From a valid configuration to the pool's exit code."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from worker.deliver.journal import FILE_NAME
from worker.deliver.journal_schema import prepare_journal
from worker.deliver.receiver import check_output_files
from worker.errors import ConfigError
from worker.pool.logs import LogFunnel
from worker.pool.notify import Notifier
from worker.pool.processors import usable_processors
from worker.pool.state_dir import StateDir
from worker.pool.status import StatusProcess
from worker.pool.supervisor import Supervisor
from worker.source.sessions import preload

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config.model import Config
    from worker.deliver.calls import SourceQueue

logger = logging.getLogger(__name__)


def run_pool(
    config: Config,
    *,
    until_empty_idle_s: float | None,
    load: Callable[[], Config] | None = None,
    make_queue: Callable[[], SourceQueue] | None = None,
) -> int:
    """Run supervisor and workers until the pool has ended.

    Args:
        config: The whole configuration.
        until_empty_idle_s: End once the queue has stayed empty so long; None: never.
        load: Reads the configuration anew on SIGHUP; None: it never changes.
        make_queue: Of the workers, called in each; None: SQS's.

    Returns:
        The exit code of the process.

    Raises:
        ConfigError: The state directory, a file for TLS, or the status endpoint's
            address cannot be used.
        StateDirBusyError: Another supervisor uses it.
    """
    check_output_files(config.output)
    if config.source.verify_sns:
        # Says what is missing before anything is forked.
        import worker.source.sns_signatures  # noqa: PLC0415, F401 - an extra
    state_dir = StateDir(Path(config.state.dir)) if config.state.dir else None
    try:
        if state_dir is not None and config.state.dedupe_window_s:
            # Its problems belong here, before anything is forked.
            prepare_journal(state_dir.path / FILE_NAME)
        status, complaint = _open_status(config)
        keep_error = None if status is None else status.errors.add
        funnel = LogFunnel(config.log, keep_error=keep_error)
        workers = config.pool.workers or usable_processors()
        logger.info(
            "trailfeed starts %d workers: %s to %s",
            workers,
            config.source.queue_url if make_queue is None else "a list of objects",
            config.output.address,
        )
        if status is not None:
            logger.info("status at %s", status.url)
        if complaint:
            logger.warning("%s; going on without", complaint)
        preload(config.source)
        supervisor = Supervisor(
            config,
            funnel,
            workers=workers,
            until_empty_idle_s=until_empty_idle_s,
            load=load,
            status=status,
            notifier=Notifier(os.environ, pid=os.getpid()),
            make_queue=make_queue,
        )
        return supervisor.run()
    finally:
        if state_dir is not None:
            state_dir.close()


def _open_status(config: Config) -> tuple[StatusProcess | None, str]:
    """Listen for the status, or say why not where nobody asked for it by name.

    Raises:
        ConfigError: The address is the configuration's own, and cannot be had.
    """
    if not config.status.listen:
        return None, ""
    try:
        return StatusProcess(config), ""
    except ConfigError as error:
        if "listen" in config.status.model_fields_set:
            raise
        return None, str(error)
