"""A shell script for AWS's command line, which joins what is there.

It needs ``jq``. Each of its functions can be run again: what is right stays.

Source: AWS CLI Command Reference; POSIX.1-2017, Shell Command Language.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.announcing import QUEUES, TOPICS, new_notification
from worker.aws_setup.documents import (
    PUBLIC_ACCESS_BLOCK,
    event_pattern,
    policy,
    reader_policy,
    topic_statement,
    trail_statements,
)
from worker.aws_setup.queues import new_dead_letter_queue, new_queue
from worker.aws_setup.templates.remarks import (
    comment,
    config_remark,
    foreign_remark,
    subject,
)
from worker.aws_setup.wiring import Via

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws_setup.wiring import Wiring

_PROLOGUE: Final = r"""
set -eu
export AWS_PAGER=
region={region}
account={account}
export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"

say() {{ printf '%s\n' "setup: $*" >&2; }}

command -v jq >/dev/null || {{ say "jq is needed, and not on the PATH"; exit 1; }}
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
"""

_QUEUE_FUNCTION: Final = r"""
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
"""

_NOTIFICATION: Final = r"""
# S3 takes the whole configuration at once: what is there is written back with ours.
say "setting the notification of the bucket $bucket"
aws s3api get-bucket-notification-configuration --bucket "$bucket" \
    --expected-bucket-owner "$owner" >"$work/notification.json"
[ -s "$work/notification.json" ] || echo '{{}}' >"$work/notification.json"
# shellcheck disable=SC2016
jq --slurpfile ours "$work/wanted-notification.json" \
    {filter} \
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
"""

_BUCKET: Final = r"""
if ! aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1; then
    say "making the bucket $bucket"
    aws s3api create-bucket --bucket "$bucket"{place} >/dev/null
fi
say "closing the bucket $bucket to the public, and opening it to trails"
aws s3api put-public-access-block --bucket "$bucket" \
    --public-access-block-configuration {block}
aws s3api get-bucket-policy --bucket "$bucket" --query Policy --output text \
    >"$work/bucket-policy.json" 2>/dev/null || echo null >"$work/bucket-policy.json"
# shellcheck disable=SC2016
jq --slurpfile present "$work/bucket-policy.json" "$join"'joined($present[0]; .)' \
    "$work/wanted-bucket-policy.json" >"$work/policy.json"
aws s3api put-bucket-policy --bucket "$bucket" --policy "file://$work/policy.json"
"""

_TOPIC: Final = r"""
topic_arn={topic_arn}
say "setting up the topic {topic}"
aws sns create-topic --name {topic} >/dev/null
aws sns get-topic-attributes --topic-arn "$topic_arn" \
    --query Attributes.Policy --output text >"$work/topic-policy.json"
# shellcheck disable=SC2016
jq --slurpfile present "$work/topic-policy.json" "$join"'joined($present[0]; .)' \
    "$work/wanted-topic-policy.json" >"$work/policy.json"
aws sns set-topic-attributes --topic-arn "$topic_arn" --attribute-name Policy \
    --attribute-value "file://$work/policy.json"
aws sns subscribe --topic-arn "$topic_arn" --protocol sqs \
    --notification-endpoint {queue_arn} >/dev/null
"""

_RULE: Final = r"""
say "setting up the rule {rule}"
aws events put-rule --name {rule} --state ENABLED \
    --event-pattern "file://$work/event-pattern.json" >/dev/null
aws events put-targets --rule {rule} \
    --targets Id=trailfeed,Arn={queue_arn} >/dev/null
"""

_READER: Final = r"""
policy_arn={policy_arn}
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
        say "the policy {policy} is right"
    else
        say "making another version of the policy {policy}"
        aws iam create-policy-version --policy-arn "$policy_arn" --set-as-default \
            --policy-document "file://$work/policy.json" >/dev/null
    fi
else
    say "making the policy {policy}"
    aws iam create-policy --policy-name {policy} \
        --policy-document "file://$work/reader.json" >/dev/null
