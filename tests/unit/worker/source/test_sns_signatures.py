"""SNS's signatures: what AWS signs passes, and nothing else does."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.fakes.calls import make_message
from worker.errors import CommonFaultError, RetriableError, UnknownMessageError
from worker.source.sns_certificates import CertifiedQueue
from worker.source.sns_signatures import MAX_CERTIFICATES, SnsSignatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.source.messages import Message
    from worker.source.queue import Depth, Failure

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS's version 1


def certificate(
    name: str = "sns.amazonaws.com",
    *,
    issuer_key: rsa.RSAPrivateKey = OTHER_KEY,
    days: int = 300,
) -> bytes:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def made(subject: str, key: rsa.RSAPrivateKey, signer: rsa.RSAPrivateKey) -> bytes:
        return (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named("Authority"))
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(NOW - timedelta(days=400))
            .not_valid_after(NOW + timedelta(days=days))
            .sign(signer, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    return made(name, KEY, issuer_key) + made("Authority", OTHER_KEY, OTHER_KEY)


def envelope(version: str = "2", **changes: Any) -> dict[str, Any]:
    """As SNS sends it; the string to sign is its documentation's."""
    document = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:trail",
        "Subject": "Amazon S3 Notification",
        "Message": '{"Records":[]} é',
        "Timestamp": "2026-11-21T09:30:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": URL,
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        **changes,
    }
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    text = "".join(f"{n}\n{document[n]}\n" for n in names if document[n] is not None)
    signature = KEY.sign(text.encode(), padding.PKCS1v15(), HASHES[version])
    document["Signature"] = base64.b64encode(signature).decode()
    return {name: value for name, value in document.items() if value is not None}


class Certificates:
    """SNS's host: one file, or a fault."""

    def __init__(self, data: bytes | None = None, fault: bool = False) -> None:
        self.data, self.is_down = data, fault
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes | None:
        self.asked.append(url)
        if self.is_down:
            raise RetriableError("sns_certificate", "cannot be read")
        return self.data


def signatures(host: Certificates | None = None) -> SnsSignatures:
    return SnsSignatures(host or Certificates(certificate()), lambda: NOW)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", ["Amazon S3 Notification", None])
def test_what_sns_signed_passes_by_one_look_at_the_certificate(
    version: str, subject: str | None
) -> None:
    host = Certificates(certificate())
    checked = signatures(host)
    for _ in range(3):
        checked.check(json.dumps(envelope(version, Subject=subject)))
    assert host.asked == [URL]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Message": "another"}, "not that of its content"),
        ({"Timestamp": "2027-01-01T00:00:00Z"}, "not that of its content"),
        ({"Subject": "another"}, "not that of its content"),
        ({"SignatureVersion": "3"}, "SignatureVersion"),
        ({"SignatureVersion": 2}, "SignatureVersion"),
        ({"SignatureVersion": "1"}, "not that of its content"),
        ({"Signature": "é"}, "no base64"),
        ({"Signature": ""}, "not that of its content"),
        ({"Signature": None}, "no envelope that SNS signed"),
        ({"SigningCertURL": URL.replace("https", "http")}, "not SNS's"),
        ({"SigningCertURL": URL.replace(".com", ".com.evil.example")}, "not SNS's"),
        ({"SigningCertURL": URL.replace("sns.", "evil.example/sns.")}, "not SNS's"),
        ({"SigningCertURL": URL.replace("//", "//sns.us-east-1@")}, "not SNS's"),
        ({"SigningCertURL": URL.replace("Simple", "x/../Simple")}, "not SNS's"),
        ({"SigningCertURL": URL.replace("us-east-1", "eu-west-1")}, "another region"),
        ({"SigningCertURL": None}, "not SNS's"),
        ({"TopicArn": 7}, "another region"),
    ],
)
def test_anything_else_is_no_notification(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownMessageError, match=words) as refused:
        signatures().check(json.dumps(envelope() | changes))
    assert refused.value.code == "sns_signature"


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"no certificate",
        certificate("evil.example"),
        certificate("sns.amazonaws.com.evil.example"),
        certificate(issuer_key=KEY),  # not signed by the next one in the file
        certificate(days=-1),
    ],
)
def test_a_certificate_that_is_not_sns_s_signs_nothing(data: bytes | None) -> None:
    with pytest.raises(UnknownMessageError, match="certificate"):
        signatures(Certificates(data)).check(json.dumps(envelope()))


def test_made_up_urls_do_not_fill_the_memory() -> None:
    checked = signatures(host := Certificates())
    for number in range(2 * MAX_CERTIFICATES):
        checked.fetch(URL.replace("0a1b2c", str(number)))
    assert len(host.asked) == 2 * MAX_CERTIFICATES
    assert len(checked._certificates) == MAX_CERTIFICATES  # noqa: SLF001 - its bound


class Messages:
    """A queue with one message for each receive."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.receives = 0
        self.changes: list[int] = []

    def receive(self, **_: int) -> list[Message]:
        self.receives += 1
        return [make_message(self.receives, self.body)]

    def delete(self, messages: Sequence[Message]) -> tuple[Failure, ...]:
        raise NotImplementedError

    def depth(self) -> Depth:
        raise NotImplementedError

    def change_visibility(
        self, changes: Sequence[tuple[Message, int]]
    ) -> tuple[Failure, ...]:
        self.changes += [timeout_s for _, timeout_s in changes]
        return ()


def receive(queue: CertifiedQueue) -> list[Message]:
    return queue.receive(max_messages=10, wait_s=0, visibility_timeout_s=600)


def test_while_the_certificate_cannot_be_read_nothing_more_is_received() -> None:
    host = Certificates(certificate(), fault=True)
    messages = Messages(json.dumps(envelope()))
    queue = CertifiedQueue(messages, signatures(host), "us-east-1")
    for _ in range(3):
        with pytest.raises(CommonFaultError, match="cannot be read"):
            receive(queue)
    assert messages.receives == 1
    assert messages.changes == [60]
    host.is_down = False
    assert len(receive(queue)) == 1


def test_a_region_that_is_made_up_stops_nothing() -> None:
    host = Certificates(fault=True)
    body = envelope(
        TopicArn="arn:aws:sns:xx-evil-1:1:t",
        SigningCertURL=URL.replace("us-east-1", "xx-evil-1"),
    )
    queue = CertifiedQueue(Messages(json.dumps(body)), signatures(host), "us-east-1")
    assert len(receive(queue)) == len(receive(queue)) == 1
