"""Statements run by Athena.

Source: Amazon Athena API Reference, StartQueryExecution, GetQueryExecution and
GetQueryResults.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from worker.errors import AwsError
from worker.source.faults import AWS_ERRORS, fault_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import StartQueryExecutionInputTypeDef

FIRST_WAIT_S: Final = 0.25
MAX_WAIT_S: Final = 5.0

_RUNNING: Final = ("QUEUED", "RUNNING")
_DONE: Final = "SUCCEEDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class AthenaPlace:
    """Where statements run.

    Attributes:
        database: Of the table.
        workgroup: Athena's.
        output: ``s3://…`` for the results; empty: the workgroup's own.
    """

    database: str = "default"
    workgroup: str = "primary"
    output: str = ""


class Athena:
    """Runs statements one after the other.

    Args:
        client: Athena's.
        place: Where they run.
        sleep: Waits so many seconds.
    """

    def __init__(
        self, client: AthenaClient, place: AthenaPlace, sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self._place = place
        self._sleep = sleep

    def run(self, statement: str) -> str:
        """Run a statement to its end; one that is interrupted is stopped.

        Returns:
            The id of its execution.

        Raises:
            RetriableError: Athena refuses it, or it failed.
        """
        request: StartQueryExecutionInputTypeDef = {
            "QueryString": statement.removesuffix(";"),
            "QueryExecutionContext": {"Database": self._place.database},
            "WorkGroup": self._place.workgroup,
        }
        if self._place.output:
            request["ResultConfiguration"] = {"OutputLocation": self._place.output}
        try:
            execution_id = self._client.start_query_execution(**request)[
                "QueryExecutionId"
            ]
            try:
                self._await(execution_id)
            except KeyboardInterrupt:
                self._client.stop_query_execution(QueryExecutionId=execution_id)
                raise
        except AWS_ERRORS as error:
            raise fault_of(error, "cannot ask Athena") from error
        return execution_id

    def rows(self, execution_id: str) -> Iterator[dict[str, str | None]]:
        """Yield the results of a query by the names of their columns; None is null.

        Raises:
            RetriableError: Athena does not give them.
        """
        names: list[str] | None = None
        try:
            pages = self._client.get_paginator("get_query_results").paginate(
                QueryExecutionId=execution_id
            )
            for page in pages:
                for row in page["ResultSet"]["Rows"]:
                    values = [cell.get("VarCharValue") for cell in row["Data"]]
                    if names is None:  # the first row of the first page
                        names = [name or "" for name in values]
                    else:
                        yield dict(zip(names, values, strict=True))
        except AWS_ERRORS as error:
            raise fault_of(error, "cannot read Athena's results") from error

    def _await(self, execution_id: str) -> None:
        for turn in count():
            answer = self._client.get_query_execution(QueryExecutionId=execution_id)
            status = answer["QueryExecution"]["Status"]
            state = status["State"]
            if state == _DONE:
                return
            if state not in _RUNNING:
                reason = " ".join(status.get("StateChangeReason", "").split())
                raise AwsError(
                    "athena_failed",
                    f"Athena: the query {execution_id} {state.lower()}: "
                    f"{reason or 'it does not say why'}",
                )
            self._sleep(min(FIRST_WAIT_S * 2 ** min(turn, 8), MAX_WAIT_S))
