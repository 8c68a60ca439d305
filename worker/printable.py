"""Text from outside, shown to people: on one line, and without control over it. No I/O.

What a log line or a terminal would obey or hide is escaped as Python does it: controls
(ESC and C1 too), line and paragraph separators, what turns the direction of writing,
invisible characters and lone surrogates.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text on one line, with escapes for what is not printable."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def quoted(text: str) -> str:
    r"""Return the text as one word of a log line.

    It is in double quotes where it is empty or holds a blank, a quote, a backslash or
    anything that is not printable; ``\"`` and ``\\`` stand for these two then.
    """
    if text.isprintable() and text and not any(one in text for one in ' "\\'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'
