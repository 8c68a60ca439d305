"""trailfeed(1) from the commands' help, trailfeed.toml(5) from conf/trailfeed.toml."""

from __future__ import annotations

import re
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from commands import Command


def commands_page(commands: Iterable[Command], around: str, *, head: str) -> str:
    """Write trailfeed(1).

    Args:
        commands: All of them.
        around: What is written by hand, in roff; the line ``COMMANDS`` is where the
            commands go.
        head: What ``.TH`` says after the page's name and section.
    """
    before, _, after = around.partition("COMMANDS\n")
    described = "".join(f"{line}\n" for one in commands for line in _command(one))
    return f".TH TRAILFEED 1 {head}\n{before}.SH COMMANDS\n{described}{after}"


def configuration_page(example: str, *, head: str) -> str:
    """Write trailfeed.toml(5): each key with its default and the comment above it.

    Args:
        example: ``conf/trailfeed.toml``.
        head: As for :func:`commands_page`.
    """
    lines = [
        f".TH TRAILFEED.TOML 5 {head}",
        ".SH NAME",
        r"trailfeed.toml \- configuration of trailfeed",
        ".SH DESCRIPTION",
    ]
    for comment, settings in _paragraphs(example.splitlines()):
        if settings and settings[0].startswith("["):
            lines += [f".SH {_text(settings[0])}", *_block(comment)]
            continue
        for number, setting in enumerate(settings):
            lines += [".TQ" if number else ".TP", _bold(setting)]
        lines += _block(comment)
    lines += [".SH SEE ALSO", r".BR trailfeed (1)"]
    return "\n".join(lines) + "\n"


def _paragraphs(lines: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Take apart: comments, each with the section, or the keys, directly below it."""
    comment: list[str] = []
    for is_comment, group in groupby(lines, lambda line: line.startswith("#")):
        if is_comment:
            comment = [line[1:].removeprefix(" ") for line in group]
            continue
        settings = list(takewhile(bool, group))
        yield comment, settings


def _command(command: Command) -> Iterator[str]:
    if not command.path:
        yield from _parameters(command)
        return
    yield f".SS trailfeed {_text(' '.join(command.path))}"
    for number, paragraph in enumerate(command.paragraphs):
        if number:
            yield ".PP"
        example = paragraph.removeprefix("Example: ")
        if example != paragraph:
            yield from ("Example:", ".br", _bold(example))
        else:
            yield _line(paragraph)
    yield from _parameters(command)


def _parameters(command: Command) -> Iterator[str]:
    for one in command.parameters:
        yield from (".TP", _bold(one.shown), _line(one.help))


def _block(comment: list[str]) -> Iterator[str]:
    """Write a comment: text is filled, what is indented stands as it is."""
    is_as_it_is = False
    for line in comment:
        if line.startswith(" ") != is_as_it_is:
            is_as_it_is = not is_as_it_is
            yield ".nf" if is_as_it_is else ".fi"
        yield _line(line) if line else ".PP"
    if is_as_it_is:
        yield ".fi"


def _bold(text: str) -> str:
    return rf"\fB{_text(text)}\fR"


def _line(text: str) -> str:
    return re.sub(r"^(?=[.'])", r"\\&", _text(text))


def _text(text: str) -> str:
    """Write text so that roff prints it as it is."""
    marks = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha"}
    marks |= {"~": r"\(ti", "…": "...", "—": r"\(em"}
    return "".join(marks.get(character, character) for character in text)
