"""A call to AWS as the record that CloudTrail writes of it.

Source: CloudTrail user guide, "CloudTrail record contents" (event version 1.11), and
real records.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from worker.demo.aws import ACCOUNT_ID, REGION

if TYPE_CHECKING:
    import random
    from datetime import datetime

EVENT_VERSION = "1.11"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and from where; ``session`` is that of an assumed role."""

    kind: Literal["IAMUser", "AssumedRole", "AWSService"]
    name: str
    address: str
    user_agent: str
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, with what CloudTrail records of its answer."""

    caller: Caller
    service: str
    name: str
    request: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    resource: tuple[str, str] | None = None  # type, ARN
    error: tuple[str, str] | None = None  # code, message
    is_data: bool = False
    is_read_only: bool = False


def record(call: Call, at: datetime, rng: random.Random) -> dict[str, Any]:
    """The record of a call at that time; ``rng`` makes its identifiers."""
    caller = call.caller
    event: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _identity(caller, at),
        "eventTime": at.strftime(TIME_FORMAT),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.name,
        "awsRegion": REGION,
        "sourceIPAddress": caller.address,
        "userAgent": caller.user_agent,
    }
    if call.error:
        event["errorCode"], event["errorMessage"] = call.error
    event |= {
        "requestParameters": call.request,
        "responseElements": call.response,
        "requestID": _uuid(rng),
        "eventID": _uuid(rng),
        "readOnly": call.is_read_only,
    }
    if call.resource:
        kind, arn = call.resource
        event["resources"] = [{"accountId": ACCOUNT_ID, "type": kind, "ARN": arn}]
    event |= {
        "eventType": "AwsApiCall",
        "managementEvent": not call.is_data,
        "recipientAccountId": ACCOUNT_ID,
        "eventCategory": "Data" if call.is_data else "Management",
    }
    if caller.kind != "AWSService":
        event["tlsDetails"] = {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{call.service}.{REGION}.amazonaws.com",
        }
    return event


def _identity(caller: Caller, at: datetime) -> dict[str, Any]:
    suffix = uuid.uuid5(uuid.NAMESPACE_DNS, caller.name).hex[:9].upper()
    match caller.kind:
        case "AWSService":
            return {"type": "AWSService", "invokedBy": caller.name}
        case "IAMUser":
            return {
                "type": "IAMUser",
                "principalId": f"AIDA{suffix}EXAMPLE",
                "arn": f"arn:aws:iam::{ACCOUNT_ID}:user/{caller.name}",
                "accountId": ACCOUNT_ID,
                "accessKeyId": f"AKIA{suffix}EXAMPLE",
                "userName": caller.name,
            }
        case "AssumedRole":
            role_id = f"AROA{suffix}EXAMPLE"
            session = f"{caller.name}/{caller.session}"
            return {
                "type": "AssumedRole",
                "principalId": f"{role_id}:{caller.session}",
                "arn": f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{session}",
                "accountId": ACCOUNT_ID,
                "accessKeyId": f"ASIA{suffix}EXAMPLE",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": role_id,
                        "arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{caller.name}",
                        "accountId": ACCOUNT_ID,
                        "userName": caller.name,
                    },
                    "attributes": {
                        "creationDate": at.strftime("%Y-%m-%dT%H:00:00Z"),
                        "mfaAuthenticated": "false",
                    },
                },
            }


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