fi
"""

_JOINED_NOTIFICATIONS: Final = (
    "'.{kind} = ((.{kind} // [] | map(select(.Id != $ours[0].Id))) + $ours)'"
)


def script(wiring: Wiring) -> str:
    """Return the whole script (POSIX shell), with remarks."""
    return "".join(_parts(wiring))


def _parts(wiring: Wiring) -> Iterator[str]:
    yield "#!/bin/sh\n"
    yield comment(
        subject(wiring),
        "What is there stays: other notifications, other statements of policies, "
        "longer times. It can be run again. It needs jq.",
    )
    yield _PROLOGUE.format(
        region=shlex.quote(wiring.region), account=shlex.quote(wiring.account)
    )
    if not wiring.is_foreign_bucket:
        yield f"bucket={shlex.quote(wiring.bucket)}\n"
        yield f"owner={shlex.quote(wiring.bucket_account)}\n"
    if wiring.is_new_bucket:
        yield _file("wanted-bucket-policy.json", policy(*trail_statements(wiring)))
        yield _new_bucket(wiring)
    yield _QUEUE_FUNCTION
    yield _file("dead-letter-queue.json", new_dead_letter_queue(wiring))
    yield f'set_up_queue {wiring.dead_letter_queue} "$work/dead-letter-queue.json"\n'
    yield _file("queue.json", new_queue(wiring))
    yield f'set_up_queue {wiring.queue} "$work/queue.json"\n'
    yield from _between(wiring)
    if not wiring.is_foreign_bucket:
        yield from _notification(wiring)
    if wiring.has_reader:
        yield from _reader(wiring)
    if wiring.is_foreign_bucket:
        yield f"\n{foreign_remark(wiring)}"
    yield f"\n{config_remark(wiring)}"


def _between(wiring: Wiring) -> Iterator[str]:
    match wiring.via:
        case Via.S3:
            return
        case Via.SNS:
            yield _file("wanted-topic-policy.json", policy(topic_statement(wiring)))
            yield _TOPIC.format(
                topic=wiring.topic,
                topic_arn=wiring.topic_arn,
                queue_arn=wiring.queue_arn,
            )
        case Via.EVENTBRIDGE:
            yield _file("event-pattern.json", event_pattern(wiring))
            yield _RULE.format(rule=wiring.rule, queue_arn=wiring.queue_arn)


def _notification(wiring: Wiring) -> Iterator[str]:
    is_rule = wiring.via is Via.EVENTBRIDGE
    wanted = {} if is_rule else new_notification(wiring)
    yield _file("wanted-notification.json", wanted)
    yield _NOTIFICATION.format(filter=_filter(wiring))


def _filter(wiring: Wiring) -> str:
    if wiring.via is Via.EVENTBRIDGE:
        return "'.EventBridgeConfiguration = $ours[0]'"
    kind = TOPICS if wiring.via is Via.SNS else QUEUES
    return _JOINED_NOTIFICATIONS.format(kind=kind)


def _new_bucket(wiring: Wiring) -> str:
    place = ""
    if wiring.region != "us-east-1":
        place = (
            ' \\\n        --create-bucket-configuration "LocationConstraint=$region"'
        )
    block = ",".join(f"{name}=true" for name in PUBLIC_ACCESS_BLOCK)
    return _BUCKET.format(place=place, block=block)


def _reader(wiring: Wiring) -> Iterator[str]:
    yield _file("reader.json", reader_policy(wiring))
    yield _READER.format(policy=wiring.policy, policy_arn=wiring.policy_arn)
    if wiring.role:
        yield (
            f"aws iam attach-role-policy --role-name {shlex.quote(wiring.role)} \\\n"
            '    --policy-arn "$policy_arn"\n'
        )
    else:
        yield f'say "attach {wiring.policy_arn} to whoever runs trailfeed"\n'


def _file(name: str, document: Any) -> str:
    """A file in the script's own folder."""
    text = json.dumps(document, indent=4)
    return f"\ncat >\"$work/{name}\" <<'JSON'\n{text}\nJSON\n"
