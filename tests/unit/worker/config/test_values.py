from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config import values

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[str], str]

ACCEPTED: dict[Check, list[str]] = {
    values.check_queue_url: [
        "https://sqs.us-east-1.amazonaws.com/123456789012/q",
        "http://127.0.0.1:5000/123456789012/cloudtrail_Events-1",
        "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q.fifo",
        "http://[::1]:4566/000000000000/q",
    ],
    values.check_url: ["", "http://localhost:4566", "https://vpce-1.amazonaws.com/"],
    values.check_account_id: ["", "123456789012"],
    values.check_role_arn: [
        "",
        "arn:aws:iam::123456789012:role/reader",
        "arn:aws-us-gov:iam::123456789012:role/path/to/reader@x",
        "arn:aws-cn:iam::123456789012:role/r",
    ],
    values.check_external_id: ["", "some:id/1"],
    values.check_session_name: ["trailfeed", "a@b.c"],
    values.check_region: ["", "us-east-1", "us-gov-west-1", "eusc-de-east-1"],
    values.check_regex: ["", "a+", r"\.gz$"],
    values.check_place: ["", "bucket", "a.b", r"a\.b.c", "parts[0].name", "a b.é"],
    values.check_places: ["", "keys", "files[*].path", "a[*][0][*]", "a[*].b[*].c"],
    values.check_charset: ["utf-8", "UTF8", "latin-1", "cp1252", "utf-16", "gb18030"],
    values.check_time_format: [
        "iso8601",
        "epoch_s",
        "epoch_ms",
        "%d/%b/%Y:%H:%M:%S %z",
        "%Y%m%d",
    ],
    values.check_delimiter: [",", ";", "\t", "|", " "],
    values.check_listen: ["", "127.0.0.1:9464", "[::1]:0", "localhost:65535"],
    values.check_tag: ["aws.cloudtrail", "t"],
    values.check_handshake_name: ["", "h" * 255],
    values.check_address: [
        "unix:///run/f.sock",
        "unix://@name",
        "tcp://h:1",
        "tls://h:1",
        "stdout:",
    ],
}

REFUSED: dict[Check, list[str]] = {
    values.check_queue_url: [
        "",
        "cloudtrail-events",
        "arn:aws:sqs:us-east-1:123456789012:q",
        "ftp://host/123456789012/q",
        "https:///123456789012/q",
        "https://host/12345678901/q",
        "https://host/123456789012",
        "https://host/123456789012/q/r",
        "https://host/123456789012/q?Action=x",
        "https://host/123456789012/" + "q" * 81,
        "https://host:99999/123456789012/q",
        "https://[::1/123456789012/q",
        "https://user:pass@host/123456789012/q",
    ],
    values.check_url: ["localhost:4566", "http://", "http://h:x", "http://u@h"],
    values.check_place: [".", "a.", ".a", "a..b", "[0]", "a[", "a[x]", "files[*].b"],
    values.check_places: ["[*]", "a[**]", "a[-1]", "a[*]b", "a[*].", "a\\", "a]"],
    values.check_account_id: ["12345678901", "1234567890123", "12345678901a"],
    values.check_role_arn: [
        "reader",
        "arn:aws:iam::123456789012:user/u",
        "arn:aws:iam::1:role/r",
        "arn:aws:s3:::bucket",
    ],
    values.check_external_id: ["x", "with space"],
    values.check_session_name: ["", "x", "with space", "x" * 65],
    values.check_region: ["US East", "useast1", "-"],
    values.check_regex: ["(", "[", "*", "a{99999999999999999999}"],
    values.check_charset: [
        "",
        "utf-9",
        "base64",
        "a\0b",
        "idna",
        "unicode-escape",
        "utf_7",
        "base64",
    ],
    values.check_time_format: ["", "iso", "%H:%M:%S", "%Q", "%Y %"],
    values.check_delimiter: ['"', "\n", "\r", "\0"],
    values.check_listen: ["9464", ":9464", "host", "h:65536", "::1:9464", "h:"],
    values.check_filter_rule: ["", "eventName", "eventName == x", "a in 10/33"],
    values.check_record_path: ["", "a..b", "a b", "a["],
    values.check_tag: ["", "two words", "line\n"],
    values.check_handshake_name: ["h" * 256, "é" * 128],
    values.check_address: ["", "/run/f.sock", "unix:/run/f.sock", "stdout://", "udp:"],
}


def _pairs(
    table: dict[Check, list[str]],
) -> list[tuple[Check, str]]:
    return [(check, value) for check, values_ in table.items() for value in values_]


@pytest.mark.parametrize(("check", "value"), _pairs(ACCEPTED))
def test_accepted_as_it_is(check: Check, value: str) -> None:
    assert check(value) == value


@pytest.mark.parametrize(("check", "value"), _pairs(REFUSED))
def test_refused_with_what_was_expected(check: Check, value: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        check(value)
