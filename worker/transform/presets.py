"""Ready lists of paths to redact, and which events are known to carry such values.

Source: SQS developer guide, "Logging Amazon SQS API calls using CloudTrail"; API
references of SNS, STS, IAM, Cognito, IAM Identity Center, ECR, ECS, CodeBuild, EKS Auth
and CodeArtifact.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Preset:
    """Paths that belong together.

    Attributes:
        content: What they lead to, as a warning names it.
        by_event: Dotted paths, by the name of the event that carries this in the clear.
        anywhere: Paths to what any event may carry.
    """

    content: str
    by_event: Mapping[str, tuple[str, ...]]
    anywhere: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All of them."""
        of_events = itertools.chain.from_iterable(self.by_event.values())
        return tuple(dict.fromkeys((*of_events, *self.anywhere)))


_STS: Final = (
    "responseElements.credentials.sessionToken",
    "responseElements.credentials.secretAccessKey",
    "responseElements.sessionToken",
    "responseElements.secretAccessKey",
)
_SERVICE_PASSWORD: Final = (
    "responseElements.serviceSpecificCredential.servicePassword",
)
_LOGIN_PROFILE: Final = ("requestParameters.password",)
_TASK_DEFINITION: Final = (
    "requestParameters.containerDefinitions.*.environment.*.value",
    "responseElements.taskDefinition.containerDefinitions.*.environment.*.value",
)
_TASK: Final = (
    "requestParameters.overrides.containerOverrides.*.environment.*.value",
    "responseElements.tasks.*.overrides.containerOverrides.*.environment.*.value",
)
_BUILD_PROJECT: Final = (
    "requestParameters.environment.environmentVariables.*.value",
    "responseElements.project.environment.environmentVariables.*.value",
)
_BUILD: Final = (
    "requestParameters.environmentVariablesOverride.*.value",
    "responseElements.build.environment.environmentVariables.*.value",
)

