from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config.keys import known_keys
from worker.config.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    ProblemsOf = Callable[..., tuple[str, ...]]

LOCAL = '[source]\nqueue_url = "http://127.0.0.1:5000/123456789012/q"\n'


def test_rules_name_known_keys() -> None:
    assert {key for rule in RULES for key in rule.keys} <= set(known_keys())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('region = "us-east-1"', 'source.region: "us-east-1" is not the region of '),
        ("wait_time_s = 20\nvisibility_timeout_s = 20", "source.visibility_timeout_s:"),
        ('access_key_id = "A"', "source.secret_access_key: is required"),
        ('secret_access_key = "s"', "source.access_key_id: is required"),
        ('session_token = "t"', "source.session_token: needs source.access_key_id"),
        (
            'profile = "p"\naccess_key_id = "A"\nsecret_access_key = "s"',
            "source.profile: cannot go with source.access_key_id",
        ),
        ('external_id = "id"', "source.external_id: needs source.role_arn"),
        ('[source.mapping]\nbucket = "b"', "source.mapping.keys: is required"),
        ('[source.mapping]\nkeys = "k"', "source.mapping.bucket: is required"),
        (
            'on_unknown_message = "quarantine"\n[state]\ndir = ""',
            'source.on_unknown_message: "quarantine" needs a dir',
        ),
        (
            'on_missing_object = "quarantine"\non_unknown_message = "retry"\n'
            '[state]\ndir = ""',
            'source.on_missing_object: "quarantine" needs a directory in state.dir, '
            'which is empty; set one, or choose "retry" or "delete"',
        ),
        (
            'on_bad_object = "quarantine"\non_unknown_message = "delete"\n'
            '[state]\ndir = ""',
            'source.on_bad_object: "quarantine" needs a directory in state.dir, '
            'which is empty; set one, or choose "retry"',
        ),
        (
            '[redact]\npaths = ["a"]\naction = "hash"',
            "redact.hash_key: is required with",
        ),
        (
            '[redact]\npaths = ["a"]\n[output]\nrecord = "raw"',
            'redact.paths: cannot go with output.record = "raw"',
        ),
        (
            '[redact]\npresets = ["credentials"]\n[output]\nrecord = "raw"',
            "redact.presets: cannot go with output.record",
        ),
        (
            '[enrich]\naudit = true\n[output]\nrecord = "raw"',
            "enrich.audit: cannot go with output.record",
        ),
        (
            '[enrich]\nschema = "ocsf"\n[output]\nrecord = "raw"',
            "enrich.schema: cannot go with output.record",
        ),
        (
            '[decode]\nid_field = "id"\n[output]\nrecord = "raw"',
            "decode.id_field: cannot go with output.record",
        ),
        (
            '[decode]\nwith_metadata = true\n[output]\nrecord = "raw"',
            "decode.with_metadata: cannot go with output.record",
        ),
        ('[output]\naddress = "stdout:"', "output.require_ack: "),
        (
            '[output]\nreceiver = "vector"',
            "output.require_ack: ",
        ),
        ('[output]\nencoding = "json"', "output.encoding: "),
        (
            '[output]\nreceiver = "otel"\naddress = "stdout:"\nrequire_ack = false',
            "output.address: ",
        ),
        ('[output]\naddress = "unix://relative.sock"', "output.address: "),
        ('[output]\naddress = "tcp://host"', "output.address: "),
        ('[output]\nreceiver = "vector"\ncompression = "zstd"', "output.compression: "),
        ('[output]\nusername = "u"\npassword = "p"', "output.username: "),
        ('[output]\nusername = "u"', "output.password: is required"),
        ('[output]\npassword = "p"', "output.username: is required"),
        ('[output]\ntls_ca_file = "/ca"', "output.tls_*: "),
        ('[output]\ntls_cert_file = "/c"', "output.tls_key_file: is required"),
        ('[output]\ntls_key_file = "/k"', "output.tls_cert_file: is required"),
        (
            "[output]\nchunk_bytes = 300000\nwindow_bytes = 200000",
            "output.window_bytes: 200000 must hold at least one chunk",
        ),
        (
            "[pool]\ninflight_bytes = 200000",
            "pool.inflight_bytes: 200000 must hold at least one chunk",
        ),
    ],
)
def test_keys_that_do_not_go_together(
    problems_of: ProblemsOf, text: str, problem: str
) -> None:
    found = problems_of(text)
    assert [line for line in found if line.startswith(problem)], found


def test_region_is_required_where_the_queue_names_none(
    problems_of: ProblemsOf,
) -> None:
    (found,) = problems_of(head=LOCAL)
    assert found.startswith("source.region: is required")
    assert problems_of('region = "us-east-1"\n', head=LOCAL) == ()


@pytest.mark.parametrize("key", ["endpoint_url", "sqs_endpoint_url"])
def test_an_endpoint_of_its_own_may_be_in_any_region(
    problems_of: ProblemsOf, key: str
) -> None:
    text = f'region = "us-east-1"\n{key} = "http://127.0.0.1:5000"\n'
    assert problems_of(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        'access_key_id = "A"\nsecret_access_key = "s"\nsession_token = "t"',
        'role_arn = "arn:aws:iam::123456789012:role/r"\nexternal_id = "id"',
        'on_unknown_message = "retry"\n[state]\ndir = ""',
        '[output]\naddress = "tcp://127.0.0.1:24224"\nreceiver = "vector"',
        '[output]\naddress = "unix:///s"\nreceiver = "fluentd"\nrequire_ack = false',
        '[output]\naddress = "unix://@abstract"\nreceiver = "otel"',
        '[output]\naddress = "stdout:"\nreceiver = "generic"\nencoding = "json"\n'
        "require_ack = false",
    ],
)
def test_keys_that_go_together(problems_of: ProblemsOf, text: str) -> None:
    assert problems_of(text) == ()


def test_rule_is_not_judged_by_a_stand_in(problems_of: ProblemsOf) -> None:
    """A wrong state.dir must not also be called missing, nor a wrong URL regionless."""
    assert problems_of("[state]\ndir = 3") == (
        "state.dir: expected a string, got an integer",
    )
    (found,) = problems_of(head='[source]\nqueue_url = "nonsense"\n')
    assert found.startswith("source.queue_url: expected an http:// or https:// URL")


def test_without_a_directory_the_default_of_unknown_messages_is_no_problem(
    problems_of: ProblemsOf,
) -> None:
    assert problems_of('[state]\ndir = ""') == ()
