"""Waiting for AWS to know what it was told."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from worker.aws_setup.account.patience import WAITS_S, Patience


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Whatever")


class Aws:
    """Refuses so many times."""

    def __init__(self, error: ClientError, times: int) -> None:
        self.error = error
        self.times = times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return "done"


class TestPatience:
    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("AWS.SimpleQueueService.QueueDeletedRecently", ""),
            (
                "InvalidArgument",
                "Unable to validate the following destination configurations",
            ),
            ("NoSuchEntity", ""),
            ("NotFound", ""),
            ("OperationAborted", ""),
            ("ResourceNotFoundException", ""),
        ],
    )
    def test_what_passes_is_waited_for(self, code: str, message: str) -> None:
        waits: list[float] = []
        said: list[str] = []
        aws = Aws(refusal(code, message), times=3)
        done = Patience(waits.append, said.append).until_known(aws, "making it")
        assert done == "done"
        assert tuple(waits) == WAITS_S[:3]
        (line,) = said
        assert line.startswith("making it: AWS is not ready")

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("AccessDenied", ""),
            ("InvalidArgument", "Configurations overlap"),
            ("MalformedPolicyDocument", ""),
        ],
    )
    def test_what_does_not_is_an_error_at_once(self, code: str, message: str) -> None:
        aws = Aws(refusal(code, message), times=1)
        waits: list[float] = []
        with pytest.raises(ClientError):
            Patience(waits.append, lambda _: None).until_known(aws, "making it")
        assert (aws.calls, waits) == (1, [])

    def test_it_ends(self) -> None:
        aws = Aws(refusal("QueueDeletedRecently"), times=1000)
        waits: list[float] = []
        with pytest.raises(ClientError):
            Patience(waits.append, lambda _: None).until_known(aws, "making it")
        assert tuple(waits) == WAITS_S
        # A queue's name is free again after 60 s.
        assert sum(waits) > 60
