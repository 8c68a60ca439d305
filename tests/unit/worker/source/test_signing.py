"""The signature is the one that botocore makes."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from worker.source.signing import PostSigner, Scope

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
    signer = PostSigner(
        Scope(host, "us-east-1", "sqs"),
        access_key_id=ACCESS_KEY_ID,
        secret_access_key=SECRET_ACCESS_KEY,
        session_token=token,
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
        found = signer.headers(body, HEADERS, now)
        assert found["authorization"] == request.headers["Authorization"]
        assert found.get("x-amz-security-token") == (token or None)
