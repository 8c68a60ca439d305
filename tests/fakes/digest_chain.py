"""A trail with digests as CloudTrail writes them, signed with a key of its own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

BUCKET = "trail"
ACCOUNT = "123456789012"
REGION = "us-east-1"
BEGIN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def private_key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of several keys; making them takes its time."""
    del number
    return rsa.generate_private_key(65537, 2048)


def public_key(number: int = 0) -> bytes:
    """As ListPublicKeys gives it: DER of PKCS #1."""
    key = private_key(number).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)


def fingerprint(number: int = 0) -> str:
    return hashlib.md5(public_key(number), usedforsecurity=False).hexdigest()


def key_list(number: int = 0) -> dict[str, Any]:
    """What ``aws cloudtrail list-public-keys`` prints."""
    entry = {
        "Value": base64.b64encode(public_key(number)).decode(),
        "ValidityStartTime": 0,
        "ValidityEndTime": 4102444800,
        "Fingerprint": fingerprint(number),
    }
    return {"PublicKeyList": [entry]}


def log_key(time: datetime, *, region: str = REGION, unique: str = "AbC0") -> str:
    return (
        f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/{time:%Y/%m/%d}/"
        f"{ACCOUNT}_CloudTrail_{region}_{time:%Y%m%dT%H%MZ}_{unique}.json.gz"
    )


class DigestChain:
    """Hourly digests from :data:`BEGIN`, each with two log files of its hour.

    Attributes:
        objects: Body and metadata by key.
        digests: Keys of the digests, oldest first.
        logs: Keys of the log files, oldest first.
    """

    def __init__(self, *, trail: str = "audit", region: str = REGION) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.digests: list[str] = []
        self.logs: list[str] = []
        self._trail = trail
        self._region = region
        self._previous: dict[str, str | None] = {}
        self.forget_previous()

    def forget_previous(self) -> None:
        """Let the next digest begin a chain, as when a trail is started again."""
        self._previous = {
            "previousDigestS3Bucket": None,
            "previousDigestS3Object": None,
            "previousDigestHashValue": None,
            "previousDigestHashAlgorithm": None,
            "previousDigestSignature": None,
        }

    def add_hours(self, first: int, last: int) -> None:
        """Add the digests of these hours since :data:`BEGIN`, both included."""
        for hour in range(first, last + 1):
            self.add_digest(hour)

    def add_digest(self, hour: int, *, backfill: bool = False) -> str:
        start = BEGIN + hour * HOUR
        end = start + HOUR
        named = []
        for minute in (10, 40):
            time = start + timedelta(minutes=minute)
            key = log_key(time, region=self._region)
            content = json.dumps({"Records": [{"eventID": f"e-{time}"}]}).encode()
            if not backfill:
                self.objects[key] = gzip.compress(content), {}
                self.logs.append(key)
                named.append(
                    {
                        "s3Bucket": BUCKET,
                        "s3Object": key,
                        "hashValue": hashlib.sha256(content).hexdigest(),
                        "hashAlgorithm": "SHA-256",
                    }
                )
        suffix = "_backfill" if backfill else ""
        key = (
            f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{self._region}/{end:%Y/%m/%d}/"
            f"{ACCOUNT}_CloudTrail-Digest_{self._region}_{self._trail}_{REGION}_"
            f"{end:%Y%m%dT%H%M%SZ}{suffix}.json.gz"
        )
        document = {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint(),
            "digestSignatureAlgorithm": "SHA256withRSA",
            **self._previous,
            "logFiles": named,
        }
        signature = self.put_digest(key, document)
        if backfill:
            self.objects[key][1]["backfill-generation-timestamp"] = (
                f"{end + 24 * HOUR:%Y-%m-%dT%H:%M:%SZ}"
            )
        self.digests.append(key)
        content = gzip.decompress(self.objects[key][0])
        self._previous = {
            "previousDigestS3Bucket": BUCKET,
            "previousDigestS3Object": key,
            "previousDigestHashValue": hashlib.sha256(content).hexdigest(),
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": signature,
        }
        return key

    def put_digest(self, key: str, document: dict[str, Any], signer: int = 0) -> str:
        """Sign a digest and store it; returns the signature."""
        content = json.dumps(document).encode()
        text = "\n".join(
            (
                document["digestEndTime"],
                f"{document['digestS3Bucket']}/{document['digestS3Object']}",
                hashlib.sha256(content).hexdigest(),
                document["previousDigestSignature"] or "null",
            )
        )
        signature = private_key(signer).sign(text.encode(), PKCS1v15(), SHA256()).hex()
        metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        self.objects[key] = gzip.compress(content), metadata
        return signature

    def document(self, key: str) -> dict[str, Any]:
        """What a digest says."""
        document: dict[str, Any] = json.loads(gzip.decompress(self.objects[key][0]))
        return document
