from __future__ import annotations

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

from worker.errors import ConfigError
from worker.source.credentials import MIN_AGE_S, RenewableCredentials


class Chain:
    """Somewhere that gives out other keys each time, at a time of the test's own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.loads_count = 0
        self.next: Credentials | Exception | None = Credentials("AKIA1", "s")
        self.credentials = RenewableCredentials(self._load, lambda: self.now)

    def _load(self) -> Credentials | None:
        self.loads_count += 1
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    @property
    def key_id(self) -> str:
        return str(self.credentials.get_frozen_credentials().access_key)


@pytest.fixture
def chain() -> Chain:
    return Chain()


def refused(code: str) -> dict[str, object]:
    return {"parsed": {"Error": {"Code": code}}, "http_response": object()}


def test_credentials_are_found_once(chain: Chain) -> None:
    assert {chain.key_id, chain.key_id} == {"AKIA1"}
    assert chain.loads_count == 1


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "InvalidClientTokenId", "UnrecognizedClientException"]
)
def test_refused_ones_are_found_anew(chain: Chain, code: str) -> None:
    assert chain.key_id == "AKIA1"
    chain.next = Credentials("AKIA2", "s")
    chain.now += MIN_AGE_S

    chain.credentials.renew_if_refused(**refused(code))

    assert chain.key_id == "AKIA2"


def test_many_refusals_at_once_find_them_once(chain: Chain) -> None:
    assert chain.key_id
    chain.now += MIN_AGE_S
    for _ in range(20):
        chain.credentials.renew_if_refused(**refused("ExpiredToken"))
        assert chain.key_id

    assert chain.loads_count == 2


@pytest.mark.parametrize(
    "call",
    [
        refused("AccessDenied"),
        refused("RequestThrottled"),
        {"parsed": {}},
        {"parsed": []},
        {"parsed": {"Error": "odd"}},
        {},
    ],
)
def test_other_answers_leave_them_alone(chain: Chain, call: dict[str, object]) -> None:
    assert chain.key_id
    chain.now += MIN_AGE_S
    chain.credentials.renew_if_refused(**call)

    assert chain.key_id
    assert chain.loads_count == 1


def test_where_there_are_none_it_is_looked_again_at_each_call(chain: Chain) -> None:
    chain.next = None
    with pytest.raises(NoCredentialsError):
        _ = chain.key_id

    chain.next = Credentials("AKIA2", "s")
    assert chain.key_id == "AKIA2"


def test_a_file_that_is_just_being_written_is_no_end(chain: Chain) -> None:
    chain.next = ConfigError(("source.profile: there is no 'trail'",))
    with pytest.raises(CredentialRetrievalError, match="there is no 'trail'"):
        _ = chain.key_id

    chain.next = Credentials("AKIA2", "s")
    assert chain.key_id == "AKIA2"


def test_ones_that_cannot_be_refreshed_are_found_anew(chain: Chain) -> None:
    class Dead(Credentials):
        def get_frozen_credentials(self):  # type: ignore[no-untyped-def]
            raise CredentialRetrievalError(provider="sso", error_msg="expired")

    chain.next = Dead("a", "s")
    with pytest.raises(CredentialRetrievalError):
        _ = chain.key_id
    chain.now += MIN_AGE_S
    with pytest.raises(CredentialRetrievalError):
        _ = chain.key_id

    chain.next = Credentials("AKIA2", "s")
    assert chain.key_id == "AKIA2"
