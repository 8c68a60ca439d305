"""Ready lists of paths to redact, and which events are known to carry such values.

Source: SQS developer guide, "Logging Amazon SQS API calls using CloudTrail"; API
references of STS, IAM, Cognito, IAM Identity Center, ECR and CodeArtifact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Preset:
    """Paths that belong together.

    Attributes:
        content: What they lead to, as a warning names it.
        paths: Dotted paths.
        events: Names of the events that can carry it in the clear.
    """

    content: str
    paths: tuple[str, ...]
    events: frozenset[str]


PRESETS: Final[Mapping[str, Preset]] = {
    "sqs-message-content": Preset(
        content="the content of SQS messages",
        paths=(
            "requestParameters.messageBody",
            "requestParameters.messageAttributes",
            "requestParameters.messageSystemAttributes",
            "requestParameters.entries.*.messageBody",
            "requestParameters.entries.*.messageAttributes",
            "requestParameters.entries.*.messageSystemAttributes",
            "responseElements.messages.*.body",
            "responseElements.messages.*.messageAttributes",
        ),
        events=frozenset({"SendMessage", "SendMessageBatch", "ReceiveMessage"}),
    ),
    "credentials": Preset(
        content="live credentials",
        paths=(
            "responseElements.credentials.sessionToken",
            "responseElements.credentials.secretAccessKey",
            "responseElements.credentials.secretKey",
            "responseElements.roleCredentials.sessionToken",
            "responseElements.roleCredentials.secretAccessKey",
            "responseElements.accessKey.secretAccessKey",
            "responseElements.serviceSpecificCredential.servicePassword",
            "responseElements.authorizationToken",
            "responseElements.authorizationData.*.authorizationToken",
            "responseElements.tokenValue",
            "responseElements.accessToken",
            "responseElements.idToken",
            "responseElements.refreshToken",
            "requestParameters.webIdentityToken",
            "requestParameters.sAMLAssertion",
            "requestParameters.X-Amz-Security-Token",
            "requestParameters.X-Amz-Signature",
        ),
        events=frozenset(
            {
                "AssumeRole",
                "AssumeRoleWithSAML",
                "AssumeRoleWithWebIdentity",
                "AssumeRoot",
                "CreateAccessKey",
                "CreateServiceSpecificCredential",
                "CreateToken",
                "GetAuthorizationToken",
                "GetCredentialsForIdentity",
                "GetFederationToken",
                "GetRoleCredentials",
                "GetSessionToken",
                "ResetServiceSpecificCredential",
                "StartSession",
            }
        ),
    ),
}

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
