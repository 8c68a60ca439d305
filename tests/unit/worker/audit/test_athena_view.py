"""The SQL means what the view means: both are asked the same of the same records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.athena import rows_of
from tests.unit.worker.audit.events import event
from worker.audit.answers import SHOWN
from worker.audit.athena import query
from worker.audit.athena_view import FIELDS
from worker.audit.question import Question, answering

DATA = Path(__file__).parents[5] / "shared" / "data" / "cloudtrail"
ARN = "arn:aws:iam::123456789012"
COMPARED = tuple(name for name in FIELDS if name not in {"via", "read_only"})


def _ec2(action: str, **changes: Any) -> dict[str, Any]:
    return {"eventSource": "ec2.amazonaws.com", "eventName": action, **changes}


def _identity(kind: str, **members: Any) -> dict[str, Any]:
    return {"userIdentity": {"type": kind, **members}}


CHANGES: list[dict[str, Any]] = [
    {},
    {"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}},
    {"eventName": "CheckMfa", "serviceEventDetails": {"CheckMfa": "Failure"}},
    {"errorCode": "AccessDenied"},
    {"errorCode": 403},
    {"errorMessage": "No username found in supplied account"},
    # Before version 1.07 events had no category.
    {"eventCategory": None},
    {"eventCategory": None, "managementEvent": None, "eventType": "AwsApiCall"},
    {
        "eventCategory": None,
        "managementEvent": None,
        "eventType": "AwsApiCall",
        "resources": [{"ARN": "arn:aws:s3:::b/k", "type": "AWS::S3::Object"}],
        "requestParameters": None,
    },
    {"vpcEndpointId": "vpce-1"},
    {"requestParameters": None, "responseElements": {"queueUrl": "https://h/1/made"}},
    {
        "requestParameters": None,
        "errorCode": "AccessDenied",
        "errorMessage": "User: x is not authorized to perform: sqs:SendMessage on "
        "resource: arn:aws:sqs:us-east-1:123456789012:Jobs because no",
    },
    {
        "requestParameters": None,
        "errorMessage": f'perform: a:B on resource: "{ARN}:instance/*" with',
    },
    {"requestParameters": None, "errorMessage": "perform: a:B on resource: user jo."},
    {"eventSource": "ssm.amazonaws.com", "requestParameters": {"names": ["/a", "/b"]}},
    {
        "eventSource": "s3.amazonaws.com",
        "requestParameters": {"bucketName": "b", "key": "a/k"},
    },
    {
        "eventSource": "kms.amazonaws.com",
        "requestParameters": {"a": {"b": [1, {"c": "}"}]}},
        "resources": [{"ARN": f"{ARN}:key/1"}, {"ARN": f"{ARN}:key/2"}],
    },
    {"eventSource": "new.amazonaws.com", "requestParameters": {"n": 1, "wId": "w"}},
    {
        "eventSource": "new.amazonaws.com",
        "requestParameters": {"deep": {"x": {"yId": "no"}}, "wIds": ["w", "v"]},
    },
    {"eventSource": "new.amazonaws.com", "requestParameters": {"roleSessionName": "s"}},
    {
        "eventSource": "lambda.amazonaws.com",
        "eventName": "UpdateFunctionCode20150331v2",
        "requestParameters": {"functionName": f"{ARN}:function:f"},
    },
    _ec2("DescribeVpcs", requestParameters={"vpcSet": {"items": [{"vpcId": "v-1"}]}}),
    _ec2(
        "DescribeSubnets",
        requestParameters={
            "filterSet": {
                "items": [
                    {"name": "state", "valueSet": {"items": [{"value": "up"}]}},
                    {
                        "name": "vpc-id",
                        "valueSet": {"items": [{"value": "v-1"}, {"value": "v-2"}]},
                    },
                ]
            }
        },
    ),
    _ec2(
        "DescribeNatGateways",
        requestParameters={
            "DescribeNatGatewaysRequest": {
                "Filter": {"Name": "vpc-id", "Value": {"tag": 1, "content": "v-1"}}
            }
        },
    ),
    _ec2(
        "CreateSubnet",
        requestParameters={"vpcId": "v-1"},
        responseElements={"subnet": {"subnetId": "s-1"}},
    ),
    _ec2(
        "DescribeSecurityGroups",
        requestParameters={"securityGroupSet": {"items": [{"groupName": "web"}]}},
    ),
    {"userIdentity": None},
    _identity("Root", arn=f"{ARN}:root", userName="the-company"),
    _identity("AWSService", invokedBy="s3.amazonaws.com"),
    _identity("AWSAccount", accountId="anonymous", principalId=""),
    _identity("AWSAccount", accountId="999988887777", principalId="AROA:s-1"),
    _identity("AWSAccount", principalId="AROA:s-1"),
    _identity("IdentityCenterUser", onBehalfOf={"userId": "94482488"}),
    _identity("IdentityCenterUser") | {"additionalEventData": {"UserName": "erin"}},
    _identity("WebIdentityUser", userName="repo", identityProvider="github"),
    _identity(
        "AssumedRole",
        principalId="AROA:jane@example.com",
        arn="arn:aws:sts::123456789012:assumed-role/admin/jane@example.com",
        sessionContext={
            "sourceIdentity": "alice",
            "sessionIssuer": {"arn": f"{ARN}:role/admin", "userName": "admin"},
        },
    ),
]
EVENTS = [event(number, **changes) for number, changes in enumerate(CHANGES)]


def _of_files(question: Question, records: list[Any]) -> list[dict[str, Any]]:
    answer = answering(question)
    seen = [one for one in map(answer, records) if one is not None]
    return [{name: one[name] for name in COMPARED} for one in seen]  # type: ignore[literal-required]


def _of_sql(
    question: Question, records: list[Any], folder: Path
) -> list[dict[str, Any]]:
    shown = ", ".join(f'"{name}"' for name in SHOWN)
    compared = ", ".join(f'"{name}"' for name in COMPARED)
    sql = query(question, 0)
    assert f"SELECT {shown}\nFROM seen" in sql
    return rows_of(sql.replace(shown, compared), records, folder)


def _sorted(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"errors_only": True},
        {"plane": "data"},
        {"plane": "control"},
        {"queue": "Jobs"},
        {"queue": "jobs"},
        {"queue": "?rders"},
        {"events": ("lambda:UpdateFunctionCode",)},
        {"events": ("updatefunctioncode20150331V2", "ec2:Describe*")},
        {"events": ("*:CheckMfa",)},
        {"who": "alice"},
        {"who": "admin"},
        {"who": "admin/jane@example.com"},
        {"who": "JANE"},
        {"who": "s-1"},
        {"who": "anonymous"},
        {"who": "erin"},
        {"who": "*:role/admin"},
        {"regions": ("us-east-1",), "accounts": ("123456789012",)},
        {
            "since": datetime(2026, 11, 21, 9, 0, 3, tzinfo=UTC),
            "until": datetime(2026, 11, 21, 9, 0, 9, tzinfo=UTC),
        },
    ],
)
def test_sql_and_files_give_the_same_rows(
    asked: dict[str, Any], tmp_path: Path
) -> None:
    question = Question(**asked)
    expected = _of_files(question, EVENTS)
    assert expected or asked == {"queue": "jobs"}
    assert _sorted(_of_sql(question, EVENTS, tmp_path)) == _sorted(expected)


def test_sql_lists_and_counts_each_event_once(tmp_path: Path) -> None:
    twice = [event(1), event(2), event(1), event(1, recipientAccountId="9")]
    assert len(rows_of(query(Question(), 0), twice, tmp_path)) == 3
    assert len(rows_of(query(Question(), 2), twice, tmp_path)) == 2
    assert len(rows_of(query(Question(), 0, copies=True), twice, tmp_path)) == 4
    counted = rows_of(query(Question(), 0, ("who",)), twice, tmp_path)
    assert counted == [{"count": 3, "who": "jane"}]


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_sql_and_files_give_the_same_rows_of_real_events(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    for path in sorted(DATA.rglob("*.json")):
        document = json.loads(path.read_text())
        records += document if isinstance(document, list) else document["Records"]
    once = list({record["eventID"]: record for record in records}.values())
    expected = _sorted(_of_files(Question(), once))
    assert _sorted(_of_sql(Question(), once, tmp_path)) == expected
