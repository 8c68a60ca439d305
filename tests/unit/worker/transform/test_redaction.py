from __future__ import annotations

import copy
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.record_paths import parse_path
from worker.transform.presets import PRESETS
from worker.transform.redaction import MASK, Action, Redactor


def _redactor(
    *paths: str, action: Action = "mask", hash_key: bytes = b"key"
) -> Redactor:
    return Redactor(map(parse_path, paths), action=action, hash_key=hash_key)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"a": MASK, "e": [{"b": 1}, {"b": 2, "c": 3}], "n": None}),
        (
            "a.b",
            {"a": {"b": MASK, "c": "x"}, "e": [{"b": 1}, {"b": 2, "c": 3}], "n": None},
        ),
        (
            "a.*",
            {"a": {"b": MASK, "c": MASK}, "e": [{"b": 1}, {"b": 2, "c": 3}], "n": None},
        ),
        (
            "e.*.b",
            {
                "a": {"b": "s", "c": "x"},
                "e": [{"b": MASK}, {"b": MASK, "c": 3}],
                "n": None,
            },
        ),
        ("e.1", {"a": {"b": "s", "c": "x"}, "e": [{"b": 1}, MASK], "n": None}),
        (
            "*.b",
            {"a": {"b": MASK, "c": "x"}, "e": [{"b": 1}, {"b": 2, "c": 3}], "n": None},
        ),
        ("*", {"a": MASK, "e": MASK, "n": None}),
    ],
)
def test_paths_lead_to_what_is_masked(path: str, expected: dict[str, Any]) -> None:
    record = {"a": {"b": "s", "c": "x"}, "e": [{"b": 1}, {"b": 2, "c": 3}], "n": None}
    before = copy.deepcopy(record)
    assert _redactor(path).redact(record) == expected
    assert record == before


@pytest.mark.parametrize(
    "path", ["x", "a.b.c", "a.b.*", "e.0.x", "e.9", "e.x", "n", "n.*"]
)
def test_what_is_not_there_changes_nothing(path: str) -> None:
    record = {"a": {"b": "s"}, "e": [{"b": 1}], "n": None}
    redactor = _redactor(path)
    assert redactor.redact(record) is record
    assert redactor.values_count == 0


def test_paths_may_overlap() -> None:
    redactor = _redactor("a.*.x", "a.b.y", "a.b", "c.*", "c.d.e")
    record = {"a": {"b": {"x": 1, "y": 2}, "f": {"x": 3, "y": 4}}, "c": {"d": {"e": 5}}}
    assert redactor.redact(record) == {
        "a": {"b": MASK, "f": {"x": MASK, "y": 4}},
        "c": {"d": MASK},
    }


def test_removal_takes_keys_and_entries_away() -> None:
    redactor = _redactor("a.b", "e.0", "e.*.c", action="remove")
    record = {"a": {"b": "s"}, "e": [{"b": 1}, {"b": 2, "c": 3}]}
    assert redactor.redact(record) == {"a": {}, "e": [{"b": 2}]}
    assert redactor.values_count == 3


def test_a_hash_is_keyed_and_the_same_for_equal_values() -> None:
    redactor = _redactor("a", "b", action="hash")
    digest = hmac.new(b"key", b"secret \xc3\xa9", hashlib.sha256).hexdigest()
    assert redactor.redact({"a": "secret é"}) == {"a": f"hmac-sha256:{digest}"}
    hashed = redactor.redact({"a": {"x": 1, "y": 2}, "b": {"y": 2, "x": 1}})
    assert hashed["a"] == hashed["b"]
    other = _redactor("a", action="hash", hash_key=b"other").redact({"a": "secret é"})
    assert other["a"] != f"hmac-sha256:{digest}"


@pytest.mark.parametrize("value", [10**40, "\ud800", {"a": "\ud800"}, float("inf")])
def test_odd_values_can_be_hashed(value: object) -> None:
    hashed = _redactor("a", action="hash").redact({"a": value})
    assert hashed["a"].startswith("hmac-sha256:")


def test_what_is_too_deep_to_be_hashed_is_masked() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert _redactor("a", action="hash").redact({"a": deep}) == {"a": MASK}


@pytest.mark.parametrize(
    ("preset", "record", "gone"),
    [
        (
            "credentials",
            {
                "responseElements": {
                    "credentials": {"sessionToken": "T", "accessKeyId": "A"}
                }
            },
            {
                "responseElements": {
                    "credentials": {"sessionToken": MASK, "accessKeyId": "A"}
                }
            },
        ),
        (
            "sqs-message-content",
            {
                "requestParameters": {
                    "queueUrl": "q",
                    "entries": [{"id": 1, "messageBody": "M"}],
                }
            },
            {
                "requestParameters": {
                    "queueUrl": "q",
                    "entries": [{"id": 1, "messageBody": MASK}],
                }
            },
        ),
    ],
)
def test_presets_blank_the_value_and_nothing_beside_it(
    preset: str, record: dict[str, Any], gone: dict[str, Any]
) -> None:
    assert _redactor(*PRESETS[preset].paths).redact(record) == gone


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("ab01"), inner, max_size=4)
    ),
    max_leaves=12,
)
PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "0", "1", None]), min_size=1, max_size=4).map(
        tuple
    ),
    min_size=1,
    max_size=4,
)


def _one_by_one(value: Any, path: tuple[str | None, ...]) -> Any:
    """The same by the book: one path, everything copied."""
    if not path:
        return value if value is None else MASK
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {
            key: _one_by_one(inner, rest) if name in (None, key) else inner
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [
            _one_by_one(inner, rest) if name in (None, str(index)) else inner
            for index, inner in enumerate(value)
        ]
    return value


@given(record=st.dictionaries(st.sampled_from("ab01"), VALUES), paths=PATHS)
def test_all_paths_at_once_do_what_each_does_alone(
    record: dict[str, Any], paths: list[tuple[str | None, ...]]
) -> None:
    before = copy.deepcopy(record)
    expected = record
    # Shorter ones last: a masked value has nothing inside it any more.
    for path in sorted(paths, key=len, reverse=True):
        expected = _one_by_one(expected, path)
    assert Redactor(paths, action="mask").redact(record) == expected
    assert record == before
