"""The bucket and its notification, in S3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from worker.aws_setup.account.part import step_of
from worker.aws_setup.announcing import new_configuration, with_announcement
from worker.aws_setup.documents import PUBLIC_ACCESS_BLOCK, trail_statements
from worker.aws_setup.queues import others_stay
from worker.aws_setup.statements import with_statements
from worker.aws_setup.step import Verdict
from worker.aws_setup.wiring import Via
from worker.source.faults import service_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import (
        NotificationConfigurationTypeDef,
        PublicAccessBlockConfigurationTypeDef,
    )

    from worker.aws_setup.account.patience import Patience
    from worker.aws_setup.documents import Document
    from worker.aws_setup.step import Step
    from worker.aws_setup.wiring import Wiring

_UNCONSTRAINED = "us-east-1"  # S3 API, CreateBucket: the region that is not named
_MISSING = ("404", "NoSuchBucket")
_ELSEWHERE = ("301", "307", "PermanentRedirect")


class Bucket:
    """That the bucket is there, in the right region; and for trails, if it is new."""

    kind = "bucket"

    def __init__(self, wiring: Wiring, client: S3Client, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self._is_there = False
        self._policy: Document | None = None
        self._is_open = False
        self.name = wiring.bucket

    def look(self) -> Step:
        region = self._region()
        self._is_there = bool(region)
        if not region:
            return self._absent()
        if region != self._wiring.region:
            why = (
                f"it is in {region}, and S3 announces to its own region only: "
                f"--region {region} (trailfeed itself may run anywhere)"
            )
            return step_of(self, Verdict.BLOCKED, why)
        if not self._wiring.is_new_bucket:
            return step_of(self, Verdict.OK)
        return self._furnished()

    def expect(self) -> Step:
        if self._wiring.is_new_bucket:
            return self._absent()
        return step_of(self, Verdict.OK, "taken to be there")

    def mend(self) -> None:
        owner = self._wiring.bucket_account
        doing = f"making the bucket {self.name}"
        if not self._is_there:
            self._patience.until_known(self._make, doing)
            self._patience.until_known(self._look_inside, doing)
        if self._is_open:
            self._patience.until_known(
                lambda: self._client.put_public_access_block(
                    Bucket=self.name,
                    PublicAccessBlockConfiguration=cast(
                        "PublicAccessBlockConfigurationTypeDef", PUBLIC_ACCESS_BLOCK
                    ),
                    ExpectedBucketOwner=owner,
                ),
                doing,
            )
        if self._policy is not None:
            text = json.dumps(self._policy)
            self._patience.until_known(
                lambda: self._client.put_bucket_policy(
                    Bucket=self.name, Policy=text, ExpectedBucketOwner=owner
                ),
                doing,
            )

    def _region(self) -> str:
        """Where the bucket is; empty: there is none."""
        try:
            answer: Any = self._client.head_bucket(
                Bucket=self.name, ExpectedBucketOwner=self._wiring.bucket_account
            )
        except ClientError as error:
            if service_code(error) in _MISSING:
                return ""
            if service_code(error) not in _ELSEWHERE:
                raise
            answer = error.response
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        return str(headers.get("x-amz-bucket-region", self._wiring.region))

    def _absent(self) -> Step:
        if self._wiring.is_new_bucket:
            return step_of(self, Verdict.MAKE, *self._furniture())
        return step_of(
            self, Verdict.BLOCKED, "there is no such bucket: --new-bucket makes one"
        )

    def _furnished(self) -> Step:
        self._look_inside()
        due = (self._is_open, self._policy is not None)
        details = [
            one for one, is_due in zip(self._furniture(), due, strict=True) if is_due
        ]
        return step_of(self, Verdict.CHANGE if details else Verdict.OK, *details)

    def _furniture(self) -> tuple[str, str]:
        return (
            "all public access blocked",
            f"trails of account {self._wiring.account} may write under "
            f"{self._wiring.prefix or 'any key'}",
        )

    def _look_inside(self) -> None:
        wiring = self._wiring
        owner = wiring.bucket_account
        block: Any = {}
        text = ""
        try:
            block = self._client.get_public_access_block(
                Bucket=self.name, ExpectedBucketOwner=owner
            )["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if service_code(error) != "NoSuchPublicAccessBlockConfiguration":
                raise
        try:
            text = self._client.get_bucket_policy(
                Bucket=self.name, ExpectedBucketOwner=owner
            )["Policy"]
        except ClientError as error:
            if service_code(error) != "NoSuchBucketPolicy":
                raise
        self._is_open = any(not block.get(name) for name in PUBLIC_ACCESS_BLOCK)
        self._policy = with_statements(text, trail_statements(wiring))

    def _make(self) -> None:
        region = self._wiring.region
        try:
            if region == _UNCONSTRAINED:
                self._client.create_bucket(Bucket=self.name)
            else:
                place = cast("BucketLocationConstraintType", region)
                self._client.create_bucket(
                    Bucket=self.name,
                    CreateBucketConfiguration={"LocationConstraint": place},
                )
        except self._client.exceptions.BucketAlreadyOwnedByYou:
            return  # an answer was lost


class Notification:
    """See :mod:`worker.aws_setup.announcing`."""

    kind = "notification"

    def __init__(self, wiring: Wiring, client: S3Client, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self._wanted: Document = {}
        self.name = wiring.bucket

    def look(self) -> Step:
        return self._judge(self._read())

    def expect(self) -> Step:
        return self._judge({})

    def mend(self) -> None:
        self._patience.until_known(
            lambda: self._client.put_bucket_notification_configuration(
                Bucket=self.name,
                NotificationConfiguration=cast(
                    "NotificationConfigurationTypeDef", self._wanted
                ),
                ExpectedBucketOwner=self._wiring.bucket_account,
            ),
            f"setting the notification of {self.name}",
        )

    def _read(self) -> Document:
        try:
            answer = self._client.get_bucket_notification_configuration(
                Bucket=self.name, ExpectedBucketOwner=self._wiring.bucket_account
            )
        except ClientError as error:
            if service_code(error) in _MISSING and self._wiring.is_new_bucket:
                return {}
            raise
        return {
            name: value for name, value in answer.items() if name != "ResponseMetadata"
        }

    def _judge(self, present: Document) -> Step:
        found = with_announcement(present, self._wiring)
        verdict, details = Verdict.OK, found.conflicts
        if found.conflicts:
            verdict = Verdict.BLOCKED
        elif found.wanted is not None:
            self._wanted = found.wanted
            is_first = not found.replaced
            verdict = Verdict.MAKE if is_first else Verdict.CHANGE
            taken_in = (f'takes in the notification "{one}"' for one in found.replaced)
            stay = others_stay(found.kept_count, "notification")
            details = (f"{self._said()}{stay}", *taken_in)
        return step_of(self, verdict, *details)

    def _said(self) -> str:
        wiring = self._wiring
        if wiring.via is Via.EVENTBRIDGE:
            return "sends its events to EventBridge"
        place = f" under {wiring.prefix}" if wiring.prefix else ""
        if wiring.via is Via.SNS:
            return f"announces new objects{place} to the topic {wiring.topic}"
        return f"announces new objects{place} to the queue {wiring.queue}"


class ForeignBucket:
    """That a bucket of another account announces here is for that account to see to."""

    kind = "notification"

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self.name = wiring.bucket

    def look(self) -> Step:
        wiring = self._wiring
        added = json.dumps(new_configuration(wiring))
        return step_of(
            self,
            Verdict.ELSEWHERE,
            f"account {wiring.bucket_account} adds to what the bucket has: {added}",
            "and lets the reader read in the bucket's policy: s3:GetObject, "
            "s3:GetObjectVersion, s3:ListBucket",
        )

    def expect(self) -> Step:
        return self.look()

    def mend(self) -> None:
        """Nothing is ever due."""
