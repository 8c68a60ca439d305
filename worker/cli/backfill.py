"""``trailfeed backfill``: objects that are in the bucket already."""

# No lazy annotations: typer reads them when the command is registered.
import os
import random
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.backfill_view import Bar, counted, outcome_of, say, show_counts
from worker.cli.options import ConfigFile
from worker.cli.usage import account_ids, past_period_of, place_in_s3
from worker.errors import ConfigError, TrailfeedError
from worker.pool.exit_codes import BAD_CONFIG

if TYPE_CHECKING:
    from worker.backfill.request import Request
    from worker.backfill.run import Run
    from worker.config.model import Config

Many = list[str] | None

DEFAULT_MAX_DEPTH = 1_000
INTERRUPTED = 130
MAX_FAILED_SHOWN = 10


def backfill(
    source: Annotated[
        str,
        typer.Argument(
            metavar="s3://BUCKET[/PREFIX]",
            help="The bucket, or down to an account or a region in it.",
        ),
    ] = "",
    *,
    config: ConfigFile,
    since: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="2026-11-21[T09:30Z], or 12h ago; the beginning unless told.",
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            "--to", metavar="TIME", help="Delivered before then; now unless told."
        ),
    ] = "",
    account: Annotated[Many, typer.Option(metavar="ID", help="Any of several.")] = None,
    region: Annotated[
        Many, typer.Option(metavar="REGION", help="Any of several.")
    ] = None,
    direct: Annotated[
        bool,
        typer.Option(
            "--direct", help="Deliver with a pool of its own; leave the queue alone."
        ),
    ] = False,
    rate: Annotated[
        float,
        typer.Option(min=0, metavar="N", help="Objects a second; 0: no limit."),
    ] = 0,
    max_depth: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Send nothing while the queue holds so many messages; 1000 unless "
            "told, 0: no limit.",
        ),
    ] = None,
    skip_delivered: Annotated[
        bool,
        typer.Option(
            "--skip-delivered", help="Leave out what the journal has as finished."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count by account, region and day.")
    ] = False,
    resume: Annotated[
        str,
        typer.Option("--resume", metavar="RUN", help="Go on with this run."),
    ] = "",
    new: Annotated[
        bool,
        typer.Option(
            "--new", help="Begin anew, though the same was begun and is not over."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The outcome as JSON, an object a line.")
    ] = False,
) -> None:
    """Feed objects that are in a bucket already, through the queue and its daemon.

    Of CloudTrail's layout nothing outside the time, accounts and regions asked for is
    listed. What was interrupted goes on where it was when the same is asked again.

    Example: trailfeed backfill s3://my-logs --from 2026-11-01 --to 2026-11-08 --rate
    200 --config trailfeed.toml
    """
    from worker.config.load import load  # noqa: PLC0415 - --help answers at once

    if direct and max_depth is not None:
        raise typer.BadParameter("--max-depth is about the queue, not for --direct")
    loaded = load(config, os.environ)
    if resume:
        narrowing = (since, until, account, region, direct, skip_delivered)
        if source or any(narrowing) or dry_run or new:
            raise typer.BadParameter(
                "--resume goes on with what the run was asked for: leave that out"
            )
        request = None
    else:
        request = _request(
            loaded,
            source,
            since=since,
            until=until,
            accounts=account,
            regions=region,
            direct=direct,
            skip_delivered=skip_delivered,
        )
    if dry_run and request is not None:
        _count(loaded, request, as_json=as_json)
        return
    with _interruptible(), _locked_run(loaded, request, resume, new=new) as run:
        _feed(
            loaded,
            run,
            rate=rate,
            max_depth=DEFAULT_MAX_DEPTH if max_depth is None else max_depth,
            config_file=config,
            as_json=as_json,
        )


def _request(
    config: "Config",
    source: str,
    *,
    since: str,
    until: str,
    accounts: Many,
    regions: Many,
    direct: bool,
    skip_delivered: bool,
) -> "Request":
    from worker.backfill.job import check_bucket  # noqa: PLC0415 - as above
    from worker.backfill.request import Request  # noqa: PLC0415

    now = datetime.now(UTC)
    begin, end = past_period_of(since, until, now)
    if not source:
        raise typer.BadParameter("name s3://BUCKET[/PREFIX], or --resume a run")
    bucket, prefix = place_in_s3(source)
    check_bucket(config, bucket)
    return Request(
        bucket=bucket,
        prefix=prefix,
        since=begin.isoformat() if begin else "",
        until=end.isoformat(),
        asked_since=since,
        asked_until=until,
        accounts=account_ids(accounts or ()),
        regions=tuple(sorted(set(regions or ()))),
        way="direct" if direct else "queue",
        queue_url=config.source.queue_url,
        skip_delivered=skip_delivered,
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Stop for any signal that asks for it as for a Ctrl-C: in order."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    yield


@contextmanager
def _locked_run(
    config: "Config", request: "Request | None", run_id: str, *, new: bool
) -> "Iterator[Run]":
    """The run to go on with, or a new one."""
    from worker.backfill.job import state_dir_of  # noqa: PLC0415 - as above
    from worker.backfill.run import (  # noqa: PLC0415
        Run,
        forget_old,
        known_runs,
        new_run_id,
        run_folder,
        unfinished,
    )

    state_dir = state_dir_of(config)
    now = datetime.now(UTC)
    if request is None:
        run = Run(run_folder(state_dir, run_id))
    else:
        known = None if new else unfinished(known_runs(state_dir), request)
        if known is not None:
            run = Run(known.folder)
        else:
            forget_old(state_dir, now, window_s=config.state.dedupe_window_s)
            run_id = new_run_id(now, secrets.token_hex(3))
            run = Run.begin(state_dir, run_id, request, now.isoformat())
    try:
        if run.standing.dealt_with:
            say(
                f"going on with run {run.run_id}, where "
                f"{counted(run.standing.dealt_with, 'object')} of {run.request.url} "
                "are done with"
            )
        else:
            say(f"run {run.run_id}: {run.request.url}")
        yield run
    finally:
        run.close()


def _count(config: "Config", request: "Request", *, as_json: bool) -> None:
    from worker.backfill.counts import Tally  # noqa: PLC0415 - as above
    from worker.backfill.job import Job, delivered_before  # noqa: PLC0415

    job = Job.of(config, request, datetime.now(UTC).date())
    delivered = None
    if request.skip_delivered:
        delivered = delivered_before(config, own_run_id="")
    walk, tally = job.walk(delivered), Tally()
    with Bar() as bar:
        for leg in walk.legs():
            tally.add(leg)
            bar.look(tally.objects + tally.left_out.total(), tally.size_bytes)
    if walk.is_whole:
        say(_listed_whole(request))
    show_counts(request, tally, walk.folders_left_out, as_json=as_json)


def _listed_whole(request: "Request") -> str:
    return (
        f"{request.url} is no trail down to a region: listed whole, and chosen by when "
        "objects were delivered or written"
    )


def _feed(
    config: "Config",
    run: "Run",
    *,
    rate: float,
    max_depth: int,
    config_file: Path,
    as_json: bool,
) -> None:
    """Do what is left of the run, and say what came of it."""
    way_on = f"trailfeed backfill --resume {run.run_id} --config {config_file}"
    try:
        if run.request.way == "direct":
            problems = _deliver(config, run, rate=rate)
        else:
            problems = _send(config, run, rate=rate, max_depth=max_depth)
    except KeyboardInterrupt:
        say(f"interrupted; it goes on where it was with: {way_on}")
        raise typer.Exit(INTERRUPTED) from None
    except ConfigError:
        raise
    except TrailfeedError as error:
        say(str(error))
        say(f"it goes on where it was with: {way_on}")
        raise typer.Exit(1) from error
    is_over = bool(run.standing.finished_at)
    is_taken = run.request.way == "direct" and config.output.scheme == "stdout"
    # Standard output is the records' then.
    typer.echo(outcome_of(run, problems, as_json=as_json), err=is_taken)
    if not is_over:
        say(f"what is left is tried with: {way_on}")
    if problems:
        raise typer.Exit(1)


def _send(config: "Config", run: "Run", *, rate: float, max_depth: int) -> list[str]:
    """Through the queue; return what is not as it should be."""
    from worker.backfill.job import Job, delivered_before  # noqa: PLC0415 - as above
    from worker.backfill.pacing import Pacer  # noqa: PLC0415
    from worker.backfill.sending import Sending  # noqa: PLC0415
    from worker.source.run_key import run_key  # noqa: PLC0415

    run.open()
    job = Job.of(config, run.request, datetime.now(UTC).date())
    delivered = None
    if run.request.skip_delivered:
        delivered = delivered_before(config, own_run_id=run.run_id)
    walk = job.walk(delivered)
    with Bar() as bar, bar.knowing_total(run, job.walk()):
        sending = Sending(
            run,
            job.queue(),
            Pacer(rate=rate, max_depth=max_depth),
            region=job.region,
            in_sns=config.source.uses_sns is True,
            run_key=run_key(Path(config.state.dir)),
            watcher=bar,
            clock=time.monotonic,
            jitter=random.random,
        )
        sending.send(walk.legs(run.standing.cursor))
    if walk.is_whole:
        say(_listed_whole(run.request))
    _finish(run)
    return _archived(run)


def _deliver(config: "Config", run: "Run", *, rate: float) -> list[str]:
    """With a pool of its own; return what is not as it should be."""
    from worker.backfill.direct import Direct  # noqa: PLC0415 - as above
    from worker.backfill.job import (  # noqa: PLC0415
        Job,
        delivered_before,
        quarantined_of,
    )
    from worker.backfill.pacing import Pacer  # noqa: PLC0415

    with ExitStack() as stack:
        bar = Bar()
        # Forked here: before threads, AWS clients and databases.
        pool = stack.enter_context(Direct(config, run, log_pipe=bar.log_pipe))
        stack.enter_context(bar)
        job = Job.of(config, run.request, datetime.now(UTC).date())
        delivered = None
        if run.request.skip_delivered:
            delivered = delivered_before(config, own_run_id=run.run_id)
        walk = job.walk(delivered)
        stack.enter_context(bar.knowing_total(run, job.walk()))
        is_through = pool.feed(
            walk.legs(run.standing.cursor),
            Pacer(rate=rate, max_depth=0),
            region=job.region,
            watcher=bar,
        )
        failed = pool.failed()
        exit_code = pool.pool.exit_code
    if walk.is_whole:
        say(_listed_whole(run.request))
    if not is_through:
        if exit_code == BAD_CONFIG:
            raise typer.Exit(exit_code)
        return [f"the pool ended before it was through (exit code {exit_code})"]
    problems = _archived(run)
    for ref in failed[:MAX_FAILED_SHOWN]:
        say(f"not delivered: {ref.url}: the log says why")
    if failed:
        problems.append(f"{counted(len(failed), 'object')} not delivered")
    else:
        _finish(run)
    quarantined = quarantined_of(config, run.run_id)
    if quarantined:
        problems.append(f"{counted(quarantined, 'object')} in the quarantine")
    return problems


def _finish(run: "Run") -> None:
    run.standing.finished_at = datetime.now(UTC).isoformat()
    run.note()


def _archived(run: "Run") -> list[str]:
    from worker.backfill.walk import ARCHIVED  # noqa: PLC0415 - as above

    count = run.standing.left_out[ARCHIVED]
    if not count:
        return []
    return [f"{counted(count, 'object')} archived: restore them, and ask for them anew"]
