"""packaging/pages: what man pages and completions say is what the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import completions
import manual
import pytest
from commands import Command, Parameter, commands

from worker.config.keys import known_keys

PACKAGING = Path(__file__).parents[3] / "packaging"
FOUND = tuple(commands())
CONFIGURATION = manual.configuration_page(
    (PACKAGING.parent / "conf" / "trailfeed.toml").read_text("utf-8"), head=""
)


def command(*parameters: Parameter, text: str = "Do it.") -> Command:
    return Command(("do",), (text,), parameters)


def option(name: str, *choices: str, text: str = "") -> Parameter:
    return Parameter((name,), f"{name} WORD", text, takes_value=True, choices=choices)


class TestCommands:
    def test_all_are_found_with_those_below_a_group(self) -> None:
        paths = {one.path for one in FOUND}
        assert {(), ("run",), ("quarantine",), ("quarantine", "list")} <= paths

    def test_options_say_what_they_take(self) -> None:
        (bridge,) = (one for one in FOUND if one.path == ("bridge",))
        options = {one.names: one for one in bridge.parameters}
        assert options[("--format",)].choices == ("classic", "yaml")
        assert options[("--config",)].shown == "--config FILE"
        (run,) = (one for one in FOUND if one.path == ("run",))
        (flag,) = (one for one in run.parameters if one.names == ("--until-empty",))
        assert not flag.takes_value

    def test_each_has_its_help_and_an_example(self) -> None:
        leaves = [one for one in FOUND if one.path and one.path != ("quarantine",)]
        for one in leaves:
            assert one.paragraphs[-1].startswith("Example: trailfeed "), one.path


class TestManual:
    def test_every_command_and_option_stands_in_the_page(self) -> None:
        page = manual.commands_page(FOUND, "before\nCOMMANDS\nafter\n", head="x")
        for one in FOUND:
            assert f".SS trailfeed {' '.join(one.path)}\n" in page or not one.path
            for name in (name for part in one.parameters for name in part.names):
                assert name.replace("-", r"\-") in page
        assert page.index("before") < page.index(".SH COMMANDS") < page.index("after")

    def test_every_key_stands_under_its_section(self) -> None:
        section, seen = "", set()
        for line in CONFIGURATION.splitlines():
            if heading := re.fullmatch(r"\.SH \[(.+)\]", line):
                section = heading[1]
            elif key := re.match(r"\\fB(\w+) = ", line):
                seen.add(f"{section}.{key[1]}")
        assert seen == set(known_keys())

    def test_keys_that_share_a_comment_stand_above_it(self) -> None:
        page = manual.configuration_page("# Of both.\na = 1\nb = 2\n", head="")
        lines = page.splitlines()
        at = lines.index(".TP")
        assert lines[at : at + 5] == [
            ".TP",
            r"\fBa = 1\fR",
            ".TQ",
            r"\fBb = 2\fR",
            "Of both.",
        ]

    @pytest.mark.parametrize(
        ("text", "written"),
        [
            (".SH it is not", r"\&.SH it is not"),
            ("'quoted'", r"\(aqquoted\(aq"),
            (r"a\nb", r"a\enb"),
            ("--json", r"\-\-json"),
        ],
    )
    def test_text_is_no_request(self, text: str, written: str) -> None:
        page = manual.commands_page([command(text=text)], "COMMANDS\n", head="")
        assert written in page.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
class TestCompletions:
    def test_every_option_is_completed(self, shell: str) -> None:
        script = getattr(completions, shell)(FOUND)
        for name in {name for one in FOUND for p in one.parameters for name in p.names}:
            assert (f"-l {name[2:]} " if shell == "fish" else name) in script

    def test_help_may_hold_what_means_something_to_a_shell(self, shell: str) -> None:
        one = command(option("--a", "x", text="[the queue's]: $(it) `is`"))
        script = getattr(completions, shell)([Command((), ("",), ()), one])
        outside = re.sub(r"'\\''", "", script)
        assert "$(it)" not in re.sub(r"'[^']*'", "", outside)
