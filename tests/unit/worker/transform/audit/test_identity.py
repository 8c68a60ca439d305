from __future__ import annotations

import pytest

from worker.transform.audit.identity import caller

ARN = "arn:aws:iam::123456789012"
STS_ARN = "arn:aws:sts::123456789012"
ISSUER = {"sessionContext": {"sessionIssuer": {"userName": "deploy"}}}


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ({"type": "IAMUser", "userName": "alice", "arn": f"{ARN}:user/alice"}, "alice"),
        ({"type": "IAMUser", "arn": f"{ARN}:user/eng/bob"}, "eng/bob"),
        (
            {"type": "AssumedRole", "arn": f"{STS_ARN}:assumed-role/deploy/ci-1"},
            "deploy/ci-1",
        ),
        ({"type": "AssumedRole", **ISSUER}, "deploy"),
        ({"type": "AssumedRole", "principalId": "AROA:s", **ISSUER}, "deploy"),
        ({"type": "Role", "arn": f"{ARN}:role/deploy"}, "deploy"),
        ({"type": "Root", "arn": f"{ARN}:root", "userName": "the-company"}, "root"),
        ({"type": "AWSService", "invokedBy": "s3.amazonaws.com"}, "s3.amazonaws.com"),
        ({"invokedBy": "ec2.amazonaws.com", "accountId": "1"}, "ec2.amazonaws.com"),
        (
            {"type": "AWSAccount", "accountId": "111122223333", "principalId": "AIDA"},
            "account 111122223333",
        ),
        ({"type": "AWSAccount", "principalId": "AROA:me"}, "AROA:me"),
        (
            {"type": "AWSAccount", "accountId": "1", "principalId": "AROA:me"},
            "account 1/me",
        ),
        ({"type": "AWSAccount", "accountId": "ANONYMOUS_PRINCIPAL"}, "anonymous"),
        (
            {"type": "AWSAccount", "accountId": "anonymous", "principalId": ""},
            "anonymous",
        ),
        (
            {
                "type": "AssumedRole",
                "arn": f"{STS_ARN}:assumed-role/deploy/ci-1",
                "sessionContext": {"sourceIdentity": "alice"},
            },
            "deploy/ci-1 (alice)",
        ),
        (
            {
                "type": "AssumedRole",
                "arn": f"{STS_ARN}:assumed-role/deploy/alice",
                "sessionContext": {"sourceIdentity": "alice"},
            },
            "deploy/alice",
        ),
        ({"type": "FederatedUser", "arn": f"{STS_ARN}:federated-user/carol"}, "carol"),
        ({"type": "FederatedUser", **ISSUER}, "deploy"),
        (
            {"type": "SAMLUser", "userName": "dave@corp", "principalId": "x:dave"},
            "dave@corp",
        ),
        ({"type": "WebIdentityUser", "userName": "repo:main"}, "repo:main"),
        (
            {"type": "WebIdentityUser", "principalId": "accounts.google.com:1:2"},
            "accounts.google.com:1:2",
        ),
        (
            {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "94482488"}},
            "94482488",
        ),
        ({"type": "IdentityCenterUser", "credentialId": "c-1"}, "c-1"),
        ({"type": "Directory", "userName": "erin"}, "erin"),
        ({"type": "Unknown"}, "Unknown"),
        ({}, None),
        (None, None),
        ("alice", None),
    ],
)
def test_the_caller_is_named(identity: object, name: str | None) -> None:
    assert caller({"userIdentity": identity}).name == name


def test_an_assumed_role_has_session_and_issuer() -> None:
    found = caller(
        {
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROA:ci:7",
                "accountId": "123456789012",
                "sessionContext": {"sessionIssuer": {"arn": f"{ARN}:role/deploy"}},
            }
        }
    )
    assert (found.session, found.issuer) == ("ci:7", f"{ARN}:role/deploy")
    assert (found.kind, found.account) == ("AssumedRole", "123456789012")


def test_an_identity_provider_is_the_issuer_of_its_users() -> None:
    provider = "accounts.google.com"
    identity = {"type": "WebIdentityUser", "identityProvider": provider}
    assert caller({"userIdentity": identity}).issuer == provider


def test_a_record_without_identity_has_an_absent_caller() -> None:
    assert caller({}).kind == caller({"userIdentity": {}}).kind == "Absent"


def test_the_session_that_came_over_from_another_account_is_known() -> None:
    identity = {"type": "AWSAccount", "accountId": "1", "principalId": "AROA:me"}
    assert caller({"userIdentity": identity}).session == "me"


def test_identity_center_tells_the_name_elsewhere() -> None:
    identity = {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "94482488"}}
    record = {
        "userIdentity": identity,
        "additionalEventData": {"UserName": "erin@example.com"},
    }
    assert caller(record).name == "erin@example.com"
