from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from botocore.loaders import JSONFileLoader, Loader, create_loader

from tests.fakes.aws import source_config
from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from worker.errors import CommonFaultError, ConfigError
from worker.source.sessions import AwsSession, preload
from worker.source.signing import Credential

if TYPE_CHECKING:
    from pathlib import Path

QUEUE_WITHOUT_REGION = "http://127.0.0.1:5000/123456789012/q"
NO_KEYS = {"access_key_id": None, "secret_access_key": None}


def problem(**settings: object) -> str:
    """The one problem that a session finds with its configuration."""
    with pytest.raises(ConfigError) as caught:
        AwsSession(source_config(**settings))
    (only,) = caught.value.problems
    return only


def test_static_keys_are_used_as_they_are() -> None:
    session = AwsSession(source_config(session_token="example-token"))  # noqa: S106 - an example

    assert session.credential() == Credential(
        ACCESS_KEY_ID, SECRET_ACCESS_KEY, "example-token"
    )


def test_static_keys_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHEREXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    assert AwsSession(source_config()).credential().access_key_id == ACCESS_KEY_ID


def test_without_keys_boto3s_own_chain_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHEREXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    credential = AwsSession(source_config(**NO_KEYS)).credential()

    assert credential.access_key_id == "AKIAOTHEREXAMPLE"
    assert credential.session_token == ""


def test_a_profile_gives_keys_and_region(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile trail]\nregion = eu-west-1\n"
        "aws_access_key_id = AKIAPROFILEEXAMPLE\naws_secret_access_key = s\n"
    )

    session = AwsSession(
        source_config(
            **NO_KEYS, profile="trail", region=None, queue_url=QUEUE_WITHOUT_REGION
        )
    )

    assert session.region == "eu-west-1"
    assert session.credential().access_key_id == "AKIAPROFILEEXAMPLE"


def test_an_unknown_profile_is_a_problem_of_the_configuration() -> None:
    line = problem(profile="nobody")

    assert line.startswith("source.profile: ")
    assert "'nobody'" in line


def test_so_is_one_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    assert problem().startswith("AWS_PROFILE: ")


def test_a_broken_aws_file_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("no section\n")

    assert str(tmp_path / "config") in problem()


def test_without_any_region_one_is_asked_for() -> None:
    line = problem(region=None, queue_url=QUEUE_WITHOUT_REGION)

    assert line.startswith("source.region: ")


def test_a_missing_certificate_bundle_is_a_problem_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))

    assert problem().startswith(f"AWS_CA_BUNDLE: cannot read {tmp_path / 'none.pem'}")


@pytest.mark.parametrize("role_arn", [None, "arn:aws:iam::123456789012:role/reader"])
def test_no_credentials_are_one_clear_sentence(role_arn: str | None) -> None:
    session = AwsSession(source_config(**NO_KEYS, role_arn=role_arn))

    with pytest.raises(CommonFaultError, match=r"source\.access_key_id") as caught:
        session.credential()

    assert caught.value.code == "no_credentials"


def test_a_services_own_endpoint_wins_over_the_common_one() -> None:
    both = "http://127.0.0.1:4566"
    session = AwsSession(
        source_config(
            endpoint_url=both,
            sqs_endpoint_url="http://127.0.0.1:1",
            s3_endpoint_url="http://127.0.0.1:2",
        )
    )

    assert session.sqs_client().meta.endpoint_url == "http://127.0.0.1:1"
    assert session.s3_client().meta.endpoint_url == "http://127.0.0.1:2"
    session = AwsSession(source_config(endpoint_url=both))
    assert session.sqs_client().meta.endpoint_url == both
    assert session.s3_client().meta.endpoint_url == both


@pytest.mark.parametrize(
    ("region", "endpoint_url"),
    [
        (None, "https://s3.us-east-1.amazonaws.com"),
        ("eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
    ],
)
def test_each_region_has_one_s3_client(region: str | None, endpoint_url: str) -> None:
    session = AwsSession(source_config())

    assert session.s3_client(region).meta.endpoint_url == endpoint_url
    assert session.s3_client(region) is session.s3_client(region)


def test_what_is_preloaded_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    class Files(JSONFileLoader):
        def load_file(self, file_path: str) -> object:
            found = super().load_file(file_path)
            if found is not None:
                read.append(file_path)
            return found

    monkeypatch.setattr(Loader, "FILE_LOADER_CLASS", Files)
    monkeypatch.setattr("worker.source.sessions._knowledge", cache(create_loader))
    preload(source_config())
    before = tuple(read)
    session = AwsSession(source_config())
    session.s3_client()
    session.sqs_client()

    assert before
    assert tuple(read) == before


def test_preloading_leaves_problems_to_the_session() -> None:
    preload(source_config(profile="absent"))
