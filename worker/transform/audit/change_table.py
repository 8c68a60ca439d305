"""Which parameters say the second half of a change, by call.

A line for each call: paths into ``requestParameters``, after ``>`` into
``responseElements``. Names are joined by dots, and a list stands for each of its
entries. Of what a path leads to, ``#`` takes the names of members, ``@`` the principals
of a policy document; after ``-`` it is taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACL: Final = (
    "x-amz-acl AccessControlPolicy.AccessControlList.Grant.Grantee.URI "
    "AccessControlPolicy.AccessControlList.Grant.Grantee.ID"
)

CHANGES: Final[Mapping[str, str]] = {
    "cloudtrail:CreateTrail": "s3BucketName",
    "cloudtrail:UpdateTrail": "s3BucketName",
    "cognito-idp:AdminAddUserToGroup": "groupName",
    "cognito-idp:AdminRemoveUserFromGroup": "groupName",
    "dynamodb:PutResourcePolicy": "@policy",
    "ec2:AssociateIamInstanceProfile": "IamInstanceProfile.Name IamInstanceProfile.Arn",
    "ec2:ReplaceIamInstanceProfileAssociation": "IamInstanceProfile.Name "
    "IamInstanceProfile.Arn",
    "ec2:AttachVolume": "volumeId",
    "ec2:DetachVolume": "volumeId",
    "ec2:AttachNetworkInterface": "networkInterfaceId",
    "ec2:CreateRoute": "destinationCidrBlock destinationIpv6CidrBlock",
    "ec2:ReplaceRoute": "destinationCidrBlock destinationIpv6CidrBlock",
    "ec2:DeleteRoute": "destinationCidrBlock destinationIpv6CidrBlock",
    "ec2:CreateTags": "tagSet.items.key",
    "ec2:DeleteTags": "tagSet.items.key",
    "ec2:ModifyImageAttribute": "launchPermission.add.items.userId "
    "launchPermission.add.items.group launchPermission.add.items.organizationArn "
    "-launchPermission.remove.items.userId -launchPermission.remove.items.group",
    "ec2:ModifySnapshotAttribute": "createVolumePermission.add.items.userId "
    "createVolumePermission.add.items.group "
    "-createVolumePermission.remove.items.userId "
    "-createVolumePermission.remove.items.group",
    "ecr:SetRepositoryPolicy": "@policyText",
    "eks:AssociateAccessPolicy": "policyArn principalArn",
    "eks:CreateAccessEntry": "principalArn",
    "elasticfilesystem:PutFileSystemPolicy": "@policy",
    "events:PutPermission": "principal @policy",
    "events:PutTargets": "targets.arn",
    "guardduty:UpdateDetector": "enable",
    "iam:AddClientIDToOpenIDConnectProvider": "clientID",
    "iam:AddRoleToInstanceProfile": "instanceProfileName",
    "iam:AddUserToGroup": "groupName",
    "iam:AttachGroupPolicy": "policyArn",
    "iam:AttachRolePolicy": "policyArn",
    "iam:AttachUserPolicy": "policyArn",
    "iam:CreateAccessKey": ">accessKey.accessKeyId",
    "iam:CreateRole": "@assumeRolePolicyDocument",
    "iam:DeleteAccessKey": "accessKeyId",
    "iam:DeleteGroupPolicy": "policyName",
    "iam:DeleteRolePolicy": "policyName",
    "iam:DeleteUserPolicy": "policyName",
    "iam:DetachGroupPolicy": "policyArn",
    "iam:DetachRolePolicy": "policyArn",
    "iam:DetachUserPolicy": "policyArn",
    "iam:PutGroupPolicy": "policyName",
    "iam:PutRolePermissionsBoundary": "permissionsBoundary",
    "iam:PutRolePolicy": "policyName",
    "iam:PutUserPermissionsBoundary": "permissionsBoundary",
    "iam:PutUserPolicy": "policyName",
    "iam:RemoveRoleFromInstanceProfile": "instanceProfileName",
    "iam:RemoveUserFromGroup": "groupName",
    "iam:SetDefaultPolicyVersion": "versionId",
    "iam:UpdateAccessKey": "accessKeyId status",
    "iam:UpdateAssumeRolePolicy": "@policyDocument",
    "identitystore:CreateGroupMembership": "memberId.userId",
    "kms:CreateGrant": "granteePrincipal",
    "kms:PutKeyPolicy": "@policy",
    "lambda:AddLayerVersionPermission": "principal",
    "lambda:AddPermission": "principal",
    "lambda:CreateEventSourceMapping": "eventSourceArn",
    "lambda:CreateFunctionUrlConfig": "authType",
    "lambda:UpdateFunctionConfiguration": "layers role",
    "lambda:UpdateFunctionUrlConfig": "authType",
    "logs:PutResourcePolicy": "@policyDocument",
    "logs:PutRetentionPolicy": "retentionInDays",
    "logs:PutSubscriptionFilter": "destinationArn",
    "organizations:AttachPolicy": "targetId",
    "organizations:DetachPolicy": "targetId",
    "organizations:MoveAccount": "destinationParentId",
    "ram:AssociateResourceShare": "principals resourceArns",
    "ram:CreateResourceShare": "principals resourceArns",
    "ram:DisassociateResourceShare": "principals resourceArns",
    "rds:AddRoleToDBCluster": "roleArn",
    "rds:AddRoleToDBInstance": "roleArn",
    "rds:AuthorizeDBSecurityGroupIngress": "cIDRIP",
    "rds:ModifyDBClusterSnapshotAttribute": "valuesToAdd -valuesToRemove",
    "rds:ModifyDBSnapshotAttribute": "valuesToAdd -valuesToRemove",
    "redshift:AuthorizeSnapshotAccess": "accountWithRestoreAccess",
    "route53:ChangeResourceRecordSets": "changeBatch.changes.resourceRecordSet.name",
    "route53:AssociateVPCWithHostedZone": "vPC.vPCId",
    "s3:PutBucketAcl": _ACL,
    "s3:PutBucketPolicy": "@bucketPolicy",
    "s3:PutBucketPublicAccessBlock": "#PublicAccessBlockConfiguration",
    "s3:PutBucketVersioning": "VersioningConfiguration.Status",
    "s3:PutObjectAcl": _ACL,
    "secretsmanager:PutResourcePolicy": "@resourcePolicy",
    "sns:AddPermission": "aWSAccountId",
    "sns:SetSubscriptionAttributes": "attributeName",
    "sns:SetTopicAttributes": "attributeName",
    "sns:Subscribe": "endpoint",
    "sqs:AddPermission": "aWSAccountIds",
    "sqs:CreateQueue": "#attributes",
    "sqs:SetQueueAttributes": "#attributes",
    "ssm:ModifyDocumentPermission": "accountIdsToAdd -accountIdsToRemove",
    "ssm:SendCommand": "documentName",
    "ssm:StartSession": "documentName",
    "sso:AttachManagedPolicyToPermissionSet": "managedPolicyArn",
    "sso:CreateAccountAssignment": "principalId targetId",
    "sso:DeleteAccountAssignment": "principalId targetId",
    "sso:DetachManagedPolicyFromPermissionSet": "managedPolicyArn",
    "wafv2:AssociateWebACL": "resourceArn",
}

ATTRIBUTES: Final[Mapping[str, str]] = {
    "ec2:ModifyInstanceAttribute": "instanceId",
    "ec2:ModifyNetworkInterfaceAttribute": "networkInterfaceId",
    "ec2:ModifySubnetAttribute": "subnetId",
    "ec2:ModifyVpcAttribute": "vpcId",
}
"""Calls whose parameters are the attributes that are set, but for this one."""

RULES: Final = frozenset(
    {
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateNetworkAclEntry",
        "ec2:ReplaceNetworkAclEntry",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    }
)
"""Calls that open or close ports to ranges of addresses."""
