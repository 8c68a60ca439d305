"""All parts of a wiring in one account: planned, and applied."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from worker.aws_setup.account.bucket_parts import (
    Bucket,
    ForeignBucket,
    Notification,
)
from worker.aws_setup.account.part import step_of
from worker.aws_setup.account.queue_parts import DeadLetterQueue, Queue
from worker.aws_setup.account.reader_part import ReaderPolicy, ReaderRole
from worker.aws_setup.account.rule_part import Rule
from worker.aws_setup.account.topic_part import Subscription, Topic
from worker.aws_setup.step import Step, Verdict, title
from worker.aws_setup.wiring import Via
from worker.errors import AwsError, PermanentError
from worker.source.faults import (
    AWS_ERRORS,
    NOT_AWS_ERRORS,
    fault_of,
    not_aws_fault,
    on_one_line,
    service_code,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws_setup.account.part import Part
    from worker.aws_setup.account.patience import Patience
    from worker.aws_setup.wiring import Wiring
    from worker.source.sessions import AwsSession

_DENIED: Final = (
    "403",  # of HEAD, whose answer has no body
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
)


class Setup:
    """The AWS side of one wiring.

    Args:
        wiring: What is wanted.
        session: Whose credentials, in the wiring's region.
        patience: For what AWS does not know at once.
    """

    def __init__(self, wiring: Wiring, session: AwsSession, patience: Patience) -> None:
        self._wiring = wiring
        self._session = session
        s3, sqs = session.s3_client(wiring.region), session.sqs_client()
        self._queue = Queue(wiring, sqs, patience)
        # A queue before what sends to it: S3 tries the way when it is told of it.
        parts: list[Part] = []
        if not wiring.is_foreign_bucket:
            parts.append(Bucket(wiring, s3, patience))
        parts += [DeadLetterQueue(wiring, sqs, patience), self._queue]
        if wiring.via is Via.SNS:
            sns = session.other_client("sns")
            parts.append(Topic(wiring, sns, patience))
            parts.append(Subscription(wiring, sns, patience))
        if wiring.via is Via.EVENTBRIDGE:
            parts.append(Rule(wiring, session.other_client("events"), patience))
        if wiring.is_foreign_bucket:
            parts.append(ForeignBucket(wiring))
        else:
            parts.append(Notification(wiring, s3, patience))
        if wiring.has_reader:
            iam = session.other_client("iam")
            parts.append(ReaderPolicy(wiring, iam, patience))
            if wiring.role:
                parts.append(ReaderRole(wiring, iam, patience))
        self._parts = tuple(parts)

    def check_account(self) -> None:
        """Make sure that the credentials are of the account that is meant.

        Raises:
            PermanentError: They are another account's.
            RetriableError: AWS does not say.
        """
        account = own_account(self._session)
        if account != self._wiring.account:
            raise PermanentError(
                "other_account",
                f"the credentials are of account {account}, not of "
                f"{self._wiring.account} (--account): take others, or name that one",
            )

    def expectation(self) -> tuple[Step, ...]:
        """The plan for an account with nothing but the bucket; asks nobody."""
        return tuple(part.expect() for part in self._parts)

    def plan(self) -> tuple[Step, ...]:
        """What is to be done about each part; changes nothing.

        Raises:
            RetriableError: AWS is out of reach, or refuses the credentials.
        """
        steps: list[Step] = []
        for part in self._parts:
            bucket = next((one for one in steps if one.kind == Bucket.kind), None)
            is_in_vain = bucket is not None and bucket.is_in_the_way
            if is_in_vain and part.kind == Notification.kind:
                continue
            steps.append(_look(part))
        return tuple(steps)

    def apply(self) -> Iterator[Step]:
        """Make and change what is due, part by part; yields each once it is done.

        Each part is looked at anew right before. After an error, or an interruption,
        all can be done again.

        Raises:
            AwsError: AWS refuses something, or something got in the way meanwhile.
            RetriableError: AWS is out of reach, or refuses the credentials.
        """
        for part in self._parts:
            step = _look(part)
            if step.is_in_the_way:
                raise AwsError(
                    step.verdict.value,
                    f"{title(part.kind, part.name)}: {'; '.join(step.details)}",
                )
            if step.is_due:
                with _as_trailfeed_errors(
                    f"cannot set up {title(part.kind, part.name)}"
                ):
                    part.mend()
            yield step

    def queue_url(self) -> str:
        """The queue's URL, as SQS has it where it was asked."""
        return self._queue.url()


def own_account(session: AwsSession) -> str:
    """The account of the credentials.

    Raises:
        RetriableError: AWS is out of reach, or refuses them.
    """
    with _as_trailfeed_errors("cannot ask AWS whose credentials these are"):
        return session.other_client("sts").get_caller_identity()["Account"]


def _look(part: Part) -> Step:
    try:
        with _as_trailfeed_errors(f"cannot read {title(part.kind, part.name)}"):
            return part.look()
    except _DeniedError as error:
        return step_of(part, Verdict.UNKNOWN, error.said)


class _DeniedError(AwsError):
    """AWS takes the credentials, but they may not do this."""

    def __init__(self, code: str, doing: str, said: str) -> None:
        super().__init__(code, f"{doing}: {said}")
        self.said = said


@contextmanager
def _as_trailfeed_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        if isinstance(error, ClientError) and service_code(error) in _DENIED:
            raise _DeniedError(service_code(error), doing, _refusal(error)) from error
        raise fault_of(error, doing) from error
    except NOT_AWS_ERRORS as error:
        raise not_aws_fault(error, doing) from error


def _refusal(error: ClientError) -> str:
    """What AWS does not allow, in its words, or else in ours."""
    said = str(error.response.get("Error", {}).get("Message", ""))
    if len(said) <= len("Access Denied"):
        return (
            f"not allowed: {error.operation_name}, or it is another account's; "
            f"AWS says {service_code(error)}"
        )
    return f"not allowed: {on_one_line(said)}"
