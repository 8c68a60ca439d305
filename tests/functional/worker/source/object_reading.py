"""One object, read from a server that answers as a test says."""

from __future__ import annotations

import pytest

from tests.fakes.aws import source_config
from tests.functional.worker.source.raw_server import Answer, RawServer
from worker.source.notifications import ObjectRef
from worker.source.objects import Body, ObjectReader
from worker.source.sessions import AwsSession

OWNER = "210987654321"
PLAIN = ObjectRef("trail-logs", "AWSLogs/1/a.json.gz")
# An everyday key, and one that clients of HTTP like to change.
EITHER_WAY = pytest.mark.parametrize("key", ["a/b.json.gz", "a//b.json.gz"])


def reader(server_url: str, **changes: object) -> ObjectReader:
    source = source_config(endpoint_url=server_url, **changes)
    return ObjectReader(AwsSession(source), source)


def read(answer: Answer | bytes, key: str = PLAIN.key) -> Body:
    """Read one object from a server that always answers the same."""
    with RawServer(lambda _: answer) as server:
        return reader(server.url).read(ObjectRef("trail-logs", key))
