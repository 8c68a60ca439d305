from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.config.environment import expand
from worker.config.keys import known_keys
from worker.config.render import MASK, render, toml_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config import Config

    Load = Callable[..., Config]

TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.text(alphabet='${}A"\\\x7f')
)


def test_every_key_is_written_in_order(load_text: Load) -> None:
    table = tomllib.loads(render(load_text()))
    written = [
        f"{section}.{name}.{inner}" if isinstance(value, dict) else f"{section}.{name}"
        for section, entries in table.items()
        for name, value in entries.items()
        for inner in (value if isinstance(value, dict) else [""])
    ]
    assert written == list(known_keys())


def test_secrets_are_masked_and_only_where_set(load_text: Load) -> None:
    text = render(load_text('access_key_id = "AKIA"\nsecret_access_key = "hush"\n'))
    assert "hush" not in text
    assert f'secret_access_key = "{MASK}"' in text
    assert 'session_token = ""' in text
    assert 'access_key_id = "AKIA"' in text


def test_what_is_rendered_loads_as_it_was(load_text: Load) -> None:
    config = load_text(
        "uses_sns = false\nallowed_buckets = ['a\"b', 'c\\d']\n"
        "include_keys = ['\\.json$', '$$${X}']\nprofile = 'ü \t🐾'\n"
        "[output]\nack_timeout_s = 1.5\n",
        {"X": "$"},
    )
    assert config.source.include_keys == (r"\.json$", "$$")
    assert load_text(render(config), head="") == config
    assert render(load_text(render(config), head="")) == render(config)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(profile=TEXT, buckets=st.lists(TEXT.filter(bool), min_size=1))
def test_any_text_survives_rendering(
    load_text: Load, profile: str, buckets: list[str]
) -> None:
    config = load_text()
    source = config.source.model_copy(
        update={"profile": profile, "allowed_buckets": tuple(buckets)}
    )
    config = config.model_copy(update={"source": source})
    assert load_text(render(config), head="") == config


@given(st.one_of(st.booleans(), st.integers(0, 2**63 - 1), TEXT))
def test_value_is_toml(value: bool | int | str) -> None:
    read = tomllib.loads(f"key = {toml_value(value)}")["key"]
    assert (expand(read, {}) if isinstance(read, str) else read) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(190.0, "190"), (0.5, "0.5"), ((), "[]"), (("a", "b"), '["a", "b"]')],
)
def test_value_is_written_for_people(value: object, text: str) -> None:
    assert toml_value(value) == text


def test_value_of_no_key_is_refused() -> None:
    with pytest.raises(TypeError, match="no TOML for NoneType"):
        toml_value(None)
