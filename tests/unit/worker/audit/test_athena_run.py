from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from worker.audit.athena_run import MAX_WAIT_S, Athena, AthenaPlace
from worker.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_athena import AthenaClient


def _row(*values: str | None) -> dict[str, Any]:
    cells = [{} if value is None else {"VarCharValue": value} for value in values]
    return {"Data": cells}


class FakeAthena:
    """Goes through the states, one a question."""

    def __init__(self, *states: str, reason: str = "") -> None:
        self._states = [*states]
        self._reason = reason
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        state = self._states.pop(0)
        if state == "interrupt":
            raise KeyboardInterrupt
        if state == "refuse":
            error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            raise ClientError(error, "GetQueryExecution")
        status = {"State": state, "StateChangeReason": self._reason}
        return {"QueryExecution": {"Status": status}}

    def stop_query_execution(self, **request: str) -> None:
        self.stopped.append(request["QueryExecutionId"])

    def get_paginator(self, _: str) -> FakeAthena:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        yield {"ResultSet": {"Rows": [_row("who", "what"), _row("jane", None)]}}
        yield {"ResultSet": {"Rows": [_row("joe", "sqs:SendMessage")]}}


def _athena(
    fake: FakeAthena, place: AthenaPlace | None = None
) -> tuple[Athena, list[float]]:
    waits: list[float] = []
    client = cast("AthenaClient", fake)
    return Athena(client, place or AthenaPlace(), waits.append), waits


def test_a_statement_runs_to_its_end() -> None:
    fake = FakeAthena("QUEUED", *["RUNNING"] * 20, "SUCCEEDED")
    place = AthenaPlace(database="logs", workgroup="team", output="s3://out/")
    athena, waits = _athena(fake, place)
    assert athena.run("SELECT 1;") == "q-1"
    assert fake.started == [
        {
            "QueryString": "SELECT 1",
            "QueryExecutionContext": {"Database": "logs"},
            "WorkGroup": "team",
            "ResultConfiguration": {"OutputLocation": "s3://out/"},
        }
    ]
    assert waits == sorted(waits)
    assert (len(waits), waits[-1]) == (21, MAX_WAIT_S)


def test_the_workgroup_may_say_where_results_go() -> None:
    fake = FakeAthena("SUCCEEDED")
    _athena(fake)[0].run("SELECT 1")
    assert "ResultConfiguration" not in fake.started[0]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_failure_says_why(state: str) -> None:
    fake = FakeAthena(state, reason="SYNTAX_ERROR:\n line 1")
    with pytest.raises(AwsError, match=rf"q-1 {state.lower()}: SYNTAX_ERROR: line 1"):
        _athena(fake)[0].run("SELECT")


def test_a_refusal_is_an_error_of_aws() -> None:
    with pytest.raises(AwsError, match="cannot ask Athena"):
        _athena(FakeAthena("refuse"))[0].run("SELECT")


def test_an_interrupted_query_is_stopped() -> None:
    fake = FakeAthena("RUNNING", "interrupt")
    with pytest.raises(KeyboardInterrupt):
        _athena(fake)[0].run("SELECT")
    assert fake.stopped == ["q-1"]


def test_rows_of_all_pages_without_the_heading() -> None:
    assert [*_athena(FakeAthena())[0].rows("q-1")] == [
        {"who": "jane", "what": None},
        {"who": "joe", "what": "sqs:SendMessage"},
    ]
