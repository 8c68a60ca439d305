from __future__ import annotations

import copy
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.record_paths import parse_deep_path, parse_path
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


# Any depth -----------------------------------------------------------------------


def _deep(*paths: str, action: Action = "mask") -> Redactor:
    parsed = [*map(parse_deep_path, paths)]
    return Redactor(
        [path[0] for path in parsed if len(path) == 1],
        action=action,
        hash_key=b"key",
        deep_paths=[path for path in parsed if len(path) > 1],
    )


DEEP: dict[str, Any] = {
    "p": "top",
    "a": {"p": "1", "n": None, "b": [{"p": {"p": "2"}}, [{"p": "3"}], "p"]},
    "c": {"b": {"p": "4", "q": "5"}},
}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (
            ["**.p"],
            {
                "p": MASK,
                "a": {"p": MASK, "n": None, "b": [{"p": MASK}, [{"p": MASK}], "p"]},
                "c": {"b": {"p": MASK, "q": "5"}},
            },
        ),
        (["c.**.p"], {**DEEP, "c": {"b": {"p": MASK, "q": "5"}}}),
        (["c.**.**.p"], {**DEEP, "c": {"b": {"p": MASK, "q": "5"}}}),
        (["c.**.b.p", "c.b.q"], {**DEEP, "c": {"b": {"p": MASK, "q": MASK}}}),
        (["**.b.**.q"], {**DEEP, "c": {"b": {"p": "4", "q": MASK}}}),
        (["**.b.0"], {**DEEP, "a": {**DEEP["a"], "b": [MASK, *DEEP["a"]["b"][1:]]}}),
        (["c.**.*"], {**DEEP, "c": {"b": MASK}}),
        (["**.n", "**.x", "x.**.p"], DEEP),
    ],
)
def test_any_depth(paths: list[str], expected: dict[str, Any]) -> None:
    record = copy.deepcopy(DEEP)
    assert _deep(*paths).redact(record) == expected
    assert record == DEEP


def test_what_has_nothing_of_it_comes_back_itself() -> None:
    assert _deep("**.x", "a.**.y").redact(DEEP) is DEEP


def test_removal_at_any_depth() -> None:
    assert _deep("**.p", "**.b.2", action="remove").redact(DEEP) == {
        "a": {"n": None, "b": [{}, [{}]]},
        "c": {"b": {"q": "5"}},
    }


def test_two_paths_to_one_value_blank_it_once() -> None:
    redactor = _deep("a.p", "**.p", "a.**.p", action="hash")
    assert redactor.redact({"a": {"p": "x"}}) == _deep("a.p", action="hash").redact(
        {"a": {"p": "x"}}
    )
    assert redactor.values_count == 1


@pytest.mark.parametrize("action", ["mask", "remove", "hash"])
def test_what_is_too_deep_to_be_looked_into_is_blanked_whole(action: Action) -> None:
    deep: Any = {"p": "secret"}
    for number in range(20_000):
        deep = [deep] if number % 2 else {"x": deep}
    found: Any = _deep("**.p", action=action).redact({"a": deep})
    while isinstance(found, dict | list) and found:
        (found,) = found.values() if isinstance(found, dict) else found
    assert found in ([], {}) or str(found).startswith((MASK, "hmac-sha256:"))


@pytest.mark.parametrize("text", ["**", "a.**", "a.**.", "**.**", "**..a", "a..**.b"])
def test_any_depth_needs_a_name_after_it(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_deep_path(text)


@pytest.mark.parametrize(
    ("preset", "record"),
    [
        ("secrets", {"a": [{"b": {"masterUserPassword": "S"}}], "x": "S"}),
        ("secrets", {"responseElements": {"credentials": {"sessionToken": "S"}}}),
        ("sns-message-content", {"requestParameters": {"message": "S"}}),
        ("sqs-message-content", {"responseElements": {"mD5OfMessageBody": "S"}}),
        ("sqs-message-content", {"requestParameters": {"receiptHandle": "S"}}),
        ("credentials", {"requestParameters": {"password": "S"}}),
        (
            "credentials",
            {"responseElements": {"credentialSet": [{"credentials": "S"}]}},
        ),
        ("credentials", {"responseElements": {"sessionToken": "S"}}),
        (
            "credentials",
            {
                "requestParameters": {
                    "containerDefinitions": [
                        {"environment": [{"name": "n", "value": "S"}]}
                    ]
                }
            },
        ),
    ],
)
def test_presets_know_where_secrets_are(preset: str, record: dict[str, Any]) -> None:
    text = repr(_deep(*PRESETS[preset].paths).redact(record) | {"x": ""})
    assert MASK in text
    assert "'S'" not in text
