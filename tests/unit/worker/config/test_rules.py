from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from worker.config import Config
from worker.config.keys import known_keys
from worker.config.rules import RULES, problems

if TYPE_CHECKING:
    from collections.abc import Callable

    ProblemsOf = Callable[..., tuple[str, ...]]

QUEUE = '[source]\nqueue_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"\n'
LOCAL = '[source]\nqueue_url = "http://127.0.0.1:5000/123456789012/q"\n'


TOGETHER = [
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
    ("verify_sns = true\nuses_sns = false", "source.verify_sns: needs source.uses_sns"),
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
        '[decode]\nformat = "csv"\n[output]\nrecord = "raw"',
        'output.record: "raw" cannot go with decode.format = "csv"',
    ),
    (
        '[decode]\nformat = "lines"\nrecord_location = "a"',
        'decode.record_location: is for decode.format = "json", not "lines"; leave it',
    ),
    (
        '[decode]\nformat = "wsv"\nshape = "file"',
        'decode.shape: is for decode.format = "json", not "wsv"',
    ),
    (
        '[decode]\ncsv_columns = ["a"]',
        'decode.csv_columns: is for decode.format = "csv" or "wsv", not "json"',
    ),
    (
        '[decode]\nformat = "wsv"\ncsv_delimiter = ";"',
        'decode.csv_delimiter: is for decode.format = "csv", not "wsv"',
    ),
    (
        '[decode]\nformat = "csv"\ncsv_columns = ["a", "b", "a"]',
        'decode.csv_columns: "a" stands there more than once',
    ),
    (
        '[decode]\nwith_metadata = true\nid_field = "_metadata"',
        'decode.id_field: "_metadata" is decode.metadata_field too',
    ),
    (
        '[redact]\npaths = ["a"]\n[output]\nrecord = "raw"',
        'redact.paths: cannot go with output.record = "raw"',
    ),
    (
        '[decode]\nshape = "file"\n[redact]\npresets = ["credentials"]',
        'redact.presets: cannot go with decode.shape = "file"',
    ),
    (
        '[decode]\nshape = "file"\n[enrich]\naudit = true',
        'enrich.audit: cannot go with decode.shape = "file"',
    ),
    (
        '[decode]\nshape = "file"\n[enrich]\nschema = "ecs"',
        'enrich.schema: cannot go with decode.shape = "file"',
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
    ('[output]\nself_hostname = "h"', "output.self_hostname: is given in a handshake"),
    (
        '[output]\nreceiver = "vector"\naddress = "tcp://h:1"\nshared_key = "k"',
        "output.shared_key: Vector asks for no shared key",
    ),
    (
        '[output]\nreceiver = "otel"\naddress = "tls://h:1"',
        "output.address: the OpenTelemetry Collector speaks no TLS",
    ),
    (
        '[output]\nreceiver = "otel"\naddress = "tcp://h:1"\ncompression = "zstd"',
        "output.compression: the OpenTelemetry Collector cannot read zstd",
    ),
    ("[output]\nchunk_bytes = 1000000", "output.chunk_bytes: 1000000 bytes are more"),
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
]


def test_rules_name_known_keys() -> None:
    assert {key for rule in RULES for key in rule.keys} <= set(known_keys())


@pytest.mark.parametrize(("text", "problem"), TOGETHER)
def test_keys_that_do_not_go_together(
    problems_of: ProblemsOf, text: str, problem: str
) -> None:
    found = problems_of(text)
    assert [line for line in found if line.startswith(problem)], found


@pytest.mark.parametrize(("text", "problem"), TOGETHER)
def test_keys_that_do_not_go_together_are_told_whatever_else_is_wrong(
    text: str, problem: str
) -> None:
    """A wrong key hides only what it has a part in itself.

    That are the keys in the text and in the problem, and those that could excuse it.
    """
    table = tomllib.loads(QUEUE + text)
    config = Config.model_validate(table)
    line = next(one for one in problems(config) if one.startswith(problem))
    has_part = {
        key
        for key in known_keys()
        if re.search(rf"{re.escape(key)}\b", line) or _stands_in(table, key)
    }
    if "output" in table:
        has_part |= {"output.address", "output.receiver"}
    if line.startswith("source.region"):
        has_part |= {"source.endpoint_url", "source.sqs_endpoint_url"}
    assert line in problems(config, known_keys().keys() - has_part)


def _stands_in(table: object, dotted: str) -> bool:
    for part in dotted.split("."):
        if not isinstance(table, dict) or part not in table:
            return False
        table = table[part]
    return True


def test_a_wrong_receiver_hides_no_wrong_address(problems_of: ProblemsOf) -> None:
    found = problems_of('[output]\nreceiver = "loki"\naddress = "tcp://localhost"')
    assert [line.partition(":")[0] for line in found] == [
        "output.receiver",
        "output.address",
    ]


def test_every_key_that_is_wrong_by_itself_is_named_at_once(
    problems_of: ProblemsOf,
) -> None:
    sections: dict[str, list[str]] = {}
    for key in known_keys().values():
        # No key takes a date.
        sections.setdefault(key.section, []).append(f"{key.name} = 1979-05-27\n")
    text = "".join(f"[{name}]\n{''.join(keys)}" for name, keys in sections.items())
    found = problems_of(text, head="")
    assert {line.partition(":")[0] for line in found} == set(known_keys())


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
        '[output]\naddress = "tls://h:1"\ntls_ca_file = "/ca"\ntls_server_name = "n"\n'
        'tls_cert_file = "/c"\ntls_key_file = "/k"\ncompression = "zstd"',
        '[output]\nshared_key = "k"\nusername = "u"\npassword = "p"\n'
        'self_hostname = "h"\ncompression = "gzip"',
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
