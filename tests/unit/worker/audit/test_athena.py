from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.audit.athena import query, table_definition
from worker.audit.question import VERSION, Question
from worker.errors import PermanentError

A = "111111111111"


def test_the_known_query() -> None:
    question = Question(
        events=("DeleteMessage",),
        queue="my-processing-queue",
        regions=("us-east-1",),
        since=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2026, 11, 2, tzinfo=UTC),
    )
    sql = query(question, 100)
    of_table = sql[sql.index("WHERE") : sql.index("), parts")].split("\n")
    assert [line.strip() for line in of_table] == [
        "WHERE region IN ('us-east-1')",
        "AND awsregion IN ('us-east-1')",
        "AND day >= '2026/11/01'",
        "AND eventtime >= '2026-11-01T00:00:00Z'",
        "AND day <= '2026/11/03'",
        "AND eventtime < '2026-11-02T00:00:00Z'",
        f"AND (lower(regexp_replace(eventname, '{VERSION}$', '')) = 'deletemessage' "
        "OR lower(eventname) = 'deletemessage')",
        "AND eventsource = 'sqs.amazonaws.com'",
        "",
    ]
    assert sql.endswith(
        "FROM seen\nWHERE to_what = 'my-processing-queue'\n  AND copy = 1\n"
        'ORDER BY "when" DESC\nLIMIT 100;'
    )


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ({"who": "o'hara"}, "lower(useridentity.username) = 'o''hara'"),
        ({"who": "a_b%*"}, "LIKE 'a!_b!%%' ESCAPE '!'"),
        ({"queue": "Jobs*"}, "to_what LIKE 'Jobs%' ESCAPE '!'"),
        ({"events": ("sqs:Delete*",)}, "lower(eventsource) = 'sqs.amazonaws.com' AND"),
        ({"plane": "data"}, "plane = 'data'"),
        ({"errors_only": True}, "outcome <> 'ok'"),
        ({"accounts": (A,)}, f"account IN ('{A}')"),
    ],
)
def test_conditions(asked: dict[str, Any], condition: str) -> None:
    assert condition in query(Question(**asked), 1)


def test_counting_groups_by_every_field() -> None:
    sql = query(Question(), 5, ("who_type", "where"))
    assert sql.endswith("GROUP BY 2, 3\nORDER BY 1 DESC, 2, 3\nLIMIT 5;")
    assert 'SELECT count(*) AS count, "who_type", "where"\nFROM seen' in sql


def test_no_limit_is_all_and_copies_stay() -> None:
    sql = query(Question(), 0, copies=True)
    assert "LIMIT" not in sql
    assert "copy = 1" not in sql


@pytest.mark.parametrize(
    ("asked", "longest"), [({}, 100_000), ({"queue": "q"}, 30_000)]
)
def test_the_statement_is_of_a_length_that_athena_takes(
    asked: dict[str, Any], longest: int
) -> None:
    # 262,144 bytes at most, and what names no service needs that of all of them.
    assert len(query(Question(**asked), 1)) < longest


@pytest.mark.parametrize(
    ("source", "root", "regions"),
    [
        (f"s3://logs/AWSLogs/{A}/", "s3://logs/AWSLogs/", None),
        (f"s3://logs/AWSLogs/{A}", "s3://logs/AWSLogs/", None),
        (f"s3://logs/team/x/AWSLogs/{A}/", "s3://logs/team/x/AWSLogs/", None),
        (f"s3://logs/AWSLogs/o-a1/{A}/", "s3://logs/AWSLogs/o-a1/", None),
        (
            f"s3://logs/AWSLogs/{A}/CloudTrail/eu-west-1",
            "s3://logs/AWSLogs/",
            "eu-west-1",
        ),
    ],
)
def test_the_table_lies_over_the_trail(
    source: str, root: str, regions: str | None
) -> None:
    sql = table_definition(source, Question())
    assert f"LOCATION '{root}'" in sql
    assert f"'projection.account.values' = '{A}'" in sql
    template = f"{root}${{account}}/CloudTrail/${{region}}/${{day}}"
    assert f"'storage.location.template' = '{template}'" in sql
    if regions:
        assert f"'projection.region.values' = '{regions}'" in sql
    assert sql.count("(") == sql.count(")")


def test_accounts_come_from_the_question_where_the_source_has_none() -> None:
    sql = table_definition("s3://logs", Question(accounts=(A, "222222222222")))
    assert f"'projection.account.values' = '{A},222222222222'" in sql
    with pytest.raises(PermanentError, match="name the accounts"):
        table_definition("s3://logs/", Question())


@pytest.mark.parametrize(
    "asked", [{"where": ("a exists",)}, {"events": ("[AB]*",)}, {"who": "[a]"}]
)
def test_what_has_no_sql_is_said(asked: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match=r"--where|patterns have"):
        query(Question(**asked), 1)


def test_a_source_that_is_no_bucket_is_said() -> None:
    with pytest.raises(PermanentError, match="wants s3://"):
        table_definition("/var/logs", Question())
