"""Digests as CloudTrail writes them.

Source: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom
implementations of CloudTrail log file integrity validation".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# msgspec reads the annotations, so these names are needed at run time.
from datetime import UTC, datetime
from typing import Final

import msgspec

from worker.errors import BadObjectError

HASH_ALGORITHM: Final = "SHA-256"
SIGNATURE_ALGORITHM: Final = "SHA256withRSA"


class _LogFile(msgspec.Struct, rename="camel"):
    s3_bucket: str = msgspec.field(name="s3Bucket")
    s3_object: str = msgspec.field(name="s3Object")
    hash_value: str
    hash_algorithm: str = HASH_ALGORITHM


class _Document(msgspec.Struct, rename="camel"):
    digest_start_time: str
    digest_end_time: str
    digest_s3_bucket: str = msgspec.field(name="digestS3Bucket")
    digest_s3_object: str = msgspec.field(name="digestS3Object")
    digest_public_key_fingerprint: str
    previous_digest_signature: str | None
    previous_digest_s3_bucket: str | None = msgspec.field(
        name="previousDigestS3Bucket", default=None
    )
    previous_digest_s3_object: str | None = msgspec.field(
        name="previousDigestS3Object", default=None
    )
    previous_digest_hash_value: str | None = None
    previous_digest_hash_algorithm: str | None = None
    log_files: list[_LogFile] = []


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A log file as a digest names it.

    Attributes:
        sha256: Of the uncompressed content, in lower-case hexadecimal digits; None:
            the digest has another algorithm.
    """

    bucket: str
    key: str
    sha256: str | None

    @property
    def url(self) -> str:
        """As people name it."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Previous:
    """The digest before, as a digest names it.

    Attributes:
        signature: In hexadecimal digits.
        sha256: Of the uncompressed content; None: not given.
    """

    bucket: str
    key: str
    signature: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One digest; times are UTC.

    Attributes:
        signed_text: What CloudTrail signs of it.
        sha256: Of its uncompressed content.
        previous: None: the chain begins here.
    """

    bucket: str
    key: str
    start: datetime
    end: datetime
    fingerprint: str
    signed_text: bytes
    sha256: str
    previous: Previous | None
    log_files: tuple[NamedFile, ...]


def parse_digest(content: bytes) -> Digest:
    """Read the uncompressed content of a digest.

    Raises:
        BadObjectError: It is none.
    """
    try:
        document = msgspec.json.decode(content, type=_Document)
        start = _time(document.digest_start_time)
        end = _time(document.digest_end_time)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise BadObjectError("not_a_digest", f"it is no digest: {said}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    # "null" is what CloudTrail signs where there is none.
    signature = document.previous_digest_signature
    before = "null" if signature is None else signature
    place = f"{document.digest_s3_bucket}/{document.digest_s3_object}"
    signed_text = f"{document.digest_end_time}\n{place}\n{sha256}\n{before}"
    return Digest(
        bucket=document.digest_s3_bucket,
        key=document.digest_s3_object,
        start=start,
        end=end,
        fingerprint=document.digest_public_key_fingerprint.lower(),
        signed_text=signed_text.encode("utf-8", "surrogatepass"),
        sha256=sha256,
        previous=_previous(document),
        log_files=tuple(map(_named, document.log_files)),
    )


def _previous(document: _Document) -> Previous | None:
    bucket, key = document.previous_digest_s3_bucket, document.previous_digest_s3_object
    signature = document.previous_digest_signature
    if not (bucket and key and signature):
        return None
    sha256 = None
    if document.previous_digest_hash_algorithm in (None, HASH_ALGORITHM):
        sha256 = (document.previous_digest_hash_value or "").lower() or None
    return Previous(bucket, key, signature.lower(), sha256)


def _named(file: _LogFile) -> NamedFile:
    is_known = file.hash_algorithm == HASH_ALGORITHM
    return NamedFile(
        file.s3_bucket, file.s3_object, file.hash_value.lower() if is_known else None
    )


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return time.astimezone(UTC)
