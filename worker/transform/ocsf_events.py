"""OCSF's classes and activities of CloudTrail's events, by name.

Source: OCSF 1.1.0, classes Account Change, Authentication and API Activity; which
events are of the first two: ocsf/examples, mappings of AWS CloudTrail v1.1.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class EventClass:
    """A class of OCSF, with the captions of its activities."""

    uid: int
    name: str
    category_uid: int
    category_name: str
    activities: Mapping[int, str]


_IAM: Final = "Identity & Access Management"

ACCOUNT_CHANGE: Final = EventClass(
    3001,
    "Account Change",
    3,
    _IAM,
    {
        1: "Create",
        2: "Enable",
        3: "Password Change",
        4: "Password Reset",
        5: "Disable",
        6: "Delete",
        7: "Attach Policy",
        8: "Detach Policy",
        9: "Lock",
        10: "MFA Factor Enable",
        11: "MFA Factor Disable",
    },
)
AUTHENTICATION: Final = EventClass(
    3002, "Authentication", 3, _IAM, {1: "Logon", 2: "Logoff"}
)
API_ACTIVITY: Final = EventClass(
    6003,
    "API Activity",
    6,
    "Application Activity",
    {1: "Create", 2: "Read", 3: "Update", 4: "Delete"},
)

UNKNOWN_ACTIVITY: Final = 0
OTHER_ACTIVITY: Final = 99

_AUTHENTICATION_EVENTS: Final = {
    "AssumeRole": 1,
    "AssumeRoleWithSAML": 1,
    "AssumeRoleWithWebIdentity": 1,
    "AssumeRoot": 1,
    "CheckMfa": OTHER_ACTIVITY,
    "ConsoleLogin": 1,
    "CredentialChallenge": OTHER_ACTIVITY,
    "CredentialVerification": OTHER_ACTIVITY,
    "ExternalIdPDirectoryLogin": 1,
    "UserAuthentication": 1,
}

_ACCOUNT_EVENTS_BY_ACTIVITY: Final[Mapping[int, str]] = {
    1: """
        CreateAccessKey CreateAccountAlias CreateInstanceProfile CreateLoginProfile
        CreateRole CreateServiceLinkedRole CreateUser CreateVirtualMFADevice
        """,
    3: "ChangePassword PasswordUpdated",
    6: """
        DeleteAccessKey DeleteGroup DeleteInstanceProfile DeleteLoginProfile
        DeletePolicy DeleteRole DeleteUser DeleteVirtualMFADevice
        """,
    7: """
        AddUserToGroup AttachGroupPolicy AttachRolePolicy AttachUserPolicy
        PutGroupPolicy PutRolePermissionsBoundary PutRolePolicy
        PutUserPermissionsBoundary PutUserPolicy
        """,
    8: """
        DeleteGroupPolicy DeleteRolePermissionsBoundary DeleteRolePolicy
        DeleteUserPermissionsBoundary DeleteUserPolicy DetachGroupPolicy
        DetachRolePolicy DetachUserPolicy RemoveUserFromGroup
        """,
    10: "EnableMFADevice ResyncMFADevice",
    11: "DeactivateMFADevice",
    OTHER_ACTIVITY: """
        AccountNameUpdated AddRoleToInstanceProfile DeleteAccountAlias
        DeleteAccountPasswordPolicy DeleteServiceLinkedRole EmailUpdated
        FinalizeSmsMfaRegistration RemoveRoleFromInstanceProfile
        RequestSmsMfaRegistration TagInstanceProfile TagRole TagUser
        UntagInstanceProfile UntagRole UntagUser UpdateAccessKey
        UpdateAccountEmailAddress UpdateAccountName UpdateAccountPasswordPolicy
        UpdateAssumeRolePolicy UpdateGroup UpdateLoginProfile UpdateRole
        UpdateRoleDescription UpdateUser
        """,
}
_ACCOUNT_EVENTS: Final = {
    event: activity
    for activity, events in _ACCOUNT_EVENTS_BY_ACTIVITY.items()
    for event in events.split()
}
_ACCOUNT_SERVICES: Final = frozenset(
    {"iam.amazonaws.com", "signin.amazonaws.com", "account.amazonaws.com"}
)

_WORDS_BY_ACTIVITY: Final[Mapping[int, str]] = {
    1: """
        Add Allocate Copy Create Generate Import Issue Publish Register Request Run Send
        """,
    2: """
        Check Decrypt Describe Detect Discover Download Estimate Evaluate Export
        Filter Get Head List Lookup Preview Query Read Receive Resolve Retrieve Scan
        Search Select Simulate Test Validate Verify View
        """,
    3: """
        Apply Associate Attach Authorize Cancel Change Configure Detach Disable
        Disassociate Edit Enable Modify Move Put Reboot Rename Replace Reset Resume
        Revoke Rotate Set Start Stop Suspend Tag Transfer Untag Update Upload
        """,
    4: "Delete Deregister Destroy Empty Purge Release Remove Terminate",
}
_WORDS: Final = {
    word: activity
    for activity, words in _WORDS_BY_ACTIVITY.items()
    for word in words.split()
}
_FIRST_WORD: Final = re.compile(r"(?:Batch|Admin)?(?P<word>[A-Z][a-z]+)")


def classify(service: str | None, event: str | None) -> tuple[EventClass, int]:
    """The class and the activity of an event.

    Args:
        service: ``eventSource``.
        event: ``eventName``.
    """
    if event is None:
        return API_ACTIVITY, UNKNOWN_ACTIVITY
    if event in _AUTHENTICATION_EVENTS:
        return AUTHENTICATION, _AUTHENTICATION_EVENTS[event]
    if event in _ACCOUNT_EVENTS and service in _ACCOUNT_SERVICES:
        return ACCOUNT_CHANGE, _ACCOUNT_EVENTS[event]
    match = _FIRST_WORD.match(event)
    word = match["word"] if match else ""
    return API_ACTIVITY, _WORDS.get(word, OTHER_ACTIVITY)
