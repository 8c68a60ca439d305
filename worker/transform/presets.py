"""Ready lists of paths to redact, and which events are known to carry such values.

Source: SQS developer guide, "Logging Amazon SQS API calls using CloudTrail"; API
references of STS, IAM, Cognito, IAM Identity Center, ECR and CodeArtifact.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


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
)
_SERVICE_PASSWORD: Final = (
    "responseElements.serviceSpecificCredential.servicePassword",
)

PRESETS: Final[Mapping[str, Preset]] = {
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
