from __future__ import annotations

import pytest

from worker.deliver.aws_state import AwsState, state_of
from worker.errors import AwsError, CommonFaultError, TrailfeedError
from worker.source import faults, queue


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (
            CommonFaultError(faults.CREDENTIALS_REFUSED, "no"),
            AwsState.CREDENTIALS_REFUSED,
        ),
        (CommonFaultError(faults.UNREACHABLE, "no"), AwsState.UNREACHABLE),
        (AwsError("InternalError", "down"), AwsState.OTHER),
        (TrailfeedError("without a code"), AwsState.OTHER),
    ],
)
def test_the_code_names_the_state(error: TrailfeedError, state: AwsState) -> None:
    assert state_of(error) is state
    assert state.is_fault


@pytest.mark.parametrize(
    "code",
    [
        *(faults.NO_CREDENTIALS, faults.CREDENTIALS_REFUSED, faults.ROLE_REFUSED),
        *(faults.CLOCK_SKEW, faults.UNREACHABLE, faults.TIMEOUT, faults.THROTTLED),
        *(faults.KMS, faults.NO_AWS_ANSWER),
        *(queue.NO_QUEUE, queue.ACCESS_DENIED, queue.OVER_LIMIT),
    ],
)
def test_every_code_of_a_common_fault_has_a_state_of_its_own(code: str) -> None:
    assert state_of(CommonFaultError(code, "no")).name.lower() == code
