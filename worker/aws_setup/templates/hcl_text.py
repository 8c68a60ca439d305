"""JSON values as Terraform's HCL, in the layout of ``terraform fmt``.

Source: HCL Native Syntax Specification, "Structural Elements" and "Template
Expressions"; Terraform, "Style Conventions": the equals signs of neighbouring lines
stand below each other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from worker.aws_setup.templates.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Block:
    """A block, such as ``resource "aws_sqs_queue" "events" { … }``.

    Attributes:
        head: What is before the brace.
        attributes: By their names.
        blocks: Inside it.
        last: Attributes after the blocks, as Terraform has its own (``depends_on``).
    """

    head: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    last: Mapping[str, Any] = field(default_factory=dict)


def encoded(value: Any) -> Expression:
    """The call that makes JSON of a value."""
    return Expression(f"jsonencode({_value(value)})")


def block_text(block: Block) -> str:
    """A block with all that is in it."""
    parts: list[list[str]] = []
    if block.attributes:
        parts.append(_assignments(block.attributes))
    parts += [block_text(one).splitlines() for one in block.blocks]
    if block.last:
        parts.append(_assignments(block.last))
    lines = [block.head + " {"]
    for number, part in enumerate(parts):
        lines += [""] if number else []
        lines += [_INDENT + line if line else line for line in part]
    return "\n".join([*lines, "}"])


def _assignments(values: Mapping[str, Any]) -> list[str]:
    """One assignment a name; runs of those on one line have their signs aligned."""
    items = [(_name(key), _value(value)) for key, value in values.items()]
    lines: list[str] = []
    run: list[tuple[str, str]] = []
    for name, text in items:
        if "\n" in text:
            lines += [*_aligned(run), *f"{name} = {text}".splitlines()]
            run = []
        else:
            run.append((name, text))
    return lines + _aligned(run)


def _aligned(run: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in run), default=0)
    return [f"{name:<{width}} = {text}" for name, text in run]


def _value(value: Any) -> str:
    match value:
        case Expression():
            return value.text
        case dict() if value:
            inside = _assignments(value)
            return "\n".join(["{", *(_INDENT + line for line in inside), "}"])
        case list() if any(isinstance(one, dict) for one in value):
            texts = ",\n".join(_value(one) for one in value).splitlines()
            return "\n".join(["[", *(_INDENT + line for line in texts), "]"])
        case list():
            return f"[{', '.join(_value(one) for one in value)}]"
        case str():
            return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
        case _:
            return json.dumps(value)


def _name(key: str) -> str:
    return key if _NAME.fullmatch(key) else json.dumps(key)
