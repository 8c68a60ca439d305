"""What it means that S3 does not list."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from worker.source.trail_folders import listing_fault


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (
            refusal("AccessDenied"),
            "access_denied",
            "cannot list s3://logs/a/: access denied: allow s3:ListBucket",
        ),
        (
            refusal("NoSuchBucket"),
            "missing_bucket",
            "cannot list s3://logs/a/: there is no such bucket",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    error: ClientError, code: str, sentence: str
) -> None:
    fault = listing_fault(error, "logs", "a/")
    assert (fault.code, fault.sentence) == (code, sentence)


def test_the_permission_that_is_missing_is_named() -> None:
    permission = "s3:ListBucketVersions"
    error = refusal("AllAccessDisabled")
    fault = listing_fault(error, "logs", "", permission=permission)
    assert fault.sentence.endswith("access denied: allow s3:ListBucketVersions")


def test_other_faults_are_as_everywhere() -> None:
    fault = listing_fault(NoCredentialsError(), "logs", "a/")
    assert fault.code == "no_credentials"
    assert fault.sentence.startswith("cannot list s3://logs/a/: Unable to locate")
