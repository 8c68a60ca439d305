from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import BadObjectError
from worker.verify.digest import parse_digest

DOCUMENT: dict[str, Any] = {
    "digestStartTime": "2015-08-17T14:01:31Z",
    "digestEndTime": "2015-08-17T15:01:31Z",
    "digestS3Bucket": "b",
    "digestS3Object": "c",
    "digestPublicKeyFingerprint": "AB",
    "previousDigestSignature": None,
}


def test_the_signed_text_has_null_for_no_signature() -> None:
    content = json.dumps(DOCUMENT).encode()
    digest = parse_digest(content)
    assert digest.previous is None
    assert digest.signed_text.decode().split("\n") == [
        "2015-08-17T15:01:31Z",
        "b/c",
        digest.sha256,
        "null",
    ]


def test_a_previous_digest_and_its_files() -> None:
    document = DOCUMENT | {
        "previousDigestSignature": "C0FFEE",
        "previousDigestS3Bucket": "b",
        "previousDigestS3Object": "before",
        "previousDigestHashValue": "AA",
        "previousDigestHashAlgorithm": "SHA-256",
        "logFiles": [
            {"s3Bucket": "b", "s3Object": "x", "hashValue": "FF"},
            {
                "s3Bucket": "b",
                "s3Object": "y",
                "hashValue": "FF",
                "hashAlgorithm": "MD5",
            },
        ],
    }
    digest = parse_digest(json.dumps(document).encode())
    assert digest.previous is not None
    assert (digest.previous.key, digest.previous.sha256) == ("before", "aa")
    assert digest.signed_text.endswith(b"\nC0FFEE")
    assert [(file.url, file.sha256) for file in digest.log_files] == [
        ("s3://b/x", "ff"),
        ("s3://b/y", None),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"digestEndTime": "yesterday"},
        {"digestEndTime": "2015-08-17T15:01:31"},
        {"digestS3Bucket": 1},
        {"logFiles": [{}]},
    ],
)
def test_what_is_no_digest_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadObjectError, match="it is no digest"):
        parse_digest(json.dumps(DOCUMENT | change).encode())


@given(st.binary(max_size=200))
def test_anything_else_is_a_bad_object(content: bytes) -> None:
    with pytest.raises(BadObjectError):
        parse_digest(content)