_PRESETS: Final[Mapping[str, Preset]] = {
    "sqs-message-content": Preset(
        content="the content of SQS messages",
        by_event={
            "SendMessage": (
                "requestParameters.messageBody",
                "requestParameters.messageAttributes",
                "requestParameters.messageSystemAttributes",
            ),
            "SendMessageBatch": (
                "requestParameters.entries.*.messageBody",
                "requestParameters.entries.*.messageAttributes",
                "requestParameters.entries.*.messageSystemAttributes",
            ),
            "ReceiveMessage": (
                "responseElements.messages.*.body",
                "responseElements.messages.*.messageAttributes",
            ),
        },
        # No content, but what tells of it, or gives power over it.
        anywhere=(
            "requestParameters.messageGroupId",
            "requestParameters.messageDeduplicationId",
            "requestParameters.receiptHandle",
            "requestParameters.entries.*.messageGroupId",
            "requestParameters.entries.*.messageDeduplicationId",
            "requestParameters.entries.*.receiptHandle",
            "responseElements.mD5OfMessageBody",
            "responseElements.mD5OfMessageAttributes",
            "responseElements.mD5OfMessageSystemAttributes",
            "responseElements.successful.*.mD5OfMessageBody",
            "responseElements.successful.*.mD5OfMessageAttributes",
            "responseElements.successful.*.mD5OfMessageSystemAttributes",
            "responseElements.messages.*.mD5OfBody",
            "responseElements.messages.*.mD5OfMessageAttributes",
            "responseElements.messages.*.receiptHandle",
        ),
    ),
    "sns-message-content": Preset(
        content="the content of SNS messages",
        by_event={
            "Publish": (
                "requestParameters.message",
                "requestParameters.subject",
                "requestParameters.messageAttributes",
            ),
            "PublishBatch": (
                "requestParameters.publishBatchRequestEntries.*.message",
                "requestParameters.publishBatchRequestEntries.*.subject",
                "requestParameters.publishBatchRequestEntries.*.messageAttributes",
            ),
        },
    ),
    "credentials": Preset(
        content="live credentials",
        by_event={
            "AssumeRole": _STS,
            "AssumeRoleWithSAML": (*_STS, "requestParameters.sAMLAssertion"),
            "AssumeRoleWithWebIdentity": (*_STS, "requestParameters.webIdentityToken"),
            "AssumeRoot": _STS,
            "GetFederationToken": _STS,
            "GetSessionToken": _STS,
            "GetCredentialsForIdentity": (
                *_STS,
                "responseElements.credentials.secretKey",
            ),
            "GetRoleCredentials": (
                "responseElements.roleCredentials.sessionToken",
                "responseElements.roleCredentials.secretAccessKey",
            ),
            "CreateAccessKey": ("responseElements.accessKey.secretAccessKey",),
            "CreateServiceSpecificCredential": _SERVICE_PASSWORD,
            "ResetServiceSpecificCredential": _SERVICE_PASSWORD,
            "GetAuthorizationToken": (
                "responseElements.authorizationToken",
                "responseElements.authorizationData.*.authorizationToken",
            ),
            "AssumeRoleForPodIdentity": (*_STS, "requestParameters.token"),
            "CreateLoginProfile": _LOGIN_PROFILE,
            "UpdateLoginProfile": _LOGIN_PROFILE,
            "ChangePassword": (
                "requestParameters.oldPassword",
                "requestParameters.newPassword",
            ),
            "RegisterTaskDefinition": _TASK_DEFINITION,
            "RunTask": _TASK,
            "StartTask": _TASK,
            "CreateProject": _BUILD_PROJECT,
            "UpdateProject": _BUILD_PROJECT,
            "StartBuild": _BUILD,
            "StartSession": ("responseElements.tokenValue",),
            "CreateToken": (
                "responseElements.accessToken",
                "responseElements.idToken",
                "responseElements.refreshToken",
            ),
        },
        anywhere=(
            "requestParameters.X-Amz-Security-Token",
            "requestParameters.X-Amz-Signature",
            "responseElements.token",
            "responseElements.credentialSet.*.credentials",
            "responseElements.credentialSet.items.*.credentials",
        ),
    ),
}
_SENSITIVE_NAMES: Final = """
    password Password newPassword oldPassword currentPassword previousPassword
    proposedPassword adminPassword masterUserPassword MasterUserPassword servicePassword
    userPassword dbPassword authPassword passphrase
    secretString SecretString secretBinary SecretBinary secret clientSecret ClientSecret
    secretKey SecretKey secretAccessKey SecretAccessKey secretHash SecretHash
    sessionToken SessionToken securityToken authToken accessToken AccessToken
    refreshToken RefreshToken idToken IdToken authorizationToken oAuthToken oauthToken
    OAuthToken webIdentityToken sAMLAssertion tokenValue apiToken
    apiKey ApiKey apiKeyValue privateKey PrivateKey privateKeyPlaintext keyMaterial
    certificatePrivateKey X-Amz-Security-Token X-Amz-Signature
    """
_WITH_SECRETS: Final = "credentials"
"""Is part of the preset that goes by names."""

PRESETS: Final[Mapping[str, Preset]] = {
    **_PRESETS,
    "secrets": Preset(
        content="secrets",
        by_event={},
        anywhere=(
            *_PRESETS[_WITH_SECRETS].paths,
            *(f"**.{name}" for name in _SENSITIVE_NAMES.split()),
        ),
    ),
}


def without(on: Collection[str]) -> list[str]:
    """The presets that are off and would be missed, while these are on."""
    covered = {*on, _WITH_SECRETS} if "secrets" in on else {*on}
    return [
        name
        for name, preset in PRESETS.items()
        if preset.by_event and name not in covered
    ]


HIDDEN_BY_AWS: Final = frozenset(
    {
        "",
        "***",
        "HIDDEN_DUE_TO_SECURITY_REASONS",
        "<sensitiveDataRemoved>",
        "Value hidden due to security reasons.",
    }
)
"""What AWS itself writes in place of a value."""
