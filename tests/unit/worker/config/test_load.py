from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.config import load
from worker.config.keys import known_keys
from worker.config.render import toml_value
from worker.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from worker.config import Config

    Load = Callable[..., Config]
    ProblemsOf = Callable[..., tuple[str, ...]]

QUEUE = '[source]\nqueue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"\n'

EVERYTHING_WRONG = """\
queue_url = "outside"
[source]
queue_ur = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
wait_time_s = 21
include_keys = ["ok", "("]
secret_access_key = 12
role_arn = "${NOT_THERE}"
uses_sns = "maybe"
[sourc]
[source.maping]
[source.mapping]
bucket = "bucket"
[decode]
level = "info"
[filter]
include = "eventName exists"
[output]
compresion = "gzip"
require_ack = "yes"
receiver = "vector"
[pool]
workers = 2.5
[state]
dir = ""
"""


def test_file_without_anything_but_the_queue_takes_the_defaults(
    load_text: Load,
) -> None:
    config = load_text()
    assert config.source.region == "eu-west-1"
    assert config.source.allowed_buckets == ("*",)
    assert config.source.exclude_keys == ("/CloudTrail-Digest/",)
    assert config.output.address == "unix:///run/trailfeed/forward.sock"
    assert config.output.scheme == "unix"
    assert config.pool.inflight_bytes == 268_435_456


def test_values_of_the_file_are_taken(load_text: Load) -> None:
    config = load_text(
        "uses_sns = true\n"
        'secret_access_key = "hush"\naccess_key_id = "AKIA"\n'
        'include_keys = ["a", "b$"]\n'
        '[output]\naddress = "stdout:"\nrequire_ack = false\nack_timeout_s = 0.5\n'
        '[log]\nlevel = "debug"\n'
    )
    assert config.source.uses_sns is True
    assert config.source.secret_access_key.get_secret_value() == "hush"
    assert config.source.include_keys == ("a", "b$")
    assert config.output.scheme == "stdout"
    assert config.output.ack_timeout_s == pytest.approx(0.5)
    assert config.log.level == "debug"


def test_every_problem_comes_at_once(problems_of: ProblemsOf) -> None:
    assert problems_of(EVERYTHING_WRONG, {"TRAILFEED_LOG_LEVL": "info"}, head="") == (
        "queue_url: stands in no section; did you mean source.queue_url?",
        "source.queue_ur: unknown key; did you mean source.queue_url?",
        "source.role_arn: environment variable NOT_THERE is not set",
        "source.maping: unknown key; did you mean source.mapping?",
        "sourc: unknown section; did you mean [source]?",
        "decode.level: unknown key; did you mean log.level?",
        "output.compresion: unknown key; did you mean output.compression?",
        "TRAILFEED_LOG_LEVL: sets no key of the configuration; "
        "did you mean TRAILFEED_LOG_LEVEL?",
        "source.queue_url: is required",
        "source.secret_access_key: expected a string, got an integer",
        'source.uses_sns: expected "auto", true or false, got "maybe"',
        "source.wait_time_s: must be at most 20, got 21",
        "source.include_keys: expected a regular expression (missing ), unterminated "
        'subpattern at position 0), got "("',
        "filter.include: expected an array, got a string",
        "output.require_ack: expected true or false, got a string",
        "pool.workers: expected an integer, got a float",
        "source.mapping.keys: is required with source.mapping.bucket",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[pool]\nworkers = true", "pool.workers: expected an integer, got a boolean"),
        ("[pool]\nworkers = -1", "pool.workers: must be at least 0, got -1"),
        (
            "[pool]\nworkers = 2025-01-01",
            "pool.workers: expected an integer, got a date or time",
        ),
        (
            f"[pool]\ninflight_bytes = 0x{'f' * 5000}",
            "pool.inflight_bytes: must be at most 9223372036854775807, "
            "got an integer beyond 64 bits",
        ),
        (
            "[pool]\ndrain_timeout_s = 0",
            "pool.drain_timeout_s: must be above 0, got 0",
        ),
        (
            "[pool]\ndrain_timeout_s = inf",
            "pool.drain_timeout_s: expected a finite number, got Infinity",
        ),
        (
            "[output]\nack_timeout_s = nan",
            "output.ack_timeout_s: expected a finite number, got NaN",
        ),
        ("allowed_buckets = []", "source.allowed_buckets: must not be empty"),
        ('allowed_buckets = [""]', "source.allowed_buckets: must not be empty"),
        (
            "include_keys = [1]",
            "source.include_keys: expected a string, got an integer",
        ),
        ("visibility_timeout_s = 43201", "source.visibility_timeout_s: must be at "),
        ("region = 3", "source.region: expected a string, got an integer"),
        ("[decode]\ncsv_delimiter = ';;'", "decode.csv_delimiter: expected one chara"),
        (
            "[log]\nlevel = 'loud\\n'",
            'log.level: expected "debug", "info", "warning", "error" or "critical", '
            'got "loud\\\\n"',
        ),
        (
            "[log]\nlevel = '" + "x" * 100 + "'",
            'log.level: expected "debug", "info", "warning", "error" or "critical", '
            f'got "{"x" * 78}…',
        ),
        ("[[log]]", "log: expected a table, got an array"),
        ("mapping = 3", "source.mapping: expected a table, got an integer"),
        ('"a\\nb" = 3', 'source."a\\nb": unknown key'),
        ("[zzz]", "zzz: unknown section; the sections are source, source.mapping, de"),
    ],
)
def test_problem_names_key_and_expectation(
    problems_of: ProblemsOf, text: str, problem: str
) -> None:
    (found,) = problems_of(text)
    assert found.startswith(problem)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[source\n", "is not TOML: Expected ']'"),
        (b"[source]\nqueue_url = 'a'\nqueue_url = 'b'\n", "is not TOML: Cannot over"),
        (b"[source]\n\nregion = '\xff'\n", "line 3 is not UTF-8"),
        (b"a = " + b"[" * 100_000, "is not TOML: nested too deeply"),
        (b"a = " + b"1" * 5_000, "is not TOML: Exceeds the limit"),
    ],
)
def test_file_that_is_no_toml_is_named(
    tmp_path: Path, data: bytes, problem: str
) -> None:
    path = tmp_path / "trailfeed.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as error:
        load(path, {})
    (found,) = error.value.problems
    assert found.startswith(f"{path}: {problem}")


