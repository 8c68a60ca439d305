"""Keys judged against each other, once each is right by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from plugin_bridge import receivers
from plugin_bridge.addresses import parse_address
from plugin_bridge.errors import AddressError
from worker.config.source import region_of
from worker.config.wording import without_userinfo

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from worker.config.model import Config
    from worker.config.output import OutputConfig
    from worker.config.records import DecodeConfig


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: the keys that it looks at, and what is wrong with them together.

    A rule looks at as few keys as it can: each that is wrong by itself leaves it out.
    """

    keys: tuple[str, ...]
    problems: Callable[[Config], Iterator[str]]


def problems(config: Config, unjudged: Collection[str] = ()) -> tuple[str, ...]:
    """Return what is wrong between keys, a line each, beginning with the key.

    Args:
        config: The configuration.
        unjudged: Dotted keys that hold a stand-in for a wrong value; rules that look at
            one of them are left out.
    """
    found = (
        problem
        for rule in RULES
        if not any(key in unjudged for key in rule.keys)
        for problem in rule.problems(config)
    )
    # What the receiver cannot do at all is found with each of its settings.
    return tuple(dict.fromkeys(found))


def _region(config: Config) -> Iterator[str]:
    if not config.source.region:
        yield (
            "source.region: is required, as source.queue_url is no AWS host that names "
            "the region"
        )


def _region_of_queue(config: Config) -> Iterator[str]:
    source = config.source
    named = region_of(source.queue_url)
    has_own_endpoint = source.sqs_endpoint_url or source.endpoint_url
    if named and named != source.region and not has_own_endpoint:
        yield (
            f'source.region: "{source.region}" is not the region of source.queue_url, '
            f'"{named}"; leave it empty'
        )


def _visibility(config: Config) -> Iterator[str]:
    source = config.source
    if source.visibility_timeout_s <= source.wait_time_s:
        yield (
            f"source.visibility_timeout_s: {source.visibility_timeout_s} must be "
            f"above source.wait_time_s, {source.wait_time_s}: a receipt handle has to "
            "outlive the receive that brought it"
        )


def _credentials(config: Config) -> Iterator[str]:
    source = config.source
    has_secret = bool(source.secret_access_key)
    if source.access_key_id and not has_secret:
        yield "source.secret_access_key: is required with source.access_key_id"
    if has_secret and not source.access_key_id:
        yield "source.access_key_id: is required with source.secret_access_key"


def _session_token(config: Config) -> Iterator[str]:
    source = config.source
    has_keys = source.access_key_id and source.secret_access_key
    if source.session_token and not has_keys:
        yield (
            "source.session_token: needs source.access_key_id and "
            "source.secret_access_key"
        )


def _profile(config: Config) -> Iterator[str]:
    if config.source.profile and config.source.access_key_id:
        yield (
            "source.profile: cannot go with source.access_key_id; leave one of them "
            "empty"
        )


def _role(config: Config) -> Iterator[str]:
    if config.source.external_id and not config.source.role_arn:
        yield "source.external_id: needs source.role_arn, the role to give it to"


def _mapping(config: Config) -> Iterator[str]:
    mapping = config.source.mapping
    if mapping.bucket and not mapping.keys:
        yield "source.mapping.keys: is required with source.mapping.bucket"
    if mapping.keys and not mapping.bucket:
        yield "source.mapping.bucket: is required with source.mapping.keys"


def _verify_sns(config: Config) -> Iterator[str]:
    if config.source.verify_sns and config.source.uses_sns is False:
        yield 'source.verify_sns: needs source.uses_sns = "auto" or true'


def _quarantine(key: str, others: str) -> Rule:
    name = key.removeprefix("source.")

    def problems(config: Config) -> Iterator[str]:
        source = config.source
        # One that nobody chose is no problem: without a directory it means "retry".
        is_chosen = name in source.model_fields_set
        if is_chosen and getattr(source, name) == "quarantine" and not config.state.dir:
            yield (
                f'{key}: "quarantine" needs a directory in state.dir, which is empty; '
                f"set one, or choose {others}"
            )

    return Rule((key, "state.dir"), problems)


