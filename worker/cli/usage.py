"""What several commands are asked with: times and buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from worker.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


def period_of(
    since: str, until: str, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """The times that ``--from`` and ``--to`` name; None where they are empty.

    Raises:
        typer.BadParameter: They name none, or the first is not before the second.
    """
    begin, end = _instant_of("--from", since, now), _instant_of("--to", until, now)
    if begin and end and begin >= end:
        raise typer.BadParameter("--from must be before --to")
    return begin, end


def past_period_of(
    since: str, until: str, now: datetime
) -> tuple[datetime | None, datetime]:
    """The same of what is there already: without ``--to`` it ends now.

    Raises:
        typer.BadParameter: As above, or nothing of it has passed.
    """
    begin, end = period_of(since, until, now)
    if begin and end is None and begin >= now:
        raise typer.BadParameter(f"--from {since}: lies in the future")
    return begin, end or now


def place_in_s3(source: str) -> tuple[str, str]:
    """Bucket and prefix, or key, of an ``s3://`` URL.

    Raises:
        typer.BadParameter: It is none.
    """
    from worker.source.trail_folders import bucket_and_prefix  # noqa: PLC0415 - slow

    try:
        return bucket_and_prefix(source)
    except PermanentError as error:
        raise typer.BadParameter(str(error)) from error


def account_ids(texts: Collection[str]) -> tuple[str, ...]:
    """What ``--account`` names, sorted.

    Raises:
        typer.BadParameter: One is no account id.
    """
    from worker.config.values import check_account_id  # noqa: PLC0415 - slow

    for text in texts:
        try:
            check_account_id(text or "none")  # it takes an empty one for no account
        except ValueError as error:
            raise typer.BadParameter(f"--account {text}: {error}") from None
    return tuple(sorted(set(texts)))


def _instant_of(option: str, text: str, now: datetime) -> datetime | None:
    """The time that an option names; None where it is empty.

    Raises:
        typer.BadParameter: It names none.
    """
    from worker.audit.question import instant  # noqa: PLC0415 - --help answers at once

    try:
        return instant(text, now) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{option} {text}: {error}") from error
