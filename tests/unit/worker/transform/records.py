"""Records of CloudTrail, real in form and made up at random."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

CONSOLE_LOGIN: Final[dict[str, Any]] = {
    "eventVersion": "1.05",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDACKCEVSQ6C2EXAMPLE",
        "arn": "arn:aws:iam::111122223333:user/JohnDoe",
        "accountId": "111122223333",
        "userName": "JohnDoe",
    },
    "eventTime": "2014-07-16T15:49:27Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "us-east-2",
    "sourceIPAddress": "89.160.20.156",
    "userAgent": "Mozilla/5.0 (Windows NT 6.1) Firefox/24.0",
    "requestParameters": None,
    "responseElements": {"ConsoleLogin": "Success"},
    "additionalEventData": {
        "MobileVersion": "No",
        "LoginTo": "https://console.aws.amazon.com/s3/",
        "MFAUsed": "No",
    },
    "eventID": "3fcfb182-98f8-4744-bd45-10aEXAMPLE",
}
ASSUME_ROLE: Final[dict[str, Any]] = {
    "eventVersion": "1.05",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAIN5ATK5U7KEXAMPLE:JohnRole1",
        "arn": "arn:aws:sts::111111111111:assumed-role/JohnDoe/JohnRole1",
        "accountId": "111111111111",
        "accessKeyId": "AKIAI44QH8DHBEXAMPLE",
        "sessionContext": {
            "attributes": {
                "mfaAuthenticated": "false",
                "creationDate": "2019-10-02T21:50:54Z",
            },
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAIN5ATK5U7KEXAMPLE",
                "arn": "arn:aws:iam::111111111111:role/JohnRole1",
                "accountId": "111111111111",
                "userName": "JohnDoe",
            },
        },
    },
    "eventTime": "2019-10-02T22:12:29Z",
    "eventSource": "sts.amazonaws.com",
    "eventName": "AssumeRole",
    "awsRegion": "us-east-2",
    "sourceIPAddress": "81.2.69.144",
    "userAgent": "aws-cli/1.16.248",
    "requestParameters": {"roleArn": "arn:aws:iam::111111111111:role/JohnRole2"},
    "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE"}},
    "requestID": "b96b0e4e-e561-11e9-8b3f-7b396EXAMPLE",
    "eventID": "1917948f-3042-46ec-98e2-62865EXAMPLE",
    "resources": 2
    * [
        {
            "ARN": "arn:aws:iam::111122223333:role/JohnRole2",
            "accountId": "111111111111",
            "type": "AWS::IAM::Role",
        }
    ],
    "eventType": "AwsApiCall",
    "recipientAccountId": "111111111111",
}
CREATE_USER: Final[dict[str, Any]] = {
    "eventVersion": "1.08",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROA2W7SOKHEXAMPLE:Admin-user",
        "arn": "arn:aws:sts::112233445566:assumed-role/Admin/Admin-user",
        "accountId": "112233445566",
        "accessKeyId": "ASIA2W7SOKHEXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROA2W7SOKHEXAMPLE",
                "arn": "arn:aws:iam::112233445566:role/Admin",
                "accountId": "112233445566",
                "userName": "Admin",
            },
            "webIdFederationData": {},
            "attributes": {
                "creationDate": "2023-11-17T16:43:57Z",
                "mfaAuthenticated": "false",
            },
        },
    },
    "eventTime": "2023-03-17T17:07:59Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "52.95.4.21",
    "userAgent": "AWS Internal",
    "requestParameters": {"userName": "test_user2"},
    "responseElements": {
        "user": {
            "userName": "test_user2",
            "userId": "AIDA2W7SOKHEXAMPLE",
            "arn": "arn:aws:iam::112233445566:user/test_user2",
        }
    },
    "requestID": "c99bf9da-e0bd-4bf7-bb32-example",
    "eventID": "7dd15a89-ae0f-4340-8e6c-example",
    "readOnly": False,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "112233445566",
    "eventCategory": "Management",
    "sessionCredentialFromConsole": "true",
}

_EXAMPLES: Final = (CONSOLE_LOGIN, ASSUME_ROLE, CREATE_USER)
_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "arn", "ARN", "accountId", "userName", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def _changed(example: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An example with some of its members replaced, at the top and one level down."""
    inner = [name for name in example if isinstance(example[name], dict)]
    return st.builds(
        lambda top, name, below: {
            **example,
            name: {**example[name], **below},
            **top,
        },
        st.dictionaries(st.sampled_from([*example, "tlsDetails", "new"]), _VALUES),
        st.sampled_from(inner),
        st.dictionaries(
            st.sampled_from(["type", "userName", "sessionContext", "MFAUsed"]), _VALUES
        ),
    )


RECORDS: Final = st.sampled_from(_EXAMPLES).flatmap(_changed)
