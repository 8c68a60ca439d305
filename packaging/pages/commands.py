"""The commands as the command line itself tells them, for whoever describes them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import typer

from worker.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option, or an argument.

    ``names`` are an option's spellings, and empty for an argument; ``shown`` is how
    ``--help`` writes it, with its value; ``choices`` are all that its value may be.
    """

    names: tuple[str, ...]
    shown: str
    help: str
    takes_value: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """One command; ``path`` is what is typed after the program's name.

    ``paragraphs`` are its help, one line each.
    """

    path: tuple[str, ...]
    paragraphs: tuple[str, ...]
    parameters: tuple[Parameter, ...]


def commands() -> Iterator[Command]:
    """Go through all of them, the program itself first, in the order of ``--help``."""
    yield from _walk((), typer.main.get_command(app))


def _walk(path: tuple[str, ...], command: Any) -> Iterator[Command]:
    text = inspect.cleandoc(command.help or "").split("\n\n")
    context = typer.Context(command, info_name=" ".join(("trailfeed", *path)))
    yield Command(
        path,
        tuple(" ".join(paragraph.split()) for paragraph in text),
        tuple(
            _parameter(one, context)
            for one in command.params
            if not getattr(one, "hidden", False)
        ),
    )
    for name, part in getattr(command, "commands", {}).items():
        if not part.hidden:
            yield from _walk((*path, name), part)


def _parameter(one: Any, context: typer.Context) -> Parameter:
    shown, text = one.get_help_record(context) or (one.name, "")
    is_option = one.param_type_name == "option"
    names = (*one.opts, *one.secondary_opts) if is_option else ()
    return Parameter(
        names,
        # What kind of text it is says nothing to a reader.
        shown if is_option else shown.partition(" <")[0],
        " ".join(text.split()),
        takes_value=not (is_option and one.is_flag),
        choices=_choices(one.type_descriptor.annotation),
    )


def _choices(annotation: object) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(choice.value for choice in annotation)
    return tuple(choice for part in get_args(annotation) for choice in _choices(part))
