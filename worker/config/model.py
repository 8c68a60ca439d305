"""The whole configuration as one frozen value: a section each, every key typed.

Keys, defaults and meaning are those of the contract; single keys are checked here, keys
against each other in :mod:`worker.config.rules`.
"""

from pydantic import Field

from worker.config.output import OutputConfig
from worker.config.process import LogConfig, PoolConfig, StateConfig, StatusConfig
from worker.config.records import (
    DecodeConfig,
    EnrichConfig,
    FilterConfig,
    RedactConfig,
)
from worker.config.section import Section
from worker.config.source import MappingConfig, SourceConfig

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
]


class Config(Section):
    """Everything that a run is told; the order of sections is that of the file."""

    source: SourceConfig
    """The queue and the buckets."""
    decode: DecodeConfig = Field(default_factory=DecodeConfig)
    """From bytes to records."""
    filter: FilterConfig = Field(default_factory=FilterConfig)
    """Which records go on."""
    redact: RedactConfig = Field(default_factory=RedactConfig)
    """What is blanked in them."""
    enrich: EnrichConfig = Field(default_factory=EnrichConfig)
    """What is added to them."""
    output: OutputConfig = Field(default_factory=OutputConfig)
    """The receiver."""
    pool: PoolConfig = Field(default_factory=PoolConfig)
    """The worker processes."""
    state: StateConfig = Field(default_factory=StateConfig)
    """What is kept on disk."""
    status: StatusConfig = Field(default_factory=StatusConfig)
    """The status endpoint."""
    log: LogConfig = Field(default_factory=LogConfig)
    """The log."""
