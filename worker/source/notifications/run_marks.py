"""The run id of a message that is sent on purpose once more, and its proof. No I/O.

A run id keeps a message from being taken for a duplicate, so that it is honored only
from those who know the key of the daemon's ``state.dir``: ``"trailfeed": {"runId": "…",
"proof": "…"}``. The proof is of all of the document in which it stands.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from worker.source.notifications.fields import Part, malformed

MARKS: Final = "trailfeed"
"""The member with what trailfeed itself has to say about a message."""

RUN_ID: Final = "runId"
PROOF: Final = "proof"

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True)
class RunMark:
    """A message's run id, and whether its sender knows the key."""

    run_id: str
    is_proven: bool


def marked(document: dict[str, Any], run_id: str, key: bytes | None) -> dict[str, Any]:
    """Return the document with a run id, in place of one that is there.

    Args:
        document: The message, or what an SNS envelope has in it.
        run_id: Of a backfill or a replay.
        key: Of the proof; None: without one, for a pool that asks for none.
    """
    marks = {RUN_ID: run_id}
    if key is not None:
        marks[PROOF] = _proof(document, run_id, key)
    return {**document, MARKS: marks}


def run_mark(document: dict[str, Any], key: bytes | None) -> RunMark | None:
    """Read the run id; None: there is none.

    Args:
        document: As for :func:`marked`.
        key: Of the proof; None: none is asked for.

    Raises:
        UnknownMessageError: It is no run's id.
    """
    marks = document.get(MARKS)
    if marks is None:
        return None
    run_id = Part(marks, MARKS).text(RUN_ID)
    if not _RUN_ID.fullmatch(run_id):
        raise malformed(f"{MARKS}.{RUN_ID}", "a run's id")
    if key is None:
        return RunMark(run_id, is_proven=True)
    proof = marks.get(PROOF)
    is_proven = (
        isinstance(proof, str)
        and proof.isascii()
        and hmac.compare_digest(proof, _proof(document, run_id, key))
    )
    return RunMark(run_id, is_proven)


def _proof(document: dict[str, Any], run_id: str, key: bytes) -> str:
    rest = {name: value for name, value in document.items() if name != MARKS}
    text = json.dumps([run_id, rest], separators=(",", ":"), sort_keys=True)
    return hmac.digest(key, text.encode(), "sha256").hex()
