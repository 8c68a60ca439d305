r"""Cells of one line between blanks, as access logs have them. No I/O.

Who writes such logs does not always escape: what a caller sent stands between quotes as
it came. So a line is never refused, and whatever a cell holds, it ends with its line:

* A cell that begins with a quote ends with a quote before a blank or the line's end,
  and may hold blanks and other quotes. ``\"`` and ``""`` are a quote in it, unless one
  of them ends the line or comes before a blank and a quote: then it ends the cell.
* Where a line cannot be read so, a quote before a blank ends a cell whatever comes
  before it, and what still has no end is a plain cell, up to the next blank.

A line is gone through a few times, whatever is in it.
"""

from __future__ import annotations

import re

_MARK = re.compile(r'\\.|""|"', re.DOTALL)
_ESCAPED_QUOTE = re.compile(r'""|\\"')
_MOMENT = r"\[\d{1,2}/\w{3}/\d{4}:[\d:.]+ [+-]\d{4}\]"


class CellReader:
    """Takes lines apart at blanks.

    Args:
        blanks: The characters that stand between cells.
        is_run: Any number of them does, else a single one; then cells can be empty.
        has_moments: ``[06/Feb/2019:00:00:38 +0000]`` is one cell.
    """

    def __init__(self, blanks: str, *, is_run: bool, has_moments: bool) -> None:
        end = rf"(?=[{blanks}]|\Z)"
        self._gap = re.compile(f"[{blanks}]" + "++" * is_run)
        sure_end = rf'(?:\Z|{self._gap.pattern}")'
        quoted = rf'"(?:[^"\\]++|(?!\\"{sure_end})\\.|"")*+"{end}'
        plain = rf"[^{blanks}]" + ("++" if is_run else "*+")
        moment = _MOMENT + end
        unquoted = rf"{moment}|{plain}" if has_moments else plain
        begin = "" if is_run else f"(?:(?<=[{blanks}])|^)"
        self._tokens = re.compile(
            rf'{begin}(?:{quoted}|(?!")(?:{unquoted})|")', re.DOTALL | re.ASCII
        )
        self._quoted = re.compile(quoted, re.DOTALL)
        self._unquoted = re.compile(unquoted, re.ASCII)
        self._end = re.compile(end)
        self._sure_end = re.compile(sure_end)
        self._closing = re.compile(f'"{end}')
        self._stripped = blanks if is_run else ""

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line, none of an empty one."""
        if not line:
            return []
        tokens: list[str] = self._tokens.findall(line)
        if '"' in tokens:  # a quote that nothing ends, as far as the tokens tell
            return self._odd_cells(line.strip(self._stripped))
        return [_unquoted(one) if one.startswith('"') else one for one in tokens]

    def _odd_cells(self, line: str) -> list[str]:
        cells: list[str] = []
        at = 0
        while at <= len(line):
            found = self._cell(line, at)
            if found is None:
                return cells + self._cells_of_rest(line, at)
            cell, end = found
            cells.append(cell)
            at = self._behind_gap(line, end)
        return cells

    def _cell(self, line: str, at: int) -> tuple[str, int] | None:
        """Return a cell and where it ends; None: it is in a quote without an end."""
        if not line.startswith('"', at):
            return self._unquoted_cell(line, at)
        quoted = self._quoted.match(line, at)
        end = quoted.end() if quoted else self._end_of_quoted(line, at + 1)
        return None if end is None else (_unquoted(line[at:end]), end)

    def _end_of_quoted(self, line: str, at: int) -> int | None:
        for mark in _MARK.finditer(line, at):
            end = mark.end()
            if not mark[0].endswith('"'):
                continue
            is_alone = mark[0] == '"' and self._end.match(line, end)
            if is_alone or self._sure_end.match(line, end):
                return end
        return None

    def _cells_of_rest(self, line: str, at: int) -> list[str]:
        cells: list[str] = []
        has_closing = True
        while at <= len(line):
            closing = None
            if has_closing and line.startswith('"', at):
                closing = self._closing.search(line, at + 1)
                has_closing = closing is not None
            if closing is None:
                cell, end = self._unquoted_cell(line, at)
            else:
                end = closing.end()
                cell = _unquoted(line[at:end])
            cells.append(cell)
            at = self._behind_gap(line, end)
        return cells

    def _unquoted_cell(self, line: str, at: int) -> tuple[str, int]:
        plain = self._unquoted.match(line, at)
        return ("", at) if plain is None else (plain[0], plain.end())

    def _behind_gap(self, line: str, at: int) -> int:
        gap = self._gap.match(line, at)
        return len(line) + 1 if gap is None else gap.end()


def regular_cells(line: str) -> list[str] | None:
    """Return the cells between single blanks of a line without anything odd, quickly.

    Returns:
        None: a backslash, or a quote in an odd place: that is for :class:`CellReader`.
    """
    first, *others = line.split('"')
    if not others:
        return line.split(" ") if line else []
    if len(others) % 2 or "\\" in line or not (first == "" or first.endswith(" ")):
        return None
    cells = first[:-1].split(" ") if first else []
    last = others.pop()
    is_quoted = True
    for part in others:
        if is_quoted:
            cells.append(part)
        elif part != " ":
            if not (part.startswith(" ") and part.endswith(" ")):
                return None
            cells += part[1:-1].split(" ")
        is_quoted = not is_quoted
    if last:
        if not last.startswith(" "):
            return None
        cells += last[1:].split(" ")
    return cells


def _unquoted(cell: str) -> str:
    text = cell[1:-1]
    return _ESCAPED_QUOTE.sub('"', text) if '"' in text else text
