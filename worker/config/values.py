"""The kinds of value that a key can take, each with its check.

Every check raises ``ValueError`` with what was expected; who reports it adds the key
and, unless it is a secret, the value.
"""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from worker.config.filter_rules import parse_rule
from worker.config.places import EVERY, parse_place
from worker.config.record_paths import parse_deep_path

MAX_PORT: Final = 65_535
# TOML 1.0, "Integer": 64 bits, signed.
MAX_INTEGER: Final = 2**63 - 1

# Fluent Bit reads a PING of 1,024 bytes at most, with two names and two digests in it.
MAX_HANDSHAKE_NAME_BYTES: Final = 255

# SQS: names of 80 characters, ".fifo" included (API page CreateQueue, QueueName).
_QUEUE_PATH = re.compile(r"/\d{12}/(?=.{1,80}\Z)[A-Za-z0-9_-]+(\.fifo)?")
# IAM identifiers: any partition ("aws", "aws-cn", "aws-us-gov", …), paths allowed.
_ROLE_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
# STS: API page AssumeRole, RoleSessionName and ExternalId.
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
# A Forward tag is matched by dotted patterns: white space can never be part of one.
_TAG = re.compile(r"[^\s\x00-\x1f\x7f]+")
_ADDRESS = re.compile(r"(unix|tcp|tls)://.+|stdout:", re.DOTALL)
_HOST_PORT = re.compile(r"(?P<host>\[[^\[\]\s]+\]|[^:\[\]\s]+):(?P<port>\d{1,5})")

