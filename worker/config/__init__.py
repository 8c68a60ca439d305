"""The configuration: its keys, where their values come from, and what they may be.

``model`` says which keys there are, ``load`` reads them from a TOML file and the
environment, ``rules`` judges keys against each other, and ``render`` writes the outcome
as TOML again.
"""

from __future__ import annotations

from worker.config.load import load
from worker.config.model import (
    Config,
    DecodeConfig,
    EnrichConfig,
    FilterConfig,
    LogConfig,
    MappingConfig,
    OutputConfig,
    PoolConfig,
    RedactConfig,
    SourceConfig,
    StateConfig,
    StatusConfig,
)

__all__ = [
    "Config",
    "DecodeConfig",
    "EnrichConfig",
    "FilterConfig",
    "LogConfig",
    "MappingConfig",
    "OutputConfig",
    "PoolConfig",
    "RedactConfig",
    "SourceConfig",
    "StateConfig",
    "StatusConfig",
    "load",
]
