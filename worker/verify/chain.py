"""One chain of digests, from the newest back.

Source: AWS CloudTrail User Guide, "Custom implementations of CloudTrail log file
integrity validation".
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from worker.errors import BadObjectError, DownloadError, MissingObjectError
from worker.verify.contents import whole
from worker.verify.digest import SIGNATURE_ALGORITHM, Digest, Previous, parse_digest
from worker.verify.digest_key import DigestKey, parse_digest_key
from worker.verify.finding import Fault, Finding
from worker.verify.signature import is_signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.verify.bucket import Store, StoredDigest
    from worker.verify.public_keys import PublicKeys

_SIGNATURE: Final = "signature"
_ALGORITHM: Final = "signature-algorithm"
_GENERATED: Final = "backfill-generation-timestamp"


class ChainWalk:
    """Follows one chain.

    A digest is believed only if CloudTrail signed it, it lies where it says, and it is
    the one that its successor names. After one that is not, the walk goes on with the
    next older one that is there.

    Args:
        store: Where the digests are.
        keys: CloudTrail's.
        bucket: Of the listed digests.
        listed: All digests of one chain that are there, newest first.
        since: The walk ends with the digest that covers this; None: at the beginning.
    """

    def __init__(
        self,
        store: Store,
        keys: PublicKeys,
        bucket: str,
        listed: Sequence[DigestKey],
        since: datetime | None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._bucket = bucket
        self._listed = deque(listed)
        self._since = since
        self._chain = listed[0].chain

    def steps(self) -> Iterator[Digest | Finding]:
        """Yield each digest that can be believed, and what is wrong with the others."""
        expected: Previous | None = None
        while True:
            if expected is not None:
                yield from self._passed_over(expected)
                bucket, key = expected.bucket, expected.key
            elif self._listed:
                bucket, key = self._bucket, self._listed.popleft().key
            else:
                return
            step = self._step(bucket, key, expected)
            yield step
            if isinstance(step, Finding):
                expected = None
                continue
            if self._since is not None and step.start <= self._since:
                return
            expected = step.previous
            if expected is None and self._listed:
                yield self._gap(self._listed[0].end, step.start)

    def _passed_over(self, expected: Previous) -> Iterator[Finding]:
        """Take the expected digest from the list, and the newer ones before it."""
        named = parse_digest_key(expected.key)
        while self._listed:
            first = self._listed[0]
            if first.key != expected.key and (named is None or first.end < named.end):
                return
            self._listed.popleft()
            if first.key == expected.key:
                return
            yield Finding(
                Fault.ADDED,
                f"s3://{self._bucket}/{first.key}",
                "no other digest names it",
            )

    def _step(
        self, bucket: str, key: str, expected: Previous | None
    ) -> Digest | Finding:
        url = f"s3://{bucket}/{key}"
        try:
            stored = self._store.digest(bucket, key)
            digest = self._examined(stored, bucket, key)
            if expected is not None:
                _compare(digest, stored, expected)
        except BadObjectError as error:
            return Finding(Fault.INVALID, url, str(error))
        except MissingObjectError:
            return Finding(Fault.MISSING, url, "the digest after it names it")
        except DownloadError as error:
            said = str(error).removeprefix(url).removeprefix(": ")
            return Finding(Fault.UNREADABLE, url, said)
        return digest

    def _examined(self, stored: StoredDigest, bucket: str, key: str) -> Digest:
        """Read a digest that CloudTrail signed, and that lies where it says.

        Raises:
            BadObjectError: It is another thing.
        """
        metadata = stored.metadata
        if _SIGNATURE not in metadata:
            raise BadObjectError("unsigned", "it has no signature in its metadata")
        if metadata.get(_ALGORITHM) != SIGNATURE_ALGORITHM:
            raise BadObjectError(
                "unsigned",
                f"its signature is {metadata.get(_ALGORITHM)!r:.40}, not "
                f"{SIGNATURE_ALGORITHM}",
            )
        digest = parse_digest(whole(stored.data))
        if (digest.bucket, digest.key) != (bucket, key):
            raise BadObjectError(
                "moved", f"it was moved from s3://{digest.bucket}/{digest.key}"
            )
        public_key = self._keys.find(
            digest.fingerprint,
            region=self._chain.region,
            at=self._key_time(digest, metadata),
        )
        if public_key is None:
            raise BadObjectError(
                "unknown_key",
                f"CloudTrail had no key {digest.fingerprint!r:.50} in "
                f"{self._chain.region} then",
            )
        try:
            signature = bytes.fromhex(metadata[_SIGNATURE])
        except ValueError:
            signature = b""
        if not is_signed(digest.signed_text, signature, public_key):
            raise BadObjectError("forged", "CloudTrail did not sign it")
        return digest

    def _key_time(self, digest: Digest, metadata: dict[str, str]) -> datetime:
        """When the digest was signed."""
        if not self._chain.is_backfill:
            return digest.end
        text = metadata.get(_GENERATED, "")
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise BadObjectError(
                "unsigned", "it does not say when it was made afterwards"
            ) from None
        return time.replace(tzinfo=time.tzinfo or UTC)

    def _gap(self, begin: datetime, end: datetime) -> Finding:
        return gap(
            self._bucket,
            self._chain.digests_prefix,
            f"trail {self._chain.trail} has no digest from {moment(begin)} to "
            f"{moment(end)}: it was stopped then",
        )


def gap(bucket: str, prefix: str, sentence: str) -> Finding:
    """A time without digests."""
    return Finding(Fault.GAP, f"s3://{bucket}/{prefix}", sentence)


def moment(time: datetime) -> str:
    """As CloudTrail writes times."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _compare(digest: Digest, stored: StoredDigest, expected: Previous) -> None:
    """Tell whether a digest is the one that its successor names.

    Raises:
        BadObjectError: It is another one.
    """
    if expected.sha256 not in (None, digest.sha256):
        raise BadObjectError(
            "replaced", "it is not what the digest after it names: its hash differs"
        )
    if stored.metadata[_SIGNATURE].lower() != expected.signature:
        raise BadObjectError(
            "replaced",
            "it is not what the digest after it names: its signature differs",
        )
