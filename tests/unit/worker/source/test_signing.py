"""The signature is the one that botocore makes."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from worker.source.signing import Credential, Scope, Signer, sha256

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_ACCESS_KEY = "x" * 40
HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "AmazonSQS.ReceiveMessage",
}


@pytest.mark.parametrize("token", ["", "AQoEXAMPLEH4aoAH0gNCAPy"])
@pytest.mark.parametrize("host", ["sqs.us-east-1.amazonaws.com", "127.0.0.1:4566"])
@pytest.mark.parametrize("body", [b"{}", '{"QueueUrl":"…"}'.encode()])
def test_it_is_botocores(token: str, host: str, body: bytes) -> None:
    signer = Signer(
        Scope(host, "us-east-1", "sqs"),
        Credential(ACCESS_KEY_ID, SECRET_ACCESS_KEY, token),
    )
    for now in (
        datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 21, 0, 0, 0, tzinfo=UTC),
    ):
        request = AWSRequest("POST", f"https://{host}/", dict(HEADERS), body)
        with patch("botocore.auth.get_current_datetime", return_value=now):
            SigV4Auth(
                Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY, token or None),
                "sqs",
                "us-east-1",
            ).add_auth(request)
        found = signer.headers(HEADERS, now, method="POST", payload=sha256(body))
        assert found["authorization"] == request.headers["Authorization"]
        assert found.get("x-amz-security-token") == (token or None)


@pytest.mark.parametrize("version", ["", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"])
@pytest.mark.parametrize("key", ["a/b.json.gz", "a b/ü=1&2+3~.gz", "x/%20'()*!"])
def test_it_is_botocores_for_objects(key: str, version: str) -> None:
    host, now = "s3.us-east-1.amazonaws.com", datetime(2026, 11, 21, tzinfo=UTC)
    path = quote(f"/bucket/{key}", safe="/~")
    query = f"versionId={quote(version, safe='~')}" if version else ""
    request = AWSRequest("GET", f"https://{host}{path}?{query}".rstrip("?"))
    with patch("botocore.auth.get_current_datetime", return_value=now):
        S3SigV4Auth(
            Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "s3", "us-east-1"
        ).add_auth(request)
    signer = Signer(
        Scope(host, "us-east-1", "s3"),
        Credential(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
    )
    found = signer.headers(
        {"x-amz-content-sha256": sha256(b"")},
        now,
        method="GET",
        path=path,
        query=query,
        payload=sha256(b""),
    )
    assert found["authorization"] == request.headers["Authorization"]
