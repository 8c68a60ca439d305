"""Which buckets announce their objects to the queue. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from worker.doctor.finding import Answer, skip, warn
from worker.doctor.queue_policy import S3

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.doctor.finding import Finding
    from worker.doctor.queue import QueueFacts
    from worker.source.notifications import ObjectRef

BUCKETS: Final = "buckets"

MAX_BUCKETS: Final = 10
"""Looked at; more would take more calls than anyone waits for."""

_PATTERN_MARKS: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller names.

    Attributes:
        buckets: Instead of those that can be found out.
        objects: To be read, instead of the newest ones.
    """

    buckets: tuple[str, ...] = ()
    objects: tuple[ObjectRef, ...] = ()


def find_buckets(
    wanted: Wanted,
    queue: QueueFacts | None,
    seen: Iterable[ObjectRef],
    allowed: tuple[str, ...],
) -> Answer[tuple[str, ...]]:
    """Take those that are named, or else find out by policy, settings and messages.

    Args:
        wanted: By the caller.
        queue: None: it could not be looked at.
        seen: What a message of the queue names.
        allowed: ``source.allowed_buckets``.
    """
    named = (*wanted.buckets, *(one.bucket for one in wanted.objects))
    of_policy: tuple[str, ...] = ()
    if queue is not None:
        arns = queue.policy.literal_sources(S3)
        of_policy = tuple(arn.rpartition(":")[2] for arn in arns)
    found = named or (
        *of_policy,
        *(one for one in allowed if not _PATTERN_MARKS.intersection(one)),
        *(one.bucket for one in seen),
    )
    buckets = tuple(dict.fromkeys(found))
    findings: list[Finding] = [
        warn(
            BUCKETS,
            f"{bucket} matches no pattern of source.allowed_buckets: its objects are "
            "never fetched",
            "add it there",
        )
        for bucket in buckets
        if not any(fnmatchcase(bucket, pattern) for pattern in allowed)
    ]
    if not buckets:
        by = "source.allowed_buckets"
        if queue is not None:
            by = f"the queue's policy or {by}"
        said = f"none is named by {by}, so that none is looked at: --bucket names one"
        return Answer((skip(BUCKETS, said),))
    if len(buckets) > MAX_BUCKETS:
        said = (
            f"the first {MAX_BUCKETS} of {len(buckets)} are looked at; --bucket names "
        )
        findings.append(skip(BUCKETS, f"{said}others"))
    return Answer(tuple(findings), buckets[:MAX_BUCKETS])
