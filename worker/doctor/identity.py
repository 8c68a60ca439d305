"""Who trailfeed is to AWS, and how far its clock is from AWS's.

Source: AWS STS API Reference, GetCallerIdentity, which needs no permission; AWS IAM
User Guide, "Signature Version 4": a request is good for five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from worker.doctor.finding import Answer, fail, ok, skip, warn
from worker.errors import CommonFaultError
from worker.source.faults import (
    AWS_ERRORS,
    CLOCK_SKEW,
    CREDENTIALS_REFUSED,
    NO_CREDENTIALS,
    NOT_AWS_ERRORS,
    ROLE_REFUSED,
    fault_of,
    not_aws_fault,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from worker.config import SourceConfig
    from worker.doctor.finding import Finding
    from worker.source.sessions import AwsSession

CREDENTIALS: Final = "credentials"
CLOCK: Final = "clock"

REFUSED_FROM_S: Final = 300.0
NOTABLE_FROM_S: Final = 30.0
NOISE_S: Final = 2.0
"""Headers have whole seconds, and answers take a moment."""

_HOPELESS: Final = (NO_CREDENTIALS, CREDENTIALS_REFUSED, ROLE_REFUSED, CLOCK_SKEW)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who AWS says that trailfeed is; empty where STS could not be asked."""

    arn: str = ""
    account: str = ""


class ClockReadings:
    """Compares the ``Date`` of AWS's first answer with this machine's clock.

    Args:
        now: This machine's wall time, in UTC.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.ahead_s: float | None = None
        """How much later it is here than there; None: nothing has answered."""

    def on_answer(self, **call: Any) -> None:
        """A handler of botocore's ``after-call``, which also comes with refusals."""
        headers = getattr(call.get("http_response"), "headers", None)
        date = headers.get("Date") if headers is not None else None
        if not date or self.ahead_s is not None:
            return
        try:
            there = parsedate_to_datetime(date)
        except ValueError:
            return
        if there.tzinfo is not None:
            self.ahead_s = (self._now() - there).total_seconds()

    def finding(self) -> Finding:
        """Judge what was read."""
        if self.ahead_s is None:
            return skip(CLOCK, "AWS has answered nothing that it could be compared to")
        off_s = abs(self.ahead_s)
        where = "ahead of" if self.ahead_s > 0 else "behind"
        said = f"{off_s:.0f} s {where} AWS's"
        mend = "set this machine's clock: run chrony or systemd-timesyncd"
        if off_s >= REFUSED_FROM_S:
            more = "which takes no signature that is five minutes off"
            return fail(CLOCK, f"{said}, {more}", mend)
        if off_s >= NOTABLE_FROM_S:
            more = "by which the lag in the metrics is wrong; at 300 s AWS refuses all"
            return warn(CLOCK, f"{said}, {more}", mend)
        return ok(CLOCK, said if off_s > NOISE_S else "in step with AWS's")


def look_at_credentials(session: AwsSession, source: SourceConfig) -> Answer[Caller]:
    """Find credentials, assume the role, and ask STS who that is.

    Where STS alone is out of reach, as behind VPC endpoints of SQS and S3 only, that is
    a warning, and whose the credentials are stays unknown.
    """
    try:
        session.credential()
    except CommonFaultError as error:
        return Answer((fail(CREDENTIALS, str(error)),))
    doing = "cannot ask STS who this is"
    try:
        identity = session.other_client("sts").get_caller_identity()
        caller = Caller(identity["Arn"], identity["Account"])
    except AWS_ERRORS as error:
        return _unknown(fault_of(error, doing), source)
    except NOT_AWS_ERRORS as error:
        return _unknown(not_aws_fault(error, doing), source)
    role = f", by the role {source.role_arn}" if source.role_arn else ""
    return Answer((ok(CREDENTIALS, f"{caller.arn}{role}"),), caller)


def _unknown(fault: Exception, source: SourceConfig) -> Answer[Caller]:
    is_elsewhere = bool(source.sqs_endpoint_url) and not source.endpoint_url
    if getattr(fault, "code", "") in _HOPELESS and not is_elsewhere:
        return Answer((fail(CREDENTIALS, str(fault)),))
    mend = "nothing, if the lines below are well: trailfeed itself does not need this"
    return Answer((warn(CREDENTIALS, str(fault), mend),), Caller())
