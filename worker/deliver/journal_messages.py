"""The journal's table of held messages, with all that a successor needs of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.deliver.inheritance import Inherited, deaths_with
from worker.deliver.journal_batch import message_of
from worker.deliver.journal_rows import execute_rows
from worker.source.messages import Message

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from worker.deliver.journal_batch import Batch

NOBODY: Final = ""
"""The owner of what a worker that ended in order still held."""

MAX_BODY_BYTES: Final = 262_144
"""Of a message that is noted with its body: as SNS sends at most."""

_MAX_COUNT: Final = 1_000_000

_HOLD: Final = """
    REPLACE INTO held (owner, held_since_s, deaths, is_alone,
        message_id, receipt_handle, body, receive_count, sent_s)
    SELECT ?, ?, 0, 0, column1, column2, column3, column4, column5
    FROM (VALUES {rows})
"""

_HELD: Final = """
    SELECT message_id, receipt_handle, body, receive_count, sent_s, held_since_s,
        deaths, is_alone
    FROM held WHERE owner = ?
"""


def write_messages(
    database: sqlite3.Connection, batch: Batch, *, owner: str, now_s: int
) -> None:
    """Note what an owner holds, lets go of and works on alone, in a transaction."""
    write = partial(execute_rows, database)
    write(_HOLD, [_row_of(one) for one in batch.held.values()], owner, now_s)
    # Another worker may have received it since; that one's row stays.
    write(
        "DELETE FROM held WHERE owner = ? AND message_id IN (VALUES {rows})",
        [(id_,) for id_ in batch.freed],
        owner,
    )
    if batch.alone is not None:
        database.execute(
            "UPDATE held SET is_alone = (message_id = ?) WHERE owner = ?",
            (batch.alone, owner),
        )


def leave_messages(
    database: sqlite3.Connection, blamed: Sequence[str], *, owner: str
) -> None:
    """Note that an owner ends in order, by nothing that it holds but the blamed."""
    rows = database.execute("SELECT message_id FROM held WHERE owner = ?", (owner,))
    database.executemany(
        "UPDATE held SET owner = ?, is_alone = 0 WHERE message_id = ?",
        [(NOBODY, id_) for (id_,) in rows.fetchall() if id_ not in blamed],
    )


def take_over_messages(
    database: sqlite3.Connection, earlier: Sequence[str], *, owner: str, now_s: float
) -> list[Inherited]:
    """Give an owner what earlier ones held, and count their deaths, in a transaction.

    Returns:
        All of it. What has no body is nobody's from now on.
    """
    messages = [one for name in earlier for one in _held_by(database, name, now_s)]
    database.executemany(
        "UPDATE held SET owner = ?, deaths = ?, is_alone = 0"
        " WHERE message_id = ? AND body IS NOT NULL",
        [(owner, one.deaths, one.message.id) for one in messages],
    )
    database.executemany(
        "DELETE FROM held WHERE owner = ?", [(name,) for name in earlier]
    )
    return messages


def _held_by(
    database: sqlite3.Connection, owner: str, now_s: float
) -> Iterator[Inherited]:
    rows = database.execute(_HELD, (owner,)).fetchall()
    claims = database.execute("SELECT claimant FROM claim WHERE owner = ?", (owner,))
    in_work = {message_of(claimant) for (claimant,) in claims.fetchall()}
    alone = {id_ for id_, *_, is_alone in rows if is_alone}
    # Where none of them is in work, it may have been in what comes before a claim.
    suspects = alone or in_work & {id_ for id_, *_ in rows}
    for *columns, since_s, deaths, _ in rows:
        message = _message_of(*columns)
        now_deaths = deaths
        if owner != NOBODY:
            now_deaths = deaths_with(
                deaths,
                was_alone=message.id in alone,
                is_cleared=bool(suspects) and message.id not in suspects,
            )
        yield Inherited(message, max(now_s - since_s, 0.0), now_deaths)


def _row_of(message: Message) -> tuple[object, ...]:
    body = message.body.encode("utf-8", "surrogatepass")
    return (
        message.id,
        message.receipt_handle,
        body if 0 < len(body) <= MAX_BODY_BYTES else None,
        min(message.receive_count, _MAX_COUNT),
        None if message.sent_at is None else message.sent_at.timestamp(),
    )


def _message_of(
    id_: str,
    receipt_handle: str,
    body: bytes | None,
    receive_count: int,
    sent_s: float | None,
) -> Message:
    return Message(
        id_,
        receipt_handle,
        (body or b"").decode("utf-8", "surrogatepass"),
        receive_count,
        None if sent_s is None else datetime.fromtimestamp(sent_s, UTC),
    )