# Python calls them encodings, but no log is written in one.
_NO_CHARSETS = frozenset(
    {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7"}
    | {"raw-unicode-escape", "unicode-escape"}
)
_EXAMPLE_TIME = datetime(2023, 7, 10, 12, 5, 1, tzinfo=UTC)


def _split_url(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # a port out of range raises only when it is looked at
    except ValueError:
        raise ValueError("expected an http:// or https:// URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected an http:// or https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "expected a URL without user and password: credentials have their own keys"
        )
    return parts


def check_url(value: str) -> str:
    """An endpoint's URL, or empty for none."""
    if value:
        _split_url(value)
    return value


def check_queue_url(value: str) -> str:
    """A queue's URL as SQS gives it: ``https://HOST/ACCOUNT/NAME``."""
    parts = _split_url(value)
    if not _QUEUE_PATH.fullmatch(parts.path) or parts.query or parts.fragment:
        raise ValueError(
            "expected the queue's URL, https://HOST/ACCOUNT/NAME with an account id of "
            "12 digits"
        )
    return value


def check_account_id(value: str) -> str:
    """An AWS account id, or empty for none."""
    if value and not _ACCOUNT_ID.fullmatch(value):
        raise ValueError("expected an account id of 12 digits")
    return value


def check_role_arn(value: str) -> str:
    """A role's ARN in any partition, or empty for none."""
    if value and not _ROLE_ARN.fullmatch(value):
        raise ValueError("expected a role's ARN, arn:aws:iam::ACCOUNT:role/NAME")
    return value


def check_external_id(value: str) -> str:
    """An external id as STS takes it, or empty for none."""
    if value and not _EXTERNAL_ID.fullmatch(value):
        raise ValueError("expected 2 to 1224 letters, digits or any of _+=,.@:/-")
    return value


def check_session_name(value: str) -> str:
    """A role session's name as STS takes it."""
    if not _SESSION_NAME.fullmatch(value):
        raise ValueError("expected 2 to 64 letters, digits or any of _+=,.@-")
    return value


def check_region(value: str) -> str:
    """A region's name, or empty for "as the queue's URL says"."""
    if value and not _REGION.fullmatch(value):
        raise ValueError('expected a region such as "us-east-1"')
    return value


def check_regex(value: str) -> str:
    """A regular expression of Python's ``re``."""
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"expected a regular expression ({error})") from None
    return value


def check_places(value: str) -> str:
    """A dotted path that may lead to many places, or empty for none."""
    parse_place(value)
    return value


def check_place(value: str) -> str:
    """A dotted path that leads to one place, or empty for none."""
    if EVERY in parse_place(value):
        raise ValueError("expected the path of one place, without [*]")
    return value


def check_charset(value: str) -> str:
    """A character set that Python can decode piece by piece."""
    try:
        name = codecs.lookup(value).name
        codecs.getincrementaldecoder(value)
        b"".decode(value)
        "".encode(value)
    except (LookupError, ValueError):
        name = ""
    if not name or name in _NO_CHARSETS:
        raise ValueError('expected a character set such as "utf-8" or "latin-1"')
    return value


def check_time_format(value: str) -> str:
    """One of the named formats, or a strptime format that gives a date."""
    if value in {"iso8601", "epoch_s", "epoch_ms"}:
        return value
    try:
        text = _EXAMPLE_TIME.strftime(value)
        # A format without date gives 1900, which no receiver takes for a time.
        is_date = datetime.strptime(text, value).year == _EXAMPLE_TIME.year  # noqa: DTZ007 - only the year counts
    except (ValueError, re.error):
        is_date = False
    if not is_date:
        raise ValueError(
            'expected "iso8601", "epoch_s", "epoch_ms", or a strptime format with the '
            'year, such as "%d/%b/%Y:%H:%M:%S %z"'
        )
    return value


def check_delimiter(value: str) -> str:
    """The character between two cells of CSV."""
    if value in '"\r\n\0':
        raise ValueError("expected one character that is no quote and no line end")
    return value


def check_listen(value: str) -> str:
    """``host:port`` or ``[v6 address]:port``, or empty for none."""
    if value:
        match = _HOST_PORT.fullmatch(value)
        if match is None or int(match["port"]) > MAX_PORT:
            raise ValueError('expected HOST:PORT, such as "127.0.0.1:9464"')
    return value


def check_address(value: str) -> str:
    """A receiver's address, as far as its scheme; the bridge judges the rest."""
    if not _ADDRESS.fullmatch(value):
        raise ValueError(
            "expected unix:///PATH, tcp://HOST:PORT, tls://HOST:PORT or stdout:"
        )
    return value


def check_tag(value: str) -> str:
    """A Forward tag."""
    if not _TAG.fullmatch(value):
        raise ValueError("expected a tag without white space")
    return value


def check_handshake_name(value: str) -> str:
    """A name that fits the one packet of Forward's PING, or empty for none."""
    if len(value.encode()) > MAX_HANDSHAKE_NAME_BYTES:
        raise ValueError(f"expected at most {MAX_HANDSHAKE_NAME_BYTES} bytes")
    return value


def check_filter_rule(value: str) -> str:
    """A rule of ``[filter]``."""
    parse_rule(value)
    return value


def check_record_path(value: str) -> str:
    """A dotted path into a record: ``*`` any key or index, ``**`` any depth."""
    parse_deep_path(value)
    return value


def _tuple_from_list(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _switch_from_word(value: object) -> object:
    """Take ``"true"`` for ``true``: beside ``"auto"`` the quotes are easily written."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, value)
    return value


Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], BeforeValidator(_tuple_from_list)]
WordOrSwitch = BeforeValidator(_switch_from_word)

Url = Annotated[str, AfterValidator(check_url)]
QueueUrl = Annotated[str, AfterValidator(check_queue_url)]
AccountId = Annotated[str, AfterValidator(check_account_id)]
RoleArn = Annotated[str, AfterValidator(check_role_arn)]
ExternalId = Annotated[str, AfterValidator(check_external_id)]
SessionName = Annotated[str, AfterValidator(check_session_name)]
Region = Annotated[str, AfterValidator(check_region)]
Regex = Annotated[str, AfterValidator(check_regex)]
Place = Annotated[str, AfterValidator(check_place)]
Places = Annotated[str, AfterValidator(check_places)]
TimeFormat = Annotated[str, AfterValidator(check_time_format)]
Charset = Annotated[str, AfterValidator(check_charset)]
Listen = Annotated[str, AfterValidator(check_listen)]
Address = Annotated[str, AfterValidator(check_address)]
Tag = Annotated[str, AfterValidator(check_tag)]
HandshakeName = Annotated[str, AfterValidator(check_handshake_name)]
FilterRule = Annotated[str, AfterValidator(check_filter_rule)]
RecordPath = Annotated[str, AfterValidator(check_record_path)]
NonEmpty = Annotated[str, Field(min_length=1)]
Delimiter = Annotated[
    str, Field(min_length=1, max_length=1), AfterValidator(check_delimiter)
]
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
PositiveCount = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
