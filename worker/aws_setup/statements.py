"""Policies on resources: adding one statement, and keeping everyone else's.

Source: AWS IAM User Guide, "IAM JSON policy elements reference": one value may stand
for a list of one, and actions are compared without regard to case.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from worker.aws_setup.documents import policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.aws_setup.documents import Document, Statement


def with_statements(text: str, wanted: Sequence[Statement]) -> Document | None:
    """A policy that has these statements, too.

    A statement that says the same under another name will do. One of the same name
    that says something else is replaced.

    Args:
        text: The policy that is there (JSON); empty: none.
        wanted: The statements.

    Returns:
        None: it has them already.

    Raises:
        ValueError: What is there is no policy.
    """
    if not text:
        return policy(*wanted)
    document = parse_policy(text)
    present = statements_of(document)
    said = [_meaning(one) for one in present]
    missing = [one for one in wanted if _meaning(one) not in said]
    if not missing:
        return None
    names = {one["Sid"] for one in missing}
    kept = [one for one in present if one.get("Sid") not in names]
    return {**document, "Statement": [*kept, *missing]}


def parse_policy(text: str) -> Document:
    """Read a policy.

    Raises:
        ValueError: It is none.
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("expected an object")  # noqa: TRY004 - as of other bad JSON
    return document


def statements_of(document: Document) -> list[Statement]:
    """The statements of a policy, which may be a single one."""
    statements = document.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _meaning(statement: Statement) -> Statement:
    """A statement in one form, without its name."""
    meaning: Statement = {}
    for element, value in statement.items():
        match element:
            case "Sid":
                continue
            case "Action" | "NotAction":
                meaning[element] = sorted(action.lower() for action in _listed(value))
            case "Principal" | "NotPrincipal" if isinstance(value, dict):
                meaning[element] = {name: _listed(one) for name, one in value.items()}
            case "Condition":
                meaning[element] = {
                    operator: {
                        key.lower(): _listed(values) for key, values in keys.items()
                    }
                    for operator, keys in value.items()
                }
            case _:
                meaning[element] = _listed(value)
    return meaning


def _listed(value: Any) -> list[Any]:
    return sorted(value, key=str) if isinstance(value, list) else [value]
