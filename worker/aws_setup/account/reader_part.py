"""The reader's policy, in IAM, and the role that has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from worker.aws_setup.account.part import step_of
from worker.aws_setup.documents import reader_policy
from worker.aws_setup.statements import statements_of, with_statements
from worker.aws_setup.step import Verdict
from worker.source.faults import service_code

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from worker.aws_setup.account.patience import Patience
    from worker.aws_setup.documents import Document
    from worker.aws_setup.step import Step
    from worker.aws_setup.wiring import Wiring

MAX_VERSIONS: Final = 5
"""Of a policy; IAM User Guide, "Versioning IAM policies"."""

_MISSING = "NoSuchEntity"


class ReaderPolicy:
    """What trailfeed may do, as a policy to be attached to whoever runs it."""

    kind = "reader_policy"

    def __init__(self, wiring: Wiring, client: IAMClient, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self._is_there = False
        self._wanted: Document = {}
        self.name = wiring.policy

    def look(self) -> Step:
        present = self._document()
        self._is_there = present is not None
        self._wanted = reader_policy(self._wiring)
        if present is None:
            return self.expect()
        # Another bucket of the same queue may have its own statements in it.
        wanted = with_statements(json.dumps(present), statements_of(self._wanted))
        if wanted is None:
            return step_of(self, Verdict.OK)
        self._wanted = wanted
        return step_of(self, Verdict.CHANGE, f"{self._said()}; what else it has stays")

    def expect(self) -> Step:
        note = (
            f"attach {self._wiring.policy_arn} to whoever runs trailfeed, or name a "
            "role: --role NAME"
        )
        notes = () if self._wiring.role else (note,)
        return step_of(self, Verdict.MAKE, self._said(), notes=notes)

    def mend(self) -> None:
        text = json.dumps(self._wanted)
        if not self._is_there:
            self._client.create_policy(
                PolicyName=self.name,
                PolicyDocument=text,
                Description=f"What trailfeed needs to read {self._wiring.queue}",
            )
            return
        arn = self._wiring.policy_arn
        self._make_room(arn)
        self._client.create_policy_version(
            PolicyArn=arn, PolicyDocument=text, SetAsDefault=True
        )

    def _document(self) -> dict[str, Any] | None:
        arn = self._wiring.policy_arn
        try:
            policy = self._client.get_policy(PolicyArn=arn)["Policy"]
            version = self._client.get_policy_version(
                PolicyArn=arn, VersionId=policy.get("DefaultVersionId", "v1")
            )
        except ClientError as error:
            if service_code(error) == _MISSING:
                return None
            raise
        return cast("dict[str, Any]", version["PolicyVersion"].get("Document", {}))

    def _make_room(self, arn: str) -> None:
        """Delete the oldest version that is not in use, if no more would fit."""
        versions = self._client.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) < MAX_VERSIONS:
            return
        unused = [one for one in versions if not one.get("IsDefaultVersion")]
        oldest = min(unused, key=lambda one: one["CreateDate"])
        self._client.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])

    def _said(self) -> str:
        wiring = self._wiring
        send = " and send" if wiring.can_send else ""
        keys = len(wiring.kms_keys)
        decrypt = f", decrypt with {keys} key{'s'[: keys > 1]}" if keys else ""
        place = f"s3://{wiring.bucket}/{wiring.prefix}"
        return f"may receive{send} in {wiring.queue}, read {place}{decrypt}"


class ReaderRole:
    """That an existing role has the reader's policy."""

    kind = "role"

    def __init__(self, wiring: Wiring, client: IAMClient, patience: Patience) -> None:
        self._wiring = wiring
        self._client = client
        self._patience = patience
        self.name = wiring.role

    def look(self) -> Step:
        pages = self._client.get_paginator("list_attached_role_policies").paginate(
            RoleName=self.name
        )
        try:
            has_it = any(
                one.get("PolicyArn") == self._wiring.policy_arn
                for page in pages
                for one in page["AttachedPolicies"]
            )
        except ClientError as error:
            if service_code(error) != _MISSING:
                raise
            return step_of(self, Verdict.BLOCKED, "there is no such role")
        return step_of(self, Verdict.OK) if has_it else self.expect()

    def expect(self) -> Step:
        return step_of(self, Verdict.CHANGE, f"gets the policy {self._wiring.policy}")

    def mend(self) -> None:
        self._patience.until_known(
            lambda: self._client.attach_role_policy(
                RoleName=self.name, PolicyArn=self._wiring.policy_arn
            ),
            f"attaching the policy to the role {self.name}",
        )