def test_same_problem_of_two_items_is_told_once(problems_of: ProblemsOf) -> None:
    assert len(problems_of("include_keys = ['(', '(', '[']")) == 2


def test_toml_syntax_error_names_the_line(problems_of: ProblemsOf) -> None:
    (found,) = problems_of("region = \n")
    assert "line 3" in found


def test_byte_order_mark_and_crlf_of_other_editors_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "trailfeed.toml"
    path.write_bytes(b"\xef\xbb\xbf" + QUEUE.replace("\n", "\r\n").encode())
    assert load(path, {}).source.region == "eu-west-1"


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(ConfigError) as error:
            load(path, {})
        (found,) = error.value.problems
        assert found.startswith(f"{path}: cannot be read: ")


def test_environment_wins_over_the_file(load_text: Load) -> None:
    config = load_text(
        'profile = "${NOT_THERE}"\n'
        '[pool]\nworkers = 3\n[log]\nlevel = "wrong, but hidden"\n',
        {
            "TRAILFEED_SOURCE_PROFILE": "audit",
            "TRAILFEED_POOL_WORKERS": "5",
            "TRAILFEED_LOG_LEVEL": "error",
            "TRAILFEED_SOURCE_USES_SNS": "false",
            "TRAILFEED_OUTPUT_ADDRESS": "tcp://127.0.0.1:24224",
        },
    )
    assert config.source.profile == "audit"
    assert config.pool.workers == 5
    assert config.log.level == "error"
    assert config.source.uses_sns is False
    assert config.output.scheme == "tcp"


def test_problem_of_an_environment_value_names_the_variable(
    problems_of: ProblemsOf,
) -> None:
    assert problems_of(
        "", {"TRAILFEED_POOL_WORKERS": "-1", "TRAILFEED_OUTPUT_LINGER_MS": "soon"}
    ) == (
        "output.linger_ms: TRAILFEED_OUTPUT_LINGER_MS is no integer",
        "pool.workers: must be at least 0, got -1 (from TRAILFEED_POOL_WORKERS)",
    )


def test_environment_alone_can_set_everything(load_text: Load) -> None:
    config = load_text(
        environ={
            "TRAILFEED_SOURCE_QUEUE_URL": "http://127.0.0.1:5000/123456789012/q",
            "TRAILFEED_SOURCE_REGION": "us-east-1",
        },
        head="",
    )
    assert config.source.queue_url == "http://127.0.0.1:5000/123456789012/q"


