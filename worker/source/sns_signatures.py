"""Whether SNS itself signed a message (``source.verify_sns``).

Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import threading
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker.errors import ConfigError, UnknownMessageError
from worker.printable import quoted
from worker.source.notifications.fields import json_object

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.x509.oid import NameOID
except ImportError as error:
    raise ConfigError(
        (
            "source.verify_sns: needs the package cryptography: pip install "
            "'trailfeed[verify]'",
        )
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

CODE: Final = "sns_signature"
MAX_CERTIFICATES: Final = 64
"""Remembered at a time; SNS has one a region, and a new one each year or so."""

_URL: Final = re.compile(
    r"https://sns\.([a-z0-9-]{4,32})\.amazonaws\.com(?:\.cn)?"
    r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem"
)
_NAME: Final = re.compile(r"sns[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?")
"""As AWS names its signing certificates: sns.amazonaws.com in most regions, and
sns-signing.REGION.amazonaws.com in some."""

_HASHES: Final = {"1": SHA1, "2": SHA256}
_SIGNED: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_CONFIRMATION: Final = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)


class Fetch(Protocol):
    """Reads a certificate's file: :func:`worker.source.sns_certificates.fetch`."""

    def __call__(self, url: str) -> bytes | None: ...


class SnsSignatures:
    """Checks messages, and remembers the certificates; for any number of threads.

    Args:
        fetch: Reads a certificate's file; None: there is none under that URL. Its
            RetriableError means that this could not be found out.
        now: Wall time.
    """

    def __init__(self, fetch: Fetch, now: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._now = now
        self._lock = threading.Lock()
        self._certificates: dict[str, tuple[x509.Certificate, ...]] = {}

    def url_in(self, body: str) -> tuple[str, str]:
        """The URL of the certificate that a message names, and the region in it.

        Raises:
            UnknownMessageError: The message names none of SNS's.
        """
        return _url_of(json_object(body))

    def fetch(self, url: str) -> None:
        """Read a certificate where it is not yet known.

        Raises:
            RetriableError: It could not be read.
        """
        self._known(url)

    def check(self, body: str) -> None:
        """Pass a message that SNS signed.

        Raises:
            UnknownMessageError: SNS did not sign it.
            RetriableError: The certificate could not be read.
        """
        envelope = json_object(body)
        url, _ = _url_of(envelope)
        version = envelope.get("SignatureVersion")
        make_hash = _HASHES.get(version) if isinstance(version, str) else None
        if make_hash is None:
            raise _refused(f"its SignatureVersion is {quoted(str(version))}")
        try:
            signature = base64.b64decode(str(envelope.get("Signature")), validate=True)
        except (binascii.Error, ValueError):
            raise _refused("its Signature is no base64") from None
        key = self._key(url)
        try:
            key.verify(signature, _signed_text(envelope), PKCS1v15(), make_hash())
        except InvalidSignature:
            raise _refused("its signature is not that of its content") from None

    def _key(self, url: str) -> RSAPublicKey:
        certificates = self._known(url)
        if not certificates:
            raise _refused(f"there is no certificate at {quoted(url)}")
        leaf, now = certificates[0], self._now()
        if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
            raise _refused(f"the certificate at {quoted(url)} is not valid now")
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey):
            raise _refused(f"the certificate at {quoted(url)} has no RSA key")
        return key

    def _known(self, url: str) -> tuple[x509.Certificate, ...]:
        with self._lock:
            found = self._certificates.get(url)
            if found is None:
                data = self._fetch(url)
                found = () if data is None else _chain(data)
                if len(self._certificates) >= MAX_CERTIFICATES:
                    del self._certificates[next(iter(self._certificates))]
                self._certificates[url] = found
            return found


def _url_of(envelope: dict[str, Any]) -> tuple[str, str]:
    if not isinstance(envelope.get("Signature"), str):
        raise _refused("it is in no envelope that SNS signed (raw delivery, perhaps)")
    url = envelope.get("SigningCertURL")
    match = _URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        raise _refused(f"its SigningCertURL is not SNS's: {quoted(str(url))}")
    parts = str(envelope.get("TopicArn")).split(":")
    if parts[3:4] != [match[1]]:
        raise _refused("its SigningCertURL is of another region than its topic")
    return match[0], match[1]


def _signed_text(envelope: dict[str, Any]) -> bytes:
    is_plain = envelope.get("Type") == "Notification"
    names = _SIGNED if is_plain else _SIGNED_CONFIRMATION
    lines = [
        f"{name}\n{value}\n"
        for name in names
        if isinstance(value := envelope.get(name), str)
    ]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _chain(data: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a file, each signed by the next one; none where they fail."""
    try:
        certificates = x509.load_pem_x509_certificates(data)
        for one, issuer in itertools.pairwise(certificates):
            one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return ()
    if not any(_NAME.fullmatch(name) for name in _names(certificates[0])):
        return ()
    return tuple(certificates)


def _names(certificate: x509.Certificate) -> list[str]:
    names = [
        str(one.value)
        for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    try:
        alternatives = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return names
    return names + alternatives.value.get_values_for_type(x509.DNSName)


def _refused(reason: str) -> UnknownMessageError:
    return UnknownMessageError(
        CODE,
        f"source.verify_sns: SNS did not sign the message: {reason}",
    )
