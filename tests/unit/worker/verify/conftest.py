"""A whole trail of a few hours, in memory."""

from __future__ import annotations

import pytest

from tests.fakes.digest_chain import DigestChain
from tests.unit.worker.verify.memory_trail import HOURS, MemoryStore


@pytest.fixture
def chain() -> DigestChain:
    chain = DigestChain()
    chain.add_hours(0, HOURS - 1)
    return chain


@pytest.fixture
def store(chain: DigestChain) -> MemoryStore:
    return MemoryStore(chain.objects)
