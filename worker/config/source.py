"""``[source]``: the queue, the buckets behind it, and who trailfeed is to AWS."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from worker.config import values
from worker.config.section import Section

# SQS, API page ReceiveMessage: WaitTimeSeconds and VisibilityTimeout.
MAX_WAIT_TIME_S: Final = 20
MAX_VISIBILITY_TIMEOUT_S: Final = 43_200

_AWS_DOMAINS: Final = (
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
)
_REGION_LABEL = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")


def region_of(queue_url: str) -> str:
    """The region that an AWS queue URL names, or empty where it names none.

    ``sqs.REGION.amazonaws.com``, the older ``REGION.queue.amazonaws.com``, FIPS,
    dual-stack and VPC endpoints all carry it as one label of the host;
    ``queue.amazonaws.com`` is us-east-1 (AWS General Reference, SQS endpoints).
    """
    try:
        host = urlsplit(queue_url).hostname or ""
    except ValueError:
        return ""
    if host == "queue.amazonaws.com":
        return "us-east-1"
    if not host.endswith(_AWS_DOMAINS):
        return ""
    labels = (label for label in host.split(".") if _REGION_LABEL.fullmatch(label))
    return next((label for label in labels if not label.startswith("vpce-")), "")


class MappingConfig(Section):
    """``[source.mapping]``: where other producers' messages name their objects."""

    bucket: values.Place = ""
    """Dotted path of the bucket's name in the message; empty: off."""
    keys: values.Places = ""
    """Dotted path of the keys, ``[*]`` for every element: ``files[*].path``."""


class SourceConfig(Section):
    """``[source]``."""

    queue_url: values.QueueUrl
    """The queue that receives the bucket's notifications. The only required key."""
    region: values.Region = ""
    """The queue's region; empty: as in the queue's URL."""
    role_arn: values.RoleArn = ""
    """Assume this role; empty: none."""
    external_id: values.ExternalId = ""
    """The external id that the role's trust policy asks for; empty: none."""
    role_session_name: values.SessionName = "trailfeed"
    """The session's name, as CloudTrail will show it."""
    access_key_id: str = ""
    """Static credentials; empty: boto3's own chain."""
    secret_access_key: SecretStr = SecretStr("")
    """The secret of ``access_key_id``."""
    session_token: SecretStr = SecretStr("")
    """The session token of temporary static credentials."""
    profile: str = ""
    """A profile of AWS's shared configuration files; empty: none."""
    endpoint_url: values.Url = ""
    """Endpoint of all services (LocalStack, moto, VPC endpoints); empty: AWS's."""
    sqs_endpoint_url: values.Url = ""
    """Endpoint of SQS alone; wins over ``endpoint_url``."""
    s3_endpoint_url: values.Url = ""
    """Endpoint of S3 alone; wins over ``endpoint_url``."""
    uses_sns: Annotated[Literal["auto", True, False], values.WordOrSwitch] = "auto"
    """Whether notifications come in an SNS envelope; ``auto`` looks at each message."""
    verify_sns: bool = False
    """Whether a message counts only with SNS's signature."""
    wait_time_s: Annotated[int, Field(ge=0, le=MAX_WAIT_TIME_S)] = 20
    """Seconds that one receive waits for messages (long polling)."""
    visibility_timeout_s: Annotated[int, Field(ge=1, le=MAX_VISIBILITY_TIMEOUT_S)] = 600
    """Seconds that a received message stays hidden; extended while it is worked on."""
    allowed_buckets: Annotated[values.Listed[values.NonEmpty], Field(min_length=1)] = (
        "*",
    )
    """Shell patterns; objects of other buckets are never fetched."""
    expected_bucket_owner: values.AccountId = ""
    """Account id that must own the bucket, signed into each request; empty: any."""
    include_keys: values.Listed[values.Regex] = ()
    """Regular expressions searched in the decoded key; empty: all keys."""
    exclude_keys: values.Listed[values.Regex] = ("/CloudTrail-Digest/",)
    """Regular expressions; a key that one of them is found in is left out."""
    on_missing_object: Literal["retry", "quarantine", "delete"] = "retry"
    """What becomes of a message whose object does not exist."""
    on_bad_object: Literal["retry", "quarantine"] = "retry"
    """What becomes of a message whose object cannot be decoded, or kills workers."""
    on_unknown_message: Literal["quarantine", "retry", "delete"] = "quarantine"
    """What becomes of a message that is no notification."""
    mapping: MappingConfig = Field(default_factory=MappingConfig)
    """Where other producers' messages name bucket and keys."""

    @model_validator(mode="before")
    @classmethod
    def _take_region_from_queue_url(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("region", "") == "":
            queue_url = data.get("queue_url")
            if isinstance(queue_url, str):
                return {**data, "region": region_of(queue_url)}
        return data
