"""ECS's ``event.category`` and ``event.type`` of CloudTrail's events, by their name.

Source: ECS 8.11, "Categorization fields", as Elastic's CloudTrail integration sets
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final[Mapping[tuple[str, ...], str]] = {
    ("authentication", "info"): "AssumeRole ConsoleLogin",
    ("file", "creation"): "CreateBucket",
    ("file", "deletion"): "DeleteBucket",
    ("iam", "user", "creation"): "CreateUser",
    ("iam", "user", "deletion"): "DeleteUser",
    ("iam", "user", "change"): """
        AttachUserPolicy ChangePassword CreateAccessKey CreateVirtualMFADevice
        DeactivateMFADevice DeleteAccessKey DeleteSSHPublicKey
        DeleteUserPermissionsBoundary DeleteUserPolicy DeleteVirtualMFADevice
        DetachUserPolicy EnableMFADevice PutUserPermissionsBoundary PutUserPolicy
        TagUser UntagUser UpdateAccessKey UpdateLoginProfile UpdateSSHPublicKey
        UpdateUser
        """,
    ("iam", "user", "info"): """
        GetUser GetUserPolicy ListAttachedUserPolicies ListGroupsForUser
        ListUserPolicies ListUsers ListUserTags
        """,
    ("iam", "group", "creation"): "CreateGroup",
    ("iam", "group", "deletion"): "DeleteGroup",
    ("iam", "group", "change"): """
        AddUserToGroup AttachGroupPolicy DeleteGroupPolicy DetachGroupPolicy
        PutGroupPolicy RemoveUserFromGroup UpdateGroup
        """,
    ("iam", "group", "info"): """
        GetGroup GetGroupPolicy ListAttachedGroupPolicies ListGroupPolicies ListGroups
        """,
    ("iam", "admin", "creation"): "CreateKeyPair",
    ("iam", "admin", "change"): """
        SetDefaultPolicyVersion SetSecurityTokenServicePreferences
        UpdateAccountPasswordPolicy UpdateRole
        """,
}

CATEGORIES: Final = {
    event: (category, types)
    for (category, *types), names in _NAMES.items()
    for event in names.split()
}
"""The category and the types, by the event's name."""
