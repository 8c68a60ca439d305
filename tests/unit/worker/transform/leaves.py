"""Every value of a record, for tests that nothing of it is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any


def leaves(value: object) -> Counter[str]:
    """Texts, numbers and booleans anywhere inside, each as often as it is there."""
    found: Counter[str] = Counter()
    open_values: list[Any] = [value]
    while open_values:
        one = open_values.pop()
        if isinstance(one, dict):
            open_values += one.values()
        elif isinstance(one, list):
            open_values += one
        elif one is not None:
            found[repr(one)] += 1
    return found
