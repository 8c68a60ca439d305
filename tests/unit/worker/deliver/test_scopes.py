"""The smallest part of S3 that explains failed reads, and what is not in it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.fakes.calls import make_message
from worker.deliver.ledger import HeldMessage, HeldObject
from worker.deliver.scopes import (
    EVERYTHING_OBJECTS,
    HEALTHY_S,
    MAX_SCOPES,
    MAX_TRY_S,
    SUSPICIOUS_ATTEMPTS,
    SUSPICIOUS_OBJECTS,
    Scopes,
)
from worker.errors import CommonFaultError, DownloadError
from worker.source.notifications import ObjectRef

FAILED = DownloadError("server_error", "S3 failed")
REFUSED = CommonFaultError("credentials_refused", "no")
KMS = CommonFaultError("kms", "no")


class Scene:
    def __init__(self) -> None:
        self.scopes = Scopes()
        self._made = 0

    def item(self, place: str) -> HeldObject:
        """One of a bucket and its folders: ``bucket/folder/``."""
        self._made += 1
        bucket, _, folders = place.partition("/")
        ref = ObjectRef(bucket, f"{folders}{self._made}.json.gz")
        holder = HeldMessage(make_message(self._made), 0.0, 0.0)
        return HeldObject(ref, holder, claimant=str(self._made))

    def fail(
        self, place: str, count: int, error: DownloadError | CommonFaultError = FAILED
    ) -> list[HeldObject]:
        items = [self.item(place) for _ in range(count)]
        for item in items:
            item.attempts += 1
            self.scopes.failed(item, error, 0.0)
        return items

    def read(self, place: str, now: float = 0.0) -> list[str]:
        cleared = self.scopes.read(self.item(place).ref, now)
        return [scope.url for scope in cleared if scope.path]

    def suspended(self, place: str) -> str:
        scope = self.scopes.suspended(self.item(place).ref)
        return scope.url if scope is not None else ""


def test_a_bucket_is_suspended_by_several_objects_or_by_one_again_and_again() -> None:
    scene = Scene()
    scene.fail("a", SUSPICIOUS_OBJECTS - 1)
    (item,) = scene.fail("b", 1)
    assert (scene.suspended("a"), scene.suspended("b")) == ("", "")
    scene.fail("a", 1)
    while item.attempts < SUSPICIOUS_ATTEMPTS:
        item.attempts += 1
        scene.scopes.failed(item, FAILED, 0.0)
    assert (scene.suspended("a"), scene.suspended("b")) == ("s3://a/", "s3://b/")
    assert scene.suspended("c") == ""
    assert list(scene.scopes.failing_buckets()) == ["a", "b"]


def test_what_is_read_in_a_bucket_leaves_the_folder_that_fails() -> None:
    scene = Scene()
    scene.fail("logs/AWSLogs/111/", SUSPICIOUS_OBJECTS)
    assert scene.suspended("logs/AWSLogs/222/") == "s3://logs/", "nothing else is known"
    assert scene.read("logs/AWSLogs/222/") == ["s3://logs/", "s3://logs/AWSLogs/"]
    assert scene.suspended("logs/AWSLogs/222/") == ""
    assert scene.suspended("logs/AWSLogs/111/") == "s3://logs/AWSLogs/111/"
    assert scene.read("logs/AWSLogs/111/") == ["s3://logs/AWSLogs/111/"]
    assert scene.suspended("logs/AWSLogs/111/") == ""


def test_a_folder_of_any_name_is_one_word_of_a_log_line() -> None:
    scene = Scene()
    scene.fail("logs/a key=b\x1b/", SUSPICIOUS_OBJECTS)
    scene.read("logs/other/")
    assert scene.suspended("logs/a key=b\x1b/") == r'"s3://logs/a key=b\x1b/"'


def test_days_and_regions_are_no_scopes_of_their_own() -> None:
    scene = Scene()
    deep = "logs/AWSLogs/111/CloudTrail/us-east-1/2026/11/20/"
    scene.fail(deep, SUSPICIOUS_OBJECTS)
    scene.read("logs/AWSLogs/222/")
    assert scene.suspended(deep) == "s3://logs/AWSLogs/111/"


def test_one_object_at_a_time_is_tried_and_more_and_more_rarely() -> None:
    scene = Scene()
    first, second, *_ = scene.fail("a", SUSPICIOUS_OBJECTS)
    scope = scene.scopes.suspended(first.ref)
    assert scope is not None
    now, pauses = 0.0, []
    for _ in range(10):
        while not scope.lets_try(first, now):
            now += 0.5
        assert scope.lets_try(first, now), "it is the one, however often one asks"
        assert not scope.lets_try(second, now)
        pauses.append(now)
        first.attempts += 1
        scene.scopes.failed(first, FAILED, now)
    waits = [after - before for before, after in pairwise(pauses)]
    assert waits == sorted(waits)
    assert waits[-1] == MAX_TRY_S
    assert not scope.lets_try(scene.item("a"), now), "nor is one that was never tried"


def test_what_is_new_in_a_bucket_with_one_bad_object_is_tried_at_once() -> None:
    scene = Scene()
    (bad,) = scene.fail("a", 1)
    bad.attempts = SUSPICIOUS_ATTEMPTS
    scene.scopes.failed(bad, FAILED, 0.0)
    new = scene.item("a")
    scope = scene.scopes.suspended(new.ref)
    assert scope is not None
    assert not scope.lets_try(bad, 0.0)
    assert scope.lets_try(new, 0.0)


@pytest.mark.parametrize(
    ("error", "is_everything"), [(FAILED, False), (KMS, False), (REFUSED, True)]
)
def test_a_bucket_that_was_read_shows_that_not_everything_fails(
    error: DownloadError, is_everything: bool
) -> None:
    scene = Scene()
    scene.read("good")
    scene.fail("bad", EVERYTHING_OBJECTS, error)
    assert (scene.scopes.everything is not None) == is_everything
    scene.read("good", HEALTHY_S / 2)
    assert scene.scopes.everything is None
    items = scene.fail("bad", EVERYTHING_OBJECTS)
    scene.scopes.failed(items[0], FAILED, 2 * HEALTHY_S)
    assert scene.scopes.everything is not None, "that was long ago"


def test_scopes_are_bounded() -> None:
    scene = Scene()
    for number in range(MAX_SCOPES + 10):
        scene.fail(f"bucket-{number}", SUSPICIOUS_OBJECTS)
    assert len(scene.scopes.failing_buckets()) < MAX_SCOPES
    assert scene.suspended(f"bucket-{MAX_SCOPES}")
