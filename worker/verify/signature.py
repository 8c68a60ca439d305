"""Whether CloudTrail signed a text.

Source: RFC 8017 §8.2 (RSASSA-PKCS1-v1_5) with SHA-256.
"""

from __future__ import annotations

from typing import Final

from worker.errors import PermanentError

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key
except ImportError as error:
    raise PermanentError(
        "no_cryptography",
        "verify needs the package cryptography: pip install 'trailfeed[verify]'",
    ) from error

UNUSABLE_KEY: Final = "unusable_key"


def is_signed(text: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether a signature is that of the text by this key.

    Args:
        text: What is signed.
        signature: Its bytes.
        public_key: RSA, DER: an RSAPublicKey (PKCS #1), as ListPublicKeys gives it, or
            a SubjectPublicKeyInfo.

    Raises:
        PermanentError: The key is no such key.
    """
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PermanentError(UNUSABLE_KEY, "its public key is no RSA key") from error
    if not isinstance(key, RSAPublicKey):
        raise PermanentError(UNUSABLE_KEY, "its public key is no RSA key")
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
