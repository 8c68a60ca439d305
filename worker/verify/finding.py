"""What a verification says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What is wrong."""

    INVALID = "invalid"  # there, but not what CloudTrail delivered
    MISSING = "missing"  # named by CloudTrail, and not there
    ADDED = "added"  # there, and named by no digest
    GAP = "gap"  # a time for which there is no digest
    UNREADABLE = "unreadable"  # S3 does not give it: neither good nor bad is known


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        fault: The kind of it.
        subject: What it is about: the URL of an object, or of a folder.
        sentence: What was expected, in words.
    """

    fault: Fault
    subject: str
    sentence: str


@dataclass(slots=True)
class Totals:
    """How much was looked at."""

    chains_count: int = 0
    digests_count: int = 0
    log_files_count: int = 0
    findings_count: int = 0
