"""Whole trails in memory, and what befalls them."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest

from tests.fakes.digest_chain import (
    ACCOUNT,
    BEGIN,
    BUCKET,
    HOUR,
    REGION,
    DigestChain,
    log_key,
)
from tests.unit.worker.verify.memory_trail import (
    HOURS,
    MemoryStore,
    OneKey,
    told,
    verify,
)
from worker.errors import AccessDeniedError, CommonFaultError, PermanentError
from worker.verify.finding import Fault, Totals


def test_a_whole_trail_is_right(store: MemoryStore) -> None:
    found, totals = verify(store)
    assert found == []
    assert totals == Totals(1, HOURS, 2 * HOURS, 0)


def test_only_the_period_is_looked_at(chain: DigestChain, store: MemoryStore) -> None:
    since, until = BEGIN + 2 * HOUR, BEGIN + 3 * HOUR
    del store.objects[chain.logs[0]]
    del store.objects[chain.logs[-1]]
    found, totals = verify(store, since=since, until=until)
    assert found == []
    assert (totals.digests_count, totals.log_files_count) == (1, 2)


@pytest.mark.parametrize(
    "forged",
    [
        gzip.compress(b'{"Records": []}'),
        b"{}",
        b"",
    ],
)
def test_a_forged_log_file(
    chain: DigestChain, store: MemoryStore, forged: bytes
) -> None:
    key = chain.logs[3]
    store.objects[key] = forged, {}
    found, _ = verify(store)
    assert told(found) == [(Fault.INVALID, key)]


def test_a_second_member_is_no_part_of_a_log_file(
    chain: DigestChain, store: MemoryStore
) -> None:
    key = chain.logs[3]
    store.objects[key] = store.objects[key][0] + gzip.compress(b"{}"), {}
    found, _ = verify(store)
    assert told(found) == [(Fault.INVALID, key)]


def test_a_log_file_that_was_packed_anew_is_the_same(
    chain: DigestChain, store: MemoryStore
) -> None:
    key = chain.logs[3]
    content = gzip.decompress(store.objects[key][0])
    store.objects[key] = gzip.compress(content, 1), {}
    assert verify(store)[0] == []


def test_a_missing_log_file(chain: DigestChain, store: MemoryStore) -> None:
    del store.objects[chain.logs[4]]
    found, totals = verify(store)
    assert told(found) == [(Fault.MISSING, chain.logs[4])]
    assert totals.findings_count == 1


def test_a_log_file_that_s3_refuses_is_told_apart(
    chain: DigestChain, store: MemoryStore
) -> None:
    key = chain.logs[4]
    store.errors[key] = AccessDeniedError(
        "access_denied", f"s3://{BUCKET}/{key}: access denied: allow s3:GetObject"
    )
    (finding,), _ = verify(store)
    assert finding.fault is Fault.UNREADABLE
    assert finding.sentence == "access denied: allow s3:GetObject"


def test_an_outage_ends_it(chain: DigestChain, store: MemoryStore) -> None:
    error = CommonFaultError("unreachable", "cannot reach S3")
    store.errors[chain.logs[4]] = error
    with pytest.raises(CommonFaultError):
        verify(store)


@pytest.mark.parametrize("unique", ["Zz99", ""])
def test_an_added_log_file(store: MemoryStore, unique: str) -> None:
    key = log_key(BEGIN + 2 * HOUR + timedelta(minutes=20), unique=unique)
    store.objects[key] = gzip.compress(b"{}"), {}
    found, _ = verify(store)
    assert told(found) == [(Fault.ADDED, key)]


def test_an_added_file_of_any_name(chain: DigestChain, store: MemoryStore) -> None:
    key = f"{chain.logs[3].rpartition('/')[0]}/evidence.json.gz"
    store.objects[key] = b"", {}
    found, _ = verify(store)
    assert told(found) == [(Fault.ADDED, key)]


def test_files_newer_than_the_newest_digest_are_none_of_its_business(
    store: MemoryStore,
) -> None:
    key = log_key(BEGIN + HOURS * HOUR + timedelta(minutes=5))
    store.objects[key] = gzip.compress(b"{}"), {}
    assert verify(store)[0] == []


@pytest.mark.parametrize(
    ("where", "faults"),
    [
        (1, [Fault.INVALID]),
        (HOURS - 1, [Fault.INVALID]),
    ],
)
def test_a_digest_with_another_content(
    chain: DigestChain, store: MemoryStore, where: int, faults: list[Fault]
) -> None:
    key = chain.digests[where]
    document = chain.document(key)
    document["logFiles"].pop()
    content = gzip.compress(json.dumps(document).encode())
    store.objects[key] = content, store.objects[key][1]
    found, totals = verify(store)
    assert told(found) == [(fault, key) for fault in faults]
    assert found[0].sentence == "CloudTrail did not sign it"
    assert totals.digests_count == HOURS - 1


def test_a_digest_signed_by_someone_else(
    chain: DigestChain, store: MemoryStore
) -> None:
    key = chain.digests[-1]
    chain.put_digest(key, chain.document(key), signer=1)
    found, _ = verify(store)
    assert told(found) == [(Fault.INVALID, key)]


def test_a_digest_with_an_unknown_key(chain: DigestChain, store: MemoryStore) -> None:
    key = chain.digests[-1]
    document = chain.document(key) | {"digestPublicKeyFingerprint": "00"}
    chain.put_digest(key, document)
    (finding,), _ = verify(store)
    assert "had no key '00'" in finding.sentence


def test_a_signed_digest_that_is_not_the_one_named(
    chain: DigestChain, store: MemoryStore
) -> None:
    # Signed by CloudTrail, at another time: an older version of the object, say.
    key = chain.digests[2]
    document = chain.document(key)
    document["logFiles"] = []
    chain.put_digest(key, document)
    found, _ = verify(store)
    assert told(found)[0] == (Fault.INVALID, key)
    assert "not what the digest after it names" in found[0].sentence


def test_a_digest_whose_successor_gives_another_hash(
    chain: DigestChain, store: MemoryStore
) -> None:
    newest = chain.digests[-1]
    document = chain.document(newest) | {"previousDigestHashValue": "00"}
    chain.put_digest(newest, document)
    (finding,), _ = verify(store)
    assert told([finding]) == [(Fault.INVALID, chain.digests[-2])]
    assert finding.sentence.endswith("its hash differs")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, "no signature"),
        ({"signature": "aa"}, "not SHA256withRSA"),
        (
            {"signature": "x", "signature-algorithm": "SHA256withRSA"},
            "did not sign it",
        ),
    ],
)
def test_a_digest_without_a_proper_signature(
    chain: DigestChain, store: MemoryStore, metadata: dict[str, str], said: str
) -> None:
    key = chain.digests[1]
    store.objects[key] = store.objects[key][0], metadata
    (finding,), _ = verify(store)
    assert (finding.fault, said in finding.sentence) == (Fault.INVALID, True)


def test_a_digest_that_lies_elsewhere(chain: DigestChain, store: MemoryStore) -> None:
    moved = chain.digests[-1].replace("_audit_", "_other_")
    store.objects[moved] = store.objects[chain.digests[1]]
    (finding,), _ = verify(store)
    assert told([finding]) == [(Fault.INVALID, moved)]
    assert finding.sentence == f"it was moved from s3://trail/{chain.digests[1]}"


def test_a_missing_digest(chain: DigestChain, store: MemoryStore) -> None:
    del store.objects[chain.digests[2]]
    found, totals = verify(store)
    assert told(found) == [(Fault.MISSING, chain.digests[2])]
    # What it alone vouched for is unknown, and is no further fault.
    assert totals.log_files_count == 2 * (HOURS - 1)


def test_the_newest_digests_removed(chain: DigestChain, store: MemoryStore) -> None:
    for key in chain.digests[-2:]:
        del store.objects[key]
    (finding,), _ = verify(store)
    assert finding.fault is Fault.GAP
    assert "no digest after 2026-11-21T01:00:00Z" in finding.sentence


def test_the_oldest_digest_removed(chain: DigestChain, store: MemoryStore) -> None:
    del store.objects[chain.digests[0]]
    assert told(verify(store)[0]) == [(Fault.MISSING, chain.digests[0])]


def test_all_digests_removed(chain: DigestChain, store: MemoryStore) -> None:
    for key in chain.digests:
        del store.objects[key]
    (finding,), _ = verify(store)
    assert finding.sentence == "there are log files, and no digests"


def test_an_added_digest(chain: DigestChain, store: MemoryStore) -> None:
    between = chain.digests[2].replace("0000Z", "3000Z")
    store.objects[between] = store.objects[chain.digests[2]]
    assert told(verify(store)[0]) == [(Fault.ADDED, between)]


def test_a_stopped_trail_leaves_a_gap() -> None:
    chain = DigestChain()
    chain.add_hours(0, 1)
    chain.forget_previous()
    chain.add_hours(3, HOURS - 1)
    (finding,), totals = verify(MemoryStore(chain.objects))
    assert finding.fault is Fault.GAP
    assert "from 2026-11-21T00:00:00Z to 2026-11-21T01:00:00Z" in finding.sentence
    assert totals.digests_count == HOURS - 1


def test_the_hour_around_midnight_is_in_another_folder(
    chain: DigestChain, store: MemoryStore
) -> None:
    midnight = BEGIN + 2 * HOUR
    found, totals = verify(store, since=midnight - HOUR, until=midnight + HOUR)
    assert found == []
    assert totals.digests_count == 2
    assert chain.digests[0].split("/")[-2] != chain.digests[-1].split("/")[-2]


def test_a_backfill_is_a_chain_of_its_own(
    chain: DigestChain, store: MemoryStore
) -> None:
    chain.forget_previous()
    chain.add_digest(1, backfill=True)
    keys = OneKey()
    found, totals = verify(store, keys=keys)
    assert found == []
    assert totals.chains_count == 2
    assert BEGIN + 26 * HOUR in keys.asked


def test_a_backfill_says_when_it_was_made(
    chain: DigestChain, store: MemoryStore
) -> None:
    chain.forget_previous()
    key = chain.add_digest(1, backfill=True)
    del store.objects[key][1]["backfill-generation-timestamp"]
    assert told(verify(store)[0]) == [(Fault.INVALID, key)]


def test_two_trails_vouch_for_each_others_files(
    chain: DigestChain, store: MemoryStore
) -> None:
    other = DigestChain(trail="second")
    other.add_hours(0, HOURS - 1)
    extra = log_key(BEGIN + 2 * HOUR + timedelta(minutes=20), unique="second")
    store.objects |= other.objects
    found, totals = verify(store)
    assert (found, totals.chains_count) == ([], 2)
    store.objects[extra] = b"", {}
    assert told(verify(store)[0]) == [(Fault.ADDED, extra)]
    assert set(chain.logs) == set(other.logs)


def test_no_digests_at_all_is_an_error() -> None:
    with pytest.raises(PermanentError, match="there are no digests"):
        verify(MemoryStore({f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/x": (b"", {})}))
