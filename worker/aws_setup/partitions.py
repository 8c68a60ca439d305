"""Which of AWS's partitions a region is in, by botocore's own data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import botocore.loaders


@dataclass(frozen=True, slots=True)
class Partition:
    """A group of regions with accounts, ARNs and host names of its own.

    Attributes:
        name: As in ARNs: ``aws``, ``aws-cn``, ``aws-us-gov`` …
        dns_suffix: Of its endpoints, such as ``amazonaws.com.cn``.
        global_region: Where its global services (IAM) are addressed.
    """

    name: str
    dns_suffix: str
    global_region: str


def partition_of(region: str) -> Partition | None:
    """The partition of a region; None: there is no such region.

    A region that is newer than botocore's data is known by the form of its name.
    """
    data: dict[str, Any] = botocore.loaders.create_loader().load_data("partitions")
    partitions = data["partitions"]
    for one in partitions:
        if region in one["regions"] and not region.endswith("-global"):
            return _partition(one)
    for one in partitions:
        if re.fullmatch(one["regionRegex"], region):
            return _partition(one)
    return None


def _partition(data: dict[str, Any]) -> Partition:
    outputs = data["outputs"]
    return Partition(data["id"], outputs["dnsSuffix"], outputs["implicitGlobalRegion"])
