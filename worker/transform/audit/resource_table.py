"""Which parameters name what an event acted on, by service.

A line for each service (``eventSource`` without ``.amazonaws.com``): entries of the
form ``type:path``, the most telling first. A path lies in ``requestParameters``; after
``>`` in ``responseElements``, after ``+`` in ``additionalEventData``. Its names are
joined by dots, ``*`` is any entry of a list, and ``bucket/object:first/second`` joins
two.
Underscores stand for spaces in a type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RESOURCES: Final[Mapping[str, str]] = {
    "access-analyzer": "analyzer:analyzerName analyzer:analyzerArn",
    "account": "account:accountId region:regionName region:RegionName",
    "acm": "certificate:certificateArn domain:domainName certificate:>certificateArn",
    "apigateway": "api:restApiId api:apiId domain:domainName key:apiKey",
    "athena": "query:queryExecutionId work_group:workGroup catalog:name",
    "autoscaling": "group:autoScalingGroupName configuration:launchConfigurationName",
    "backup": "vault:backupVaultName plan:backupPlanId resource:resourceArn",
    "batch": "job:jobId job:jobName queue:jobQueue job_definition:jobDefinition",
    "bedrock": "model:modelId agent:agentId knowledge_base:knowledgeBaseId "
    "guardrail:guardrailIdentifier",
    "cloudformation": "stack:stackName stack_set:stackSetName change_set:changeSetName",
    "cloudfront": "distribution:id distribution:distributionId",
    "cloudtrail": "trail:name trail:trailName trail:trailNameList.* "
    "event_data_store:eventDataStore trail:resourceIdList.*",
    "codebuild": "project:projectName project:name build:id",
    "codecommit": "repository:repositoryName",
    "codepipeline": "pipeline:pipelineName pipeline:name pipeline:pipeline.name",
    "cognito-identity": "identity:identityId identity_pool:identityPoolId",
    "cognito-idp": "user:username user_pool:userPoolId client:clientId",
    "config": "rule:configRuleName rule:configRule.configRuleName "
    "recorder:configurationRecorderName channel:deliveryChannelName",
    "dynamodb": "table:tableName table:tableArn table:resourceArn backup:backupArn "
    "export:exportArn stream:streamArn table:>tableDescription.tableName",
    "ec2": "instance:instanceId instance:instancesSet.items.*.instanceId "
    "instance:>instancesSet.items.*.instanceId image:imageId volume:volumeId "
    "volume:>volumeId snapshot:snapshotId snapshot:>snapshotId image:>imageId "
    "network_interface:networkInterfaceId "
    "network_interface:>networkInterface.networkInterfaceId "
    "security_group:groupId security_group:>groupId security_group:groupName "
    "subnet:>subnet.subnetId subnet:subnetId nat_gateway:natGatewayId "
    "nat_gateway:>natGateway.natGatewayId route_table:routeTableId "
    "route_table:>routeTable.routeTableId internet_gateway:internetGatewayId "
    "internet_gateway:>internetGateway.internetGatewayId address:allocationId "
    "address:>allocationId address:publicIp key_pair:keyName "
    "launch_template:launchTemplateId launch_template:launchTemplateName "
    "vpc_endpoint:vpcEndpointId flow_log:flowLogIds.* peering:vpcPeeringConnectionId "
    "vpc:>vpc.vpcId vpc:vpcId association:associationId",
    "ec2-instance-connect": "instance:instanceId",
    "ecr": "repository:repositoryName",
    "ecs": "service:service task:task cluster:cluster cluster:clusterName "
    "task_definition:taskDefinition task_definition:family",
    "eks": "cluster:name cluster:clusterName",
    "elasticache": "cluster:cacheClusterId replication_group:replicationGroupId",
    "elasticfilesystem": "file_system:fileSystemId mount_target:mountTargetId",
    "elasticloadbalancing": "load_balancer:loadBalancerName "
    "load_balancer:loadBalancerArn target_group:targetGroupArn listener:listenerArn "
    "rule:ruleArn load_balancer:name",
    "es": "domain:domainName",
    "events": "rule:name rule:rule bus:eventBusName",
    "firehose": "stream:deliveryStreamName",
    "glue": "job:jobName table:tableName crawler:crawlerName database:databaseName "
    "name:name",
    "guardduty": "detector:detectorId detector:>detectorId",
    "iam": "user:userName role:roleName group:groupName policy:policyArn "
    "policy:policyName instance_profile:instanceProfileName access_key:accessKeyId "
    "mfa_device:serialNumber mfa_device:virtualMFADeviceName "
    "identity_provider:openIDConnectProviderArn "
    "identity_provider:sAMLProviderArn identity_provider:url "
    "certificate:serverCertificateName account_alias:accountAlias role:roleArn "
    "service:aWSServiceName",
    "kinesis": "stream:streamName stream:streamARN consumer:consumerARN",
    "kms": "key:keyId alias:aliasName key:destinationKeyId key:targetKeyId "
    "key:>keyMetadata.keyId key:>keyId",
    "lambda": "function:functionName layer:layerName "
    "event_source_mapping:uUID event_source:eventSourceArn function:resource",
    "logs": "log_group:logGroupName log_group:logGroupIdentifier "
    "log_group:logGroupNamePrefix log_group:logGroupNames.* query:queryId "
    "destination:destinationName",
    "monitoring": "alarm:alarmName alarm:alarmNames.* dashboard:dashboardName "
    "dashboard:dashboardNames.* metric:metricName",
    "organizations": "account:accountId policy:policyId target:targetId "
    "organizational_unit:organizationalUnitId service:servicePrincipal "
    "handshake:handshakeId",
    "ram": "share:resourceShareArn share:name invitation:resourceShareInvitationArn",
    "rds": "instance:dBInstanceIdentifier cluster:dBClusterIdentifier "
    "snapshot:dBSnapshotIdentifier snapshot:dBClusterSnapshotIdentifier "
    "global_cluster:globalClusterIdentifier subnet_group:dBSubnetGroupName "
    "parameter_group:dBParameterGroupName parameter_group:dBClusterParameterGroupName "
    "option_group:optionGroupName resource:resourceName",
    "redshift": "cluster:clusterIdentifier snapshot:snapshotIdentifier",
    "rolesanywhere": "trust_anchor:trustAnchorId profile:profileId name:name",
    "route53": "hosted_zone:hostedZoneId hosted_zone:id hosted_zone:name",
    "route53domains": "domain:domainName",
    "route53resolver": "query_log:resolverQueryLogConfigId "
    "endpoint:resolverEndpointId rule:resolverRuleId",
    "s3": "bucket/object:bucketName/key bucket:bucket",
    "sagemaker": "endpoint:endpointName notebook:notebookInstanceName "
    "job:trainingJobName model:modelName",
    "secretsmanager": "secret:secretId secret:name secret:secretIdList.* "
    "secret:+SecretId secret:>arn secret:+ARN",
    "ses": "identity:identity identity:identities.* sender:source "
    "sender:fromEmailAddress identity:emailIdentity",
    "sns": "topic:topicArn topic:targetArn subscription:subscriptionArn topic:name "
    "phone:phoneNumber",
    "sqs": "queue:queueUrl queue:queueName queue:sourceArn queue:>queueUrl "
    "move_task:taskHandle prefix:queueNamePrefix",
    "ssm": "parameter:names.* name:name instance:target instance:instanceIds.* "
    "document:documentName instance:instanceId command:commandId session:sessionId "
    "association:associationId window:windowId parameter:path resource:resourceId",
    "sso": "permission_set:permissionSetArn instance:instanceArn role:roleName",
    "states": "execution:executionArn state_machine:stateMachineArn "
    "activity:activityArn state_machine:name",
    "sts": "role:roleArn user:name",
    "transfer": "user:userName server:serverId",
    "wafv2": "web_acl:name resource:resourceArn web_acl:webACLArn",
}
