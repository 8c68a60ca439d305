from __future__ import annotations

import pytest

from worker.config import SourceConfig
from worker.config.source import region_of


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.us-east-1.amazonaws.com", "us-east-1"),
        ("eu-central-1.queue.amazonaws.com", "eu-central-1"),
        ("queue.amazonaws.com", "us-east-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("sqs.ap-southeast-2.api.aws", "ap-southeast-2"),
        ("vpce-0123abcd-5678.sqs.us-west-2.vpce.amazonaws.com", "us-west-2"),
        ("vpce-a-1.sqs.us-west-2.vpce.amazonaws.com", "us-west-2"),
        ("sqs.us-east-1.localhost.localstack.cloud:4566", ""),
        ("127.0.0.1:5000", ""),
        ("[", ""),
    ],
)
def test_region_is_read_off_aws_hosts_only(host: str, region: str) -> None:
    assert region_of(f"https://{host}/123456789012/q") == region


def test_region_that_is_set_is_kept() -> None:
    source = SourceConfig(
        queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/q",
        region="eu-west-1",
        endpoint_url="http://127.0.0.1:5000",
    )
    assert source.region == "eu-west-1"