def _redaction(config: Config) -> Iterator[str]:
    redact = config.redact
    redacts = redact.paths or redact.presets
    if redacts and redact.action == "hash" and not redact.hash_key:
        yield 'redact.hash_key: is required with redact.action = "hash"'


def _only_of_formats(
    key: str, formats: tuple[str, ...], is_set: Callable[[DecodeConfig], bool]
) -> Rule:
    def problems(config: Config) -> Iterator[str]:
        decode = config.decode
        if decode.format not in formats and is_set(decode):
            yield (
                f"{key}: is for decode.format = {_either(formats)}, not "
                f'"{decode.format}"; leave it at its default'
            )

    return Rule(("decode.format", key), problems)


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(f'"{word}"' for word in words)


def _csv_columns(config: Config) -> Iterator[str]:
    columns = config.decode.csv_columns
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        yield f'decode.csv_columns: "{twice[0]}" stands there more than once'


def _added_fields(config: Config) -> Iterator[str]:
    decode = config.decode
    if decode.with_metadata and decode.id_field == decode.metadata_field:
        yield (
            f'decode.id_field: "{decode.id_field}" is decode.metadata_field too; '
            "choose another name"
        )


def _raw_rows(config: Config) -> Iterator[str]:
    if config.output.record == "raw" and config.decode.format in {"csv", "wsv"}:
        yield (
            'output.record: "raw" cannot go with decode.format = '
            f'"{config.decode.format}", whose rows get their names from elsewhere; use '
            '"structured", or decode.format = "lines"'
        )


def _raw_record(key: str, is_set: Callable[[Config], bool]) -> Rule:
    def problems(config: Config) -> Iterator[str]:
        if config.output.record == "raw" and is_set(config):
            yield (
                f'{key}: cannot go with output.record = "raw", which leaves the '
                'record\'s text as it is; use "structured"'
            )

    return Rule(("output.record", key), problems)


def _record_of_file(key: str, is_set: Callable[[Config], bool]) -> Rule:
    def problems(config: Config) -> Iterator[str]:
        if config.decode.shape == "file" and is_set(config):
            yield (
                f'{key}: cannot go with decode.shape = "file", as it is about single '
                'events; use "event"'
            )

    return Rule(("decode.shape", key), problems)


def _address(config: Config) -> Iterator[str]:
    if config.output.scheme == "stdout":
        return
    try:
        parse_address(config.output.address)
    except AddressError as error:
        yield f"output.address: {without_userinfo(str(error))}"


def _receiver(
    *keys: str, settings: Callable[[OutputConfig], dict[str, Any]] = lambda _: {}
) -> Rule:
    """What the receiver makes of the settings that lie in these keys alone."""

    def problems(config: Config) -> Iterator[str]:
        output = config.output
        yield from receivers.problems(
            output.receiver, scheme=output.scheme, **settings(output)
        )

    return Rule(("output.address", "output.receiver", *keys), problems)


def _has_tls_settings(output: OutputConfig) -> bool:
    return any(
        (
            output.tls_ca_file,
            output.tls_cert_file,
            output.tls_key_file,
            output.tls_server_name,
        )
    )


def _handshake_user(config: Config) -> Iterator[str]:
    output = config.output
    if output.username and not output.password:
        yield "output.password: is required with output.username"
    if output.password and not output.username:
        yield "output.username: is required with output.password"


def _self_hostname(config: Config) -> Iterator[str]:
    if config.output.self_hostname and not config.output.shared_key:
        yield (
            "output.self_hostname: is given in a handshake only, which takes "
            "output.shared_key; set that, or leave this empty"
        )


def _client_certificate(config: Config) -> Iterator[str]:
    output = config.output
    if output.tls_cert_file and not output.tls_key_file:
        yield "output.tls_key_file: is required with output.tls_cert_file"
    if output.tls_key_file and not output.tls_cert_file:
        yield "output.tls_cert_file: is required with output.tls_key_file"


def _window(config: Config) -> Iterator[str]:
    output = config.output
    if output.window_bytes < output.chunk_bytes:
        yield (
            f"output.window_bytes: {output.window_bytes} must hold at least one chunk, "
            f"output.chunk_bytes = {output.chunk_bytes}"
        )


