from __future__ import annotations

import socket
import ssl

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from worker.errors import AwsError, CommonFaultError
from worker.source.faults import MAX_SAID, fault_of

DOING = "cannot receive"
AWSS_OWN = "https://sqs.us-east-1.amazonaws.com/"
ONES_OWN = "http://localhost:4566/"
REFUSED = ConnectionRefusedError(111, "Connection refused")
UNRESOLVED = socket.gaierror(-2, "Name or service not known")


def caused_by(error: BotoCoreError, cause: OSError) -> BotoCoreError:
    """As botocore raises it: what urllib3 said lies in between."""
    between = Exception("Failed to establish a new connection")
    between.__cause__ = cause
    error.__context__ = between
    return error


def answer(
    status: int, code: str, message: str = "why", operation: str = "ReceiveMessage"
) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "RequestId": "",
                "HostId": "",
                "RetryAttempts": 0,
            },
        },
        operation,
    )


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (
            caused_by(EndpointConnectionError(endpoint_url=AWSS_OWN), UNRESOLVED),
            f'"{AWSS_OWN}": Name or service not known: check the network and the proxy',
        ),
        (
            caused_by(EndpointConnectionError(endpoint_url=ONES_OWN), REFUSED),
            f'"{ONES_OWN}": Connection refused: check the network, the proxy and '
            "source.endpoint_url",
        ),
        (
            EndpointConnectionError(
                endpoint_url="https://vpce-1.sqs.us-east-1.vpce.amazonaws.com/"
            ),
            '.com/": check the network, the proxy and source.endpoint_url',
        ),
        (
            caused_by(ProxyConnectionError(proxy_url="http://proxy:3128"), REFUSED),
            '"http://proxy:3128": Connection refused: check the network and the proxy',
        ),
        (
            caused_by(
                SSLError(
                    endpoint_url=AWSS_OWN, error=Exception("certificate verify failed")
                ),
                ssl.SSLError(1, "certificate verify failed"),
            ),
            f"{AWSS_OWN} certificate verify failed: check the network and the proxy",
        ),
    ],
)
def test_what_cannot_be_reached_names_the_innermost_cause_and_what_to_check(
    error: BotoCoreError, end: str
) -> None:
    fault = fault_of(error, DOING)
    assert isinstance(fault, CommonFaultError)
    assert fault.code == "unreachable"
    assert str(fault).startswith(f"{DOING}: ")
    assert str(fault).endswith(end)


@pytest.mark.parametrize("status", [401, 403, 404, 407, 503])
def test_an_answer_without_a_code_of_awss_own_is_not_awss(status: int) -> None:
    fault = fault_of(answer(status, str(status)), DOING)
    assert isinstance(fault, CommonFaultError)
    assert fault.code == "no_aws_answer"


@pytest.mark.parametrize(
    ("status", "code"), [(401, "NeverHeardOf"), (403, "NeverHeardOf")]
)
def test_a_refusal_by_an_unknown_code_is_one_of_the_credentials(
    status: int, code: str
) -> None:
    fault = fault_of(answer(status, code), DOING)
    assert isinstance(fault, CommonFaultError)
    assert fault.code == "credentials_refused"


@pytest.mark.parametrize(("status", "code"), [(403, "RequestExpired"), (403, "KMS.X")])
def test_a_known_code_says_more_than_its_status(status: int, code: str) -> None:
    fault = fault_of(answer(status, code), DOING)
    assert isinstance(fault, CommonFaultError)
    assert fault.code != "credentials_refused"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RequestTimeTooSkewed", "The difference is too large."),
        (
            "InvalidSignatureException",
            "Signature expired: 20261121T131146Z is now earlier than 20261121T134146Z",
        ),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current: 20261121T131146Z is still later than "
            "20261121T124146Z",
        ),
        (
            "AccessDenied",
            "Difference between the request time and the current time is too large",
        ),
    ],
)
@pytest.mark.parametrize("operation", ["ReceiveMessage", "AssumeRole"])
def test_a_wrong_clock_is_named(code: str, message: str, operation: str) -> None:
    fault = fault_of(answer(403, code, message, operation), DOING)
    assert isinstance(fault, CommonFaultError)
    assert fault.code == "clock_skew"
    assert str(fault).endswith("set this machine's clock")


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("ExpiredToken", "credentials_refused"),
        ("Throttling", "throttled"),
        ("AccessDenied", "role_refused"),
    ],
)
def test_a_role_is_only_blamed_for_what_is_about_it(code: str, ours: str) -> None:
    fault = fault_of(answer(403, code, operation="AssumeRole"), DOING)
    assert fault.code == ours


def test_any_other_answer_keeps_its_code() -> None:
    fault = fault_of(answer(400, "NeverHeardOf"), DOING)
    assert isinstance(fault, AwsError)
    assert fault.code == "NeverHeardOf"


def test_what_others_said_is_one_short_line() -> None:
    text = str(fault_of(answer(400, "Odd", "<html>\r\n\x1b[31m" + "x" * 10_000), DOING))
    assert text.isprintable()
    assert "<html> \\x1b[31mxx" in text
    assert len(text) == len(f"{DOING}: …") + MAX_SAID
