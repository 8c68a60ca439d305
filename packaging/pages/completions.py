"""What bash, zsh and fish complete after ``trailfeed``.

Commands, options, and the values of an option that names all of them; else files.
Nothing of trailfeed runs for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from commands import Command, Parameter

_HELP = ("--help", "Show this message and exit.")


def bash(commands: Sequence[Command]) -> str:
    """Write them for bash-completion's folder."""
    lines = [
        "# Completions of trailfeed.",
        "_trailfeed() {",
        "    local before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\") words='' command",
        '    command="${before[*]:0:2}"',
        "    case $command in",
        f"        {_patterns(one for one in commands if len(one.path) > 1)}) ;;",
        "        *) command=${before[0]-} ;;",
        "    esac",
        '    case "$command ${before[-1]-}" in',
    ]
    for one in commands:
        for option in _options(one):
            if option.takes_value:
                names = "|".join(_quoted(f"{_name(one)} {n}") for n in option.names)
                # No words of ours: files.
                words = f"words={_quoted(' '.join(option.choices))}"
                lines.append(
                    f"        {names}) {words if option.choices else 'return'} ;;"
                )
    lines += ["        *)", "            case $command in"]
    lines += [
        f"                {_quoted(_name(one))})"
        f" words={_quoted(' '.join(_words(one, commands)))} ;;"
        for one in commands
    ]
    return "\n".join(
        (
            *lines,
            "            esac ;;",
            "    esac",
            '    mapfile -t COMPREPLY < <(compgen -W "$words"'
            ' -- "${COMP_WORDS[COMP_CWORD]}")',
            "}",
            "complete -o default -F _trailfeed trailfeed",
            "",
        )
    )


def zsh(commands: Sequence[Command]) -> str:
    """Write them as an autoloaded function, with help."""
    lines = [
        "#compdef trailfeed",
        "local command=''",
        "local -a below",
        # words[1] becomes the last part of the command, as _arguments wants it.
        "while ((CURRENT > 2)); do",
        '    case "${command:+$command }$words[2]" in',
        f"        {_patterns(one for one in commands if one.path)}) ;;",
        "        *) break ;;",
        "    esac",
        '    command="${command:+$command }$words[2]"',
        "    shift words",
        "    ((CURRENT--))",
        "done",
        "case $command in",
    ]
    for one in commands:
        lines.append(f"    {_quoted(_name(one))})")
        if below := _below(one, commands):
            named = " ".join(
                _quoted(f"{part.path[-1]}:{part.paragraphs[0]}") for part in below
            )
            lines += [
                f"        below=({named})",
                "        ((CURRENT > 2)) || _describe command below",
            ]
        specs = [_zsh_spec(option) for option in _options(one)]
        specs.append(_quoted(f"{_HELP[0]}[{_HELP[1]}]"))
        if choices := _argument_choices(one):
            specs.append(_quoted(f"1:value:({' '.join(choices)})"))
        elif not below:
            specs.append("'*:file:_files'")
        lines += [f"        _arguments {' '.join(specs)} ;;"]
    return "\n".join((*lines, "esac", ""))


def fish(commands: Sequence[Command]) -> str:
    """Write them for fish's folder of vendors, with help."""
    lines = [
        "# Completions of trailfeed.",
        f"complete -c trailfeed -l {_HELP[0][2:]} -d {_quoted(_HELP[1])}",
    ]
    for one in commands:
        seen = [f"__fish_seen_subcommand_from {part}" for part in one.path]
        below = _below(one, commands)
        names = " ".join(part.path[-1] for part in below)
        if below:
            seen.append(f"not __fish_seen_subcommand_from {names}")
        when = f"complete -c trailfeed -n {_quoted('; and '.join(seen))}"
        lines += [
            f"{when} -f -a {part.path[-1]} -d {_quoted(part.paragraphs[0])}"
            for part in below
        ]
        if choices := _argument_choices(one):
            lines.append(f"{when} -f -a {_quoted(' '.join(choices))}")
        for option in _options(one):
            value = ""
            if option.choices:
                value = f" -x -a {_quoted(' '.join(option.choices))}"
            elif option.takes_value:
                value = " -r -F"
            spelled = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in option.names
            )
            lines.append(f"{when} {spelled}{value} -d {_quoted(option.help)}")
    return "\n".join((*lines, ""))


def _name(command: Command) -> str:
    return " ".join(command.path)


def _options(command: Command) -> Iterator[Parameter]:
    return (one for one in command.parameters if one.names)


def _below(command: Command, commands: Sequence[Command]) -> list[Command]:
    return [one for one in commands if one.path and one.path[:-1] == command.path]


def _words(command: Command, commands: Sequence[Command]) -> list[str]:
    below = [one.path[-1] for one in _below(command, commands)]
    options = [name for one in _options(command) for name in one.names]
    return [*below, *_argument_choices(command), *options, _HELP[0]]


def _argument_choices(command: Command) -> list[str]:
    arguments = (one for one in command.parameters if not one.names)
    return [choice for one in arguments for choice in one.choices]


def _patterns(commands: Iterator[Command]) -> str:
    return "|".join(_quoted(_name(one)) for one in commands)


def _zsh_spec(option: Parameter) -> str:
    text = option.help
    for mark in "\\[]:":
        text = text.replace(mark, f"\\{mark}")
    value = ""
    if option.choices:
        value = f":value:({' '.join(option.choices)})"
    elif option.takes_value:
        value = ":value:_files"
    return " ".join(_quoted(f"*{name}[{text}]{value}") for name in option.names)


def _quoted(text: str) -> str:
    """Quote for all three shells: only the quote itself means anything inside."""
    return "'" + text.replace("'", "'\\''") + "'"
