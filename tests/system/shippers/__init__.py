"""Real log shippers, started with what ``trailfeed bridge`` prints for them."""

from tests.system.shippers.fluent_bit import (
    FluentBit,
    FluentBitExec,
    FluentBitOverTls,
)
from tests.system.shippers.fluentd import (
    Fluentd,
    FluentdExec,
    FluentdOnUnix,
    FluentdOverTls,
)
from tests.system.shippers.otel import OtelCollector, OtelCollectorOverTcp
from tests.system.shippers.shipper import Settings, Shipper, write_config
from tests.system.shippers.vector import (
    Vector,
    VectorExec,
    VectorOnUnix,
    VectorOverTls,
)

__all__ = [
    "FluentBit",
    "FluentBitExec",
    "FluentBitOverTls",
    "Fluentd",
    "FluentdExec",
    "FluentdOnUnix",
    "FluentdOverTls",
    "OtelCollector",
    "OtelCollectorOverTcp",
    "Settings",
    "Shipper",
    "Vector",
    "VectorExec",
    "VectorOnUnix",
    "VectorOverTls",
    "write_config",
]