def test_references_are_expanded_in_strings_and_lists(load_text: Load) -> None:
    config = load_text(
        'allowed_buckets = ["${STAGE}-logs", "a$$b", "$${c}"]\n'
        'access_key_id = "${ID}"\nsecret_access_key = "${SECRET}"\n',
        {"STAGE": "prod", "ID": "AKIA", "SECRET": "${ID}$$"},
    )
    assert config.source.allowed_buckets == ("prod-logs", "a$b", "${c}")
    # What a variable holds is taken as it is.
    assert config.source.secret_access_key.get_secret_value() == "${ID}$$"


def test_no_secret_shows_in_a_problem(problems_of: ProblemsOf) -> None:
    found = problems_of(
        'secret_access_key = ["hush"]\nregion = "${SECRET}"\n'
        'endpoint_url = "ftp://user:hush@host"\n'
        '[output]\nshared_key = "hush"\npassword = "hush"\n'
        'address = "tcp://user:hush@host:1"\n'
        "[redact]\nhash_key = {hush = 'hush'}\n",
        {
            "SECRET": "hush hush",
            "TRAILFEED_POOL_WORKERS": "hush",
            "TRAILFEED_SOURCE_SESSION_TOKEN": "hush",
        },
    )
    assert len(found) >= 6
    assert not [problem for problem in found if "hush" in problem]


def test_config_survives_pickling_and_shows_no_secret(load_text: Load) -> None:
    config = load_text('access_key_id = "AKIA"\nsecret_access_key = "hush"\n')
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own bytes
    assert "hush" not in repr(config)


TOML_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.sampled_from(["json", "none", "${X}", "$$", "1"]),
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data(), value=TOML_VALUES)
def test_no_value_of_any_key_escapes_as_another_error(
    problems_of: ProblemsOf, data: st.DataObject, value: object
) -> None:
    dotted = data.draw(st.sampled_from(sorted(known_keys())))
    text = _toml(value)
    section, _, name = dotted.rpartition(".")
    for problem in problems_of(f"[{section}]\n{name} = {text}\n", head=""):
        assert "\n" not in problem
        assert problem.partition(":")[0] in {*known_keys(), "output.tls_*"}


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, float):
        return repr(value)
    return toml_value(value)


class TestWhatTheReceiverChooses:
    def test_the_window_of_vector_is_larger(self, load_text: Load) -> None:
        output = load_text(
            '[output]\nreceiver = "vector"\naddress = "tcp://h:1"\n'
        ).output
        assert (output.window_chunks, output.window_bytes) == (64, 16_777_216)

    @pytest.mark.parametrize("receiver", ['["vector"]', "1", '"loki"'])
    def test_nothing_of_a_receiver_that_is_none(
        self, problems_of: ProblemsOf, receiver: str
    ) -> None:
        (problem,) = problems_of(f"[output]\nreceiver = {receiver}\n")
        assert problem.startswith("output.receiver: ")

    def test_what_is_set_is_kept(self, load_text: Load) -> None:
        output = load_text(
            '[output]\nreceiver = "vector"\naddress = "tcp://h:1"\nwindow_chunks = 8\n',
            {"TRAILFEED_OUTPUT_WINDOW_BYTES": "4194304"},
        ).output
        assert (output.window_chunks, output.window_bytes) == (8, 4_194_304)

    @pytest.mark.parametrize("receiver", ["fluent-bit", "fluentd", "otel", "generic"])
    def test_others_have_the_documented_one(
        self, load_text: Load, receiver: str
    ) -> None:
        output = load_text(
            f'[output]\nreceiver = "{receiver}"\naddress = "tcp://h:1"\n'
        ).output
        assert (output.window_chunks, output.window_bytes) == (8, 4_194_304)


def test_a_wrong_rule_or_path_is_named_with_its_column(problems_of: ProblemsOf) -> None:
    found = problems_of(
        '[filter]\ninclude = ["a exists", "eventName Describe*"]\n'
        '[redact]\npaths = ["a..b"]'
    )
    assert list(found) == [
        "filter.include: expected =, !=, ~, !~, in, not in, exists or not exists at "
        'column 11, got "eventName Describe*"',
        "redact.paths: expected a field's name at column 3 (a dot stands between "
        r'names; one in a name is written "\."), got "a..b"',
    ]
