from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from worker.demo.table import audit_table, choose


def event(name: str, second: int, **fields: Any) -> dict[str, Any]:
    service, _, action = name.partition(":")
    return {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": action,
        "eventTime": f"2026-03-01T00:00:{second:02}Z",
        **fields,
    }


def names(records: Any) -> list[str]:
    return [record["eventName"] for record in records]


def rendered(record: dict[str, Any]) -> str:
    page = io.StringIO()
    Console(file=page, width=160).print(audit_table([record]))
    return page.getvalue()


def test_one_of_each_kind_comes_before_a_second_of_any() -> None:
    often = [event("s3:GetObject", second, readOnly=True) for second in range(10)]
    rare = [event("sqs:PurgeQueue", 20), event("iam:CreateUser", 30)]
    assert names(choose([*often, *rare], 3)) == [
        "GetObject",
        "PurgeQueue",
        "CreateUser",
    ]


def test_sqs_then_failures_then_changes_come_first() -> None:
    records = [
        event("ec2:DescribeInstances", 1, readOnly=True),
        event("iam:CreateUser", 2),
        event("iam:DeleteUser", 3, errorCode="AccessDenied"),
        event("sqs:ReceiveMessage", 4, readOnly=True),
    ]
    assert names(choose(records, 1)) == ["ReceiveMessage"]
    assert names(choose(records, 2)) == ["DeleteUser", "ReceiveMessage"]
    assert names(choose(records, 3)) == ["CreateUser", "DeleteUser", "ReceiveMessage"]


def test_a_failure_is_a_kind_of_its_own() -> None:
    records = [event("sqs:DeleteQueue", 1), event("sqs:DeleteQueue", 2, errorCode="No")]
    records += [event("s3:GetObject", 3)]
    assert names(choose(records, 2)) == ["DeleteQueue", "DeleteQueue"]


def test_rows_are_in_the_order_of_time() -> None:
    records = [event("sqs:SendMessage", second) for second in (9, 3, 6)]
    assert [r["eventTime"][-3:] for r in choose(records, 9)] == ["03Z", "06Z", "09Z"]


def test_a_record_without_fields_is_shown() -> None:
    assert choose([{}], 5) == [{}]
    assert "-" in rendered({})


def test_a_row_tells_who_did_what_to_what_from_where() -> None:
    row = rendered(
        event(
            "sqs:DeleteQueue",
            7,
            userIdentity={"type": "IAMUser", "userName": "mallory"},
            requestParameters={"queueUrl": "https://sqs.example/123456789012/jobs"},
            sourceIPAddress="198.51.100.77",
            errorCode="AccessDenied",
        )
    )
    cells = [cell.strip() for cell in row.splitlines()[-2].strip("│").split("│")]
    assert cells == [
        "2026-03-01 00:00:07",
        "mallory",
        "sqs:DeleteQueue",
        "jobs",
        "198.51.100.77",
        "AccessDenied",
    ]


def test_what_a_caller_chose_neither_steers_the_terminal_nor_is_markup() -> None:
    row = rendered(event("sqs:[bold]\x1b[2J", 1))
    assert "\x1b" not in row
    assert "[bold]\\x1b[2J" in row
