"""Regions of every partition, and their ARNs and URLs."""

from __future__ import annotations

import tomllib

import pytest

from tests.unit.worker.aws_setup.wirings import wiring
from worker.aws_setup.daemon_config import daemon_config
from worker.aws_setup.documents import queue_statement, reader_policy
from worker.aws_setup.partitions import partition_of
from worker.aws_setup.wiring import Via
from worker.config import SourceConfig


@pytest.mark.parametrize(
    ("region", "name", "dns_suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("eu-central-2", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("eu-west-9", "aws", "amazonaws.com"),  # newer than botocore
    ],
)
def test_a_region_is_in_a_partition(region: str, name: str, dns_suffix: str) -> None:
    partition = partition_of(region)
    assert partition is not None
    assert (partition.name, partition.dns_suffix) == (name, dns_suffix)


@pytest.mark.parametrize("region", ["", "us-east", "aws-global", "aws-cn-global", "x"])
def test_what_is_no_region_is_in_none(region: str) -> None:
    assert partition_of(region) is None


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("us-east-1", "arn:aws:"),
        ("us-gov-east-1", "arn:aws-us-gov:"),
        ("cn-northwest-1", "arn:aws-cn:"),
        ("us-isob-east-1", "arn:aws-iso-b:"),
    ],
)
@pytest.mark.parametrize("via", Via)
def test_arns_are_the_partitions_own(region: str, arn: str, via: Via) -> None:
    wanted = wiring(region=region, partition=partition_of(region), via=via)
    assert wanted.queue_arn.startswith(f"{arn}sqs:{region}:")
    assert wanted.policy_arn.startswith(f"{arn}iam::")
    said = str([queue_statement(wanted), reader_policy(wanted)])
    assert said.count("arn:") == said.count(arn) > 0


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "sqs.us-east-1.amazonaws.com"),
        ("us-gov-east-1", "sqs.us-gov-east-1.amazonaws.com"),
        ("cn-northwest-1", "sqs.cn-northwest-1.amazonaws.com.cn"),
        ("us-isob-east-1", "sqs.us-isob-east-1.sc2s.sgov.gov"),
    ],
)
def test_the_configuration_finds_the_queue(region: str, host: str) -> None:
    wanted = wiring(region=region, partition=partition_of(region))
    source = tomllib.loads(daemon_config(wanted))["source"]
    assert source["queue_url"] == f"https://{host}/123456789012/trail-events"
    config = SourceConfig.model_validate(source)
    # trailfeed reads the region from the URL where it can.
    assert ("region" in source) is (region == "us-isob-east-1")
    assert config.region in {"", region}
