"""What the parts of a backfill are made of: session, walk, journals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from worker.backfill.delivered import Delivered
from worker.backfill.listing import BucketLister
from worker.backfill.run import known_runs
from worker.backfill.walk import Walk
from worker.deliver.journal import FILE_NAME, fingerprint_of
from worker.deliver.journal_lookup import JournalLookup
from worker.deliver.quarantine import Quarantine
from worker.errors import ConfigError
from worker.source.lean_sqs import LeanSqs
from worker.source.queue import Queue
from worker.source.regions import ask_region
from worker.source.selection import Selection
from worker.source.sessions import AwsSession

if TYPE_CHECKING:
    from datetime import date

    from mypy_boto3_s3 import S3Client

    from worker.backfill.request import Request
    from worker.config.model import Config


@dataclass(frozen=True, slots=True)
class Job:
    """A request and the AWS that it is about; made after every fork.

    Attributes:
        region: The bucket's; None: not known.
    """

    config: Config
    request: Request
    today: date
    session: AwsSession
    client: S3Client
    region: str | None

    @classmethod
    def of(cls, config: Config, request: Request, today: date) -> Self:
        """Make the session, and ask where the bucket is.

        Raises:
            ConfigError: The session cannot be made as configured.
        """
        session = AwsSession(config.source)
        region = ask_region(
            session.s3_client(),
            request.bucket,
            expected_owner=config.source.expected_bucket_owner,
        )
        return cls(config, request, today, session, session.s3_client(region), region)

    def walk(self, delivered: Delivered | None = None) -> Walk:
        """A way through the bucket."""
        return Walk(
            self.client,
            BucketLister(
                self.client,
                self.request.bucket,
                expected_owner=self.config.source.expected_bucket_owner,
                with_versions=self.request.skip_delivered,
            ),
            self.request,
            selection_of(self.config),
            self.today,
            delivered,
        )

    def queue(self) -> Queue:
        """The configured one."""
        client = self.session.sqs_client()
        return Queue(
            client, self.config.source.queue_url, LeanSqs.of(self.session, client)
        )


def selection_of(config: Config) -> Selection:
    """The configuration's own rules."""
    return Selection(
        allowed_buckets=config.source.allowed_buckets,
        include_keys=config.source.include_keys,
        exclude_keys=config.source.exclude_keys,
    )


def check_bucket(config: Config, bucket: str) -> None:
    """Refuse a bucket whose objects no worker would fetch.

    Raises:
        ConfigError: Its message says so.
    """
    if not selection_of(config).allows(bucket):
        raise ConfigError(
            (
                f"source.allowed_buckets: no pattern matches {bucket}, so nothing in "
                "it would be fetched: add one",
            )
        )


def state_dir_of(config: Config) -> Path:
    """Where runs are kept.

    Raises:
        ConfigError: There is no such place.
    """
    if not config.state.dir:
        raise ConfigError(
            (
                "state.dir: is empty, and a backfill notes there how far it came; name "
                "a directory",
            )
        )
    return Path(config.state.dir)


def delivered_before(config: Config, *, own_run_id: str) -> Delivered:
    """What the daemon's journal, and those of direct runs, have as finished.

    Args:
        config: Its ``[decode]`` is what it was delivered under.
        own_run_id: Of the run that asks; that one knows by itself how far it came.

    Raises:
        JournalError: A journal cannot be read.
    """
    state_dir = state_dir_of(config)
    fingerprint = fingerprint_of(config.decode)
    run_ids = [""]
    journals: list[tuple[JournalLookup, list[str]]] = []
    for run in known_runs(state_dir):
        if run.run_id == own_run_id:
            continue
        own_journal = run.folder / FILE_NAME
        if run.request.way == "queue":
            run_ids.append(run.run_id)
        elif own_journal.exists():
            lookup = JournalLookup(own_journal, fingerprint=fingerprint)
            journals.append((lookup, [run.run_id]))
    shared = state_dir / FILE_NAME
    if shared.exists():
        journals.insert(0, (JournalLookup(shared, fingerprint=fingerprint), run_ids))
    return Delivered(journals)


def quarantined_of(config: Config, run_id: str) -> int:
    """How many objects of a run lie in the quarantine."""
    quarantine = Quarantine(
        state_dir_of(config) / "quarantine",
        max_bytes=config.state.quarantine_max_bytes,
        when_full=config.state.quarantine_full,
    )
    return sum(
        item.object is not None and item.object.run_id == run_id
        for item in quarantine.items(report=lambda _: None)
    )
