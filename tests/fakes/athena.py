"""Athena's table of CloudTrail's events, in DuckDB."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from worker.audit.athena import table_definition
from worker.audit.question import Question

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What Trino has and DuckDB does not, or has for other types.
_FUNCTIONS = (
    "json_extract_scalar(j, p) AS CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY') "
    "THEN NULL ELSE json_extract_string(j, p) END",
    "element_at(l, i) AS list_extract(l, i)",
)
_ACCOUNT = "s3://logs/AWSLogs/123456789012/"


def rows_of(
    statement: str, records: Iterable[dict[str, Any]], folder: Path
) -> list[dict[str, Any]]:
    """Run a statement over records, in a table as Athena makes it."""
    duckdb = pytest.importorskip("duckdb", reason="needs duckdb to run the SQL")
    columns = _columns(table_definition(_ACCOUNT, Question()))
    lines = folder / "table.jsonl"
    with lines.open("w") as file:
        for record in records:
            row = {name.lower(): value for name, value in record.items()}
            cells = {name: _cell(row.get(name), kind) for name, kind in columns.items()}
            region = record.get("awsRegion")
            account = record.get("recipientAccountId")
            day = str(record.get("eventTime"))[:10].replace("-", "/")
            cells |= {"region": region, "account": account, "day": day}
            file.write(json.dumps(cells) + "\n")
    kinds = {name: _kind(kind) for name, kind in columns.items()}
    kinds |= dict.fromkeys(("region", "account", "day"), "VARCHAR")
    with duckdb.connect() as connection:
        for function in _FUNCTIONS:
            connection.execute(f"CREATE MACRO {function}")
        connection.execute(
            "CREATE TABLE cloudtrail_logs AS FROM read_json("
            f"'{lines}', format='newline_delimited', columns={kinds})"
        )
        found = connection.execute(statement)
        names = [one[0] for one in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _columns(definition: str) -> dict[str, str]:
    body = definition[definition.index("(") + 1 : definition.index("\n)\nPARTITIONED")]
    flat = re.sub(r"\s+", " ", body)
    found, depth, begin = [], 0, 0
    for at, character in enumerate(f"{flat},"):
        depth += (character == "<") - (character == ">")
        if character == "," and not depth:
            found.append(flat[begin:at].strip())
            begin = at + 1
    return dict(one.split(" ", 1) for one in found)


def _kind(kind: str) -> str:
    """``array<struct<a: string>>`` as DuckDB writes it."""
    kind = kind.strip()
    if kind.startswith("array<"):
        return f"{_kind(kind[6:-1])}[]"
    if not kind.startswith("struct<"):
        return "VARCHAR"
    members = re.sub(r"(\w+): *string", r"\1 VARCHAR", kind)
    members = re.sub(r"(\w+): *struct", r"\1 struct", members)
    return members.replace("struct<", "STRUCT(").replace(">", ")")


def _cell(value: Any, kind: str) -> Any:
    """As the table's JSON reader gives it: names in lower case, or the text of it."""
    if value is None or isinstance(value, str):
        return value if kind == "string" else None
    if kind == "string":
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _lower(value)


def _lower(value: Any) -> Any:
    if isinstance(value, dict):
        return {name.lower(): _lower(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_lower(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else value