def _inflight(config: Config) -> Iterator[str]:
    inflight_bytes, chunk_bytes = config.pool.inflight_bytes, config.output.chunk_bytes
    if inflight_bytes < chunk_bytes:
        yield (
            f"pool.inflight_bytes: {inflight_bytes} must hold at least one chunk, "
            f"output.chunk_bytes = {chunk_bytes}"
        )


RULES: Final = (
    Rule(("source.region", "source.queue_url"), _region),
    Rule(
        (
            "source.region",
            "source.queue_url",
            "source.endpoint_url",
            "source.sqs_endpoint_url",
        ),
        _region_of_queue,
    ),
    Rule(("source.visibility_timeout_s", "source.wait_time_s"), _visibility),
    Rule(("source.access_key_id", "source.secret_access_key"), _credentials),
    Rule(
        (
            "source.session_token",
            "source.access_key_id",
            "source.secret_access_key",
        ),
        _session_token,
    ),
    Rule(("source.profile", "source.access_key_id"), _profile),
    Rule(("source.external_id", "source.role_arn"), _role),
    Rule(("source.mapping.bucket", "source.mapping.keys"), _mapping),
    _quarantine("source.on_missing_object", '"retry" or "delete"'),
    _quarantine("source.on_bad_object", '"retry"'),
    _quarantine("source.on_unknown_message", '"retry" or "delete"'),
    # Wrong paths or presets stand as empty here, which asks for nothing.
    Rule(("redact.action", "redact.hash_key"), _redaction),
    _raw_record("redact.paths", lambda config: bool(config.redact.paths)),
    _raw_record("redact.presets", lambda config: bool(config.redact.presets)),
    _raw_record("enrich.audit", lambda config: config.enrich.audit),
    _raw_record("enrich.schema", lambda config: config.enrich.target_schema != "none"),
    _record_of_file("redact.presets", lambda config: bool(config.redact.presets)),
    _record_of_file("enrich.audit", lambda config: config.enrich.audit),
    _record_of_file(
        "enrich.schema", lambda config: config.enrich.target_schema != "none"
    ),
    _raw_record("decode.id_field", lambda config: bool(config.decode.id_field)),
    _raw_record("decode.with_metadata", lambda config: config.decode.with_metadata),
    Rule(("output.record", "decode.format"), _raw_rows),
    _only_of_formats(
        "decode.record_location", ("json",), lambda decode: bool(decode.record_location)
    ),
    _only_of_formats("decode.shape", ("json",), lambda decode: decode.shape == "file"),
    Rule(("source.verify_sns", "source.uses_sns"), _verify_sns),
    _only_of_formats(
        "decode.csv_columns", ("csv", "wsv"), lambda decode: bool(decode.csv_columns)
    ),
    _only_of_formats(
        "decode.csv_delimiter", ("csv",), lambda decode: decode.csv_delimiter != ","
    ),
    Rule(("decode.csv_columns",), _csv_columns),
    Rule(
        ("decode.id_field", "decode.metadata_field", "decode.with_metadata"),
        _added_fields,
    ),
    Rule(("output.address",), _address),
    _receiver(),
    _receiver(
        "output.require_ack",
        settings=lambda output: {"require_ack": output.require_ack},
    ),
    _receiver(
        "output.compression",
        settings=lambda output: {"compression": output.compression},
    ),
    _receiver("output.encoding", settings=lambda output: {"encoding": output.encoding}),
    _receiver(
        "output.shared_key",
        settings=lambda output: {"has_shared_key": bool(output.shared_key)},
    ),
    _receiver(
        "output.username",
        "output.shared_key",
        settings=lambda output: {
            "username": output.username,
            "has_shared_key": bool(output.shared_key),
        },
    ),
    _receiver(settings=lambda output: {"has_tls_settings": _has_tls_settings(output)}),
    _receiver(
        "output.chunk_bytes",
        settings=lambda output: {"chunk_bytes": output.chunk_bytes},
    ),
    Rule(("output.username", "output.password"), _handshake_user),
    Rule(("output.self_hostname", "output.shared_key"), _self_hostname),
    Rule(("output.tls_cert_file", "output.tls_key_file"), _client_certificate),
    Rule(("output.window_bytes", "output.chunk_bytes"), _window),
    Rule(("pool.inflight_bytes", "output.chunk_bytes"), _inflight),
)
