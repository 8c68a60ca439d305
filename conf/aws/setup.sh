#!/bin/sh
# New objects of the bucket cloudtrail-logs under AWSLogs/ announced in the queue
# cloudtrail-events-queue, and what trailfeed needs to read both.
#
# What is there stays: other notifications, other statements of policies, longer times.
# It can be run again. It needs jq.

set -eu
export AWS_PAGER=
region=us-east-1
account=123456789012
export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"

say() { printf '%s\n' "setup: $*" >&2; }

command -v jq >/dev/null || { say "jq is needed, and not on the PATH"; exit 1; }
own=$(aws sts get-caller-identity --query Account --output text)
if [ "$own" != "$account" ]; then
    say "the credentials are of account $own, not of $account"
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What jq takes to join a policy ($present, JSON) with the statements of another one:
# those of others stay, those of the same name are replaced.
# shellcheck disable=SC2016
join='def listed: if type == "object" then [.] else . end;
def joined($present; $wanted):
    ($wanted.Statement | listed) as $ours
    | ($present // $wanted)
    | .Statement = ((.Statement | listed
        | map(select(.Sid as $sid | any($ours[]; .Sid == $sid) | not))) + $ours);
'
bucket=cloudtrail-logs
owner=123456789012

# Makes a queue with the attributes in a file, or gives an existing one those that it
# lacks. Its encryption, longer times and another dead-letter queue stay.
set_up_queue() { # NAME FILE
    if ! url=$(aws sqs get-queue-url --queue-name "$1" --query QueueUrl \
        --output text 2>/dev/null); then
        say "making the queue $1"
        aws sqs create-queue --queue-name "$1" --attributes "file://$2" >/dev/null
        return
    fi
    aws sqs get-queue-attributes --queue-url "$url" --attribute-names All \
        >"$work/present.json"
    # shellcheck disable=SC2016
    jq --slurpfile present "$work/present.json" "$join"'
        ($present[0].Attributes // {}) as $has
        | . as $wanted
        | with_entries(
            if .key == "Policy" then
                .value = (joined($has.Policy // null | if . then fromjson else . end;
                    $wanted.Policy | fromjson) | tojson)
            elif .key == "RedrivePolicy" then
                .value = ($has.RedrivePolicy // .value)
            elif .key | IN("RedriveAllowPolicy", "SqsManagedSseEnabled") then
                empty
            else
                .value = ([.value, $has[.key] // "0"] | map(tonumber) | max | tostring)
            end)' \
        "$2" >"$work/attributes.json"
    say "setting the attributes of the queue $1"
    aws sqs set-queue-attributes --queue-url "$url" \
        --attributes "file://$work/attributes.json"
}

cat >"$work/dead-letter-queue.json" <<'JSON'
{
    "MessageRetentionPeriod": "1209600",
    "SqsManagedSseEnabled": "true",
    "RedriveAllowPolicy": "{\"redrivePermission\": \"byQueue\", \"sourceQueueArns\": [\"arn:aws:sqs:us-east-1:123456789012:cloudtrail-events-queue\"]}"
}
JSON
set_up_queue cloudtrail-events-queue-dlq "$work/dead-letter-queue.json"

cat >"$work/queue.json" <<'JSON'
{
    "VisibilityTimeout": "600",
    "MessageRetentionPeriod": "604800",
    "ReceiveMessageWaitTimeSeconds": "20",
    "SqsManagedSseEnabled": "true",
    "RedrivePolicy": "{\"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:123456789012:cloudtrail-events-queue-dlq\", \"maxReceiveCount\": 10}",
    "Policy": "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Sid\": \"FromS3x9684b0fb\", \"Effect\": \"Allow\", \"Principal\": {\"Service\": \"s3.amazonaws.com\"}, \"Action\": \"sqs:SendMessage\", \"Resource\": \"arn:aws:sqs:us-east-1:123456789012:cloudtrail-events-queue\", \"Condition\": {\"ArnEquals\": {\"aws:SourceArn\": \"arn:aws:s3:::cloudtrail-logs\"}, \"StringEquals\": {\"aws:SourceAccount\": \"123456789012\"}}}]}"
}
JSON
set_up_queue cloudtrail-events-queue "$work/queue.json"

cat >"$work/wanted-notification.json" <<'JSON'
{
    "Id": "trailfeed-cloudtrail-events-queue",
    "QueueArn": "arn:aws:sqs:us-east-1:123456789012:cloudtrail-events-queue",
    "Events": [
        "s3:ObjectCreated:*"
    ],
    "Filter": {
        "Key": {
            "FilterRules": [
                {
                    "Name": "prefix",
                    "Value": "AWSLogs/"
                }
            ]
        }
    }
}
JSON

# S3 takes the whole configuration at once: what is there is written back with ours.
say "setting the notification of the bucket $bucket"
aws s3api get-bucket-notification-configuration --bucket "$bucket" \
    --expected-bucket-owner "$owner" >"$work/notification.json"
[ -s "$work/notification.json" ] || echo '{}' >"$work/notification.json"
# shellcheck disable=SC2016
jq --slurpfile ours "$work/wanted-notification.json" \
    '.QueueConfigurations = ((.QueueConfigurations // [] | map(select(.Id != $ours[0].Id))) + $ours)' \
    "$work/notification.json" >"$work/notifications.json"
# S3 tries the way at once, and a new policy takes a while.
tries=12
until aws s3api put-bucket-notification-configuration --bucket "$bucket" \
    --expected-bucket-owner "$owner" \
    --notification-configuration "file://$work/notifications.json"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 5
done

cat >"$work/reader.json" <<'JSON'
{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Queue",
            "Effect": "Allow",
            "Action": [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes"
            ],
            "Resource": "arn:aws:sqs:us-east-1:123456789012:cloudtrail-events-queue"
        },
        {
            "Sid": "Objectsx32939938",
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                "s3:GetObjectVersion"
            ],
            "Resource": "arn:aws:s3:::cloudtrail-logs/AWSLogs/*",
            "Condition": {
                "StringEquals": {
                    "aws:ResourceAccount": "123456789012"
                }
            }
        },
        {
            "Sid": "Bucketx32939938",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::cloudtrail-logs",
            "Condition": {
                "StringEquals": {
                    "aws:ResourceAccount": "123456789012"
                }
            }
        }
    ]
}
JSON

policy_arn=arn:aws:iam::123456789012:policy/cloudtrail-events-queue-reader
if version=$(aws iam get-policy --policy-arn "$policy_arn" \
    --query Policy.DefaultVersionId --output text 2>/dev/null); then
    aws iam get-policy-version --policy-arn "$policy_arn" --version-id "$version" \
        --query PolicyVersion.Document >"$work/present.json"
    # shellcheck disable=SC2016
    jq --slurpfile present "$work/present.json" "$join"'joined($present[0]; .)' \
        "$work/reader.json" >"$work/policy.json"
    for file in present policy; do
        jq -S '.Statement |= sort_by(.Sid)' "$work/$file.json" >"$work/$file.sorted"
    done
    if cmp -s "$work/policy.sorted" "$work/present.sorted"; then
        say "the policy cloudtrail-events-queue-reader is right"
    else
        say "making another version of the policy cloudtrail-events-queue-reader"
        aws iam create-policy-version --policy-arn "$policy_arn" --set-as-default \
            --policy-document "file://$work/policy.json" >/dev/null
    fi
else
    say "making the policy cloudtrail-events-queue-reader"
    aws iam create-policy --policy-name cloudtrail-events-queue-reader \
        --policy-document "file://$work/reader.json" >/dev/null
fi
say "attach arn:aws:iam::123456789012:policy/cloudtrail-events-queue-reader to whoever runs trailfeed"

# trailfeed.toml:
#
#     [source]
#     queue_url = "https://sqs.us-east-1.amazonaws.com/123456789012/cloudtrail-events-queue"
#     allowed_buckets = ["cloudtrail-logs"]
#
#     [output]
#     address = "unix:///run/trailfeed/forward.sock"
#     receiver = "fluent-bit"
