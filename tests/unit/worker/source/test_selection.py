from __future__ import annotations

import pytest

from worker.errors import UnknownMessageError
from worker.source.notifications import Ignored, Notification, ObjectRef
from worker.source.selection import Selection


def selected(
    *keys: str,
    bucket: str = "trail-logs",
    allowed_buckets: tuple[str, ...] = ("*",),
    include_keys: tuple[str, ...] = (),
    exclude_keys: tuple[str, ...] = (),
) -> tuple[list[str], tuple[Ignored, ...]]:
    """Which keys are left, and what was ignored."""
    selection = Selection(
        allowed_buckets=allowed_buckets,
        include_keys=include_keys,
        exclude_keys=exclude_keys,
    )
    found = selection.select(
        Notification(
            objects=tuple(ObjectRef(bucket, key) for key in keys),
            ignored=(Ignored("other_event_type"),),
        )
    )
    return [ref.key for ref in found.objects], found.ignored


def test_without_settings_everything_is_wanted() -> None:
    assert selected("b", "a") == (["b", "a"], (Ignored("other_event_type"),))


def test_excluded_keys_are_ignored_by_their_reason() -> None:
    digest, file = "AWSLogs/1/CloudTrail-Digest/x.json.gz", "AWSLogs/1/CloudTrail/x.gz"
    assert selected(digest, file, exclude_keys=("/CloudTrail-Digest/",)) == (
        [file],
        (Ignored("other_event_type"), Ignored("excluded_key", "trail-logs", digest)),
    )


def test_one_included_pattern_is_enough_and_exclusion_wins() -> None:
    keys, _ = selected(
        "a/1.gz",
        "b/1.gz",
        "c/1.gz",
        "b/digest.gz",
        include_keys=("^a/", "^b/"),
        exclude_keys=("digest",),
    )

    assert keys == ["a/1.gz", "b/1.gz"]


@pytest.mark.parametrize("pattern", ["trail-logs", "trail-*", "*", "trail-log?"])
def test_an_allowed_bucket_matches_a_shell_pattern(pattern: str) -> None:
    assert selected("a", allowed_buckets=("other", pattern))[0] == ["a"]


@pytest.mark.parametrize("pattern", ["trail", "Trail-logs", "logs", "trail-logs?"])
def test_another_bucket_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownMessageError, match=r"s3://trail-logs/a\b") as caught:
        selected("a", allowed_buckets=(pattern,))

    assert caught.value.code == "forbidden_bucket"
    assert "source.on_unknown_message" in str(caught.value)


@pytest.mark.parametrize(
    ("exclude_keys", "expected"),
    [
        (("/CloudTrail-Digest/",), True),
        (("Digest",), True),
        (("/CloudTrail/",), False),
        # These could be found in the folder, and in no key below it.
        (("/CloudTrail-Digest/$",), False),
        (("/CloudTrail-Digest/(?!x)",), False),
        ((), False),
    ],
)
def test_a_folder_is_left_out_only_beyond_doubt(
    exclude_keys: tuple[str, ...], expected: bool
) -> None:
    selection = Selection(
        allowed_buckets=("*",), include_keys=(), exclude_keys=exclude_keys
    )
    assert selection.leaves_out("AWSLogs/1/CloudTrail-Digest/") == expected
