"""Text from bytes: character sets, byte order marks, lines. No I/O."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from worker.decode.limits import DEFAULT_LIMITS
from worker.errors import BadObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from typing_extensions import Buffer

    from worker.decode.limits import DecodeLimits

_PIECE_BYTES = 1 << 20
_BYTE_ORDER_MARK = "\ufeff"
_BYTE_ORDER_MARK_UTF8 = _BYTE_ORDER_MARK.encode()


def is_utf8(charset: str) -> bool:
    """Whether a character set is UTF-8 under one of its names."""
    if charset == "utf-8":  # nearly always, and asked for each object
        return True
    return codecs.lookup(charset).name in {"utf-8", "utf-8-sig"}


def characters(blocks: Iterable[bytes], charset: str) -> Iterator[str]:
    """Decode blocks that are cut anywhere, without a byte order mark at the begin.

    Args:
        blocks: The text's bytes.
        charset: A character set that Python knows.

    Yields:
        A text for each block, empty where it brought no character.

    Raises:
        BadObjectError: The bytes are no text in ``charset``.
    """
    decoder = codecs.getincrementaldecoder(charset)()
    is_first = True
    before_bytes = 0  # of the block, less what the decoder keeps of them
    for block in blocks:
        pending_bytes = len(decoder.getstate()[0])
        text = _decoded(decoder, block, charset, before_bytes - pending_bytes)
        before_bytes += len(block)
        if is_first and text:
            is_first = False
            text = text.removeprefix(_BYTE_ORDER_MARK)
        yield text
    pending_bytes = len(decoder.getstate()[0])
    _decoded(decoder, b"", charset, before_bytes - pending_bytes, is_last=True)


def utf8_blocks(blocks: Iterable[bytes], charset: str) -> Iterator[bytes]:
    """Give blocks of the same text in UTF-8, without a byte order mark at the begin.

    What is said to be UTF-8 goes through as it is: its reader finds out. Of an empty
    block comes an empty one.

    Raises:
        BadObjectError: The bytes are no text in ``charset``.
    """
    if not is_utf8(charset):
        for text in characters(blocks, charset):
            yield text.encode()
        return
    head = b""
    source = iter(blocks)
    for block in source:
        head += block
        if len(head) >= len(_BYTE_ORDER_MARK_UTF8):
            break
        if not block:
            yield b""
    if head := head.removeprefix(_BYTE_ORDER_MARK_UTF8):
        yield head
    yield from source


def lines(
    texts: Iterable[str],
    holds: Callable[[int], None],
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Generator[str | None]:
    r"""Split text at each ``\n``, which the lines do not keep.

    Args:
        texts: The text, cut anywhere.
        holds: Told how many bytes a line takes that is longer than one of them.
        limits: How long a line may be.

    Yields:
        Lines; None where a text brought the end of none.

    Raises:
        BadObjectError: A line is too long.
    """
    begun: list[str] = []
    is_ascii = True
    begun_characters = 0
    is_long = False
    for text in texts:
        if not text:
            yield None
            continue
        first, *others = text.split("\n")
        begun.append(first)
        begun_characters += len(first)
        if not others or is_long:
            is_ascii = is_ascii and first.isascii()
            limits.check_line(begun_characters, is_ascii=is_ascii)
        if not others:
            holds(begun_characters if is_ascii else 4 * begun_characters)
            is_long = True
            yield None
            continue
        line = "".join(begun)
        begun.clear()
        yield line
        del line
        if is_long:
            holds(0)
            is_long = False
        last = others.pop()
        yield from others
        begun, begun_characters, is_ascii = [last], len(last), last.isascii()
    if begun_characters:
        yield "".join(begun)


def checked_utf8(text: bytes) -> bytes:
    """Return the text, which is UTF-8.

    Raises:
        BadObjectError: It is not.
    """
    try:
        str(text, "utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(error.start) from error
    return text


def check_utf8(text: Buffer) -> None:
    """Make sure that a text is UTF-8, however large it is, in little memory.

    Raises:
        BadObjectError: It is not.
    """
    view = memoryview(text)
    pieces = (
        bytes(view[at : at + _PIECE_BYTES]) for at in range(0, len(view), _PIECE_BYTES)
    )
    for _ in characters(pieces, "utf-8"):
        pass


def not_utf8(at_byte: int) -> BadObjectError:
    """The error for text that is in another character set."""
    return BadObjectError(
        "not_utf8",
        f"the text is not UTF-8 at byte {at_byte}: set decode.charset if it is in "
        "another character set",
    )


def _decoded(
    decoder: codecs.IncrementalDecoder,
    block: bytes,
    charset: str,
    offset: int,
    *,
    is_last: bool = False,
) -> str:
    try:
        return decoder.decode(block, is_last)
    except UnicodeError as error:
        # Python's UTF-16 and 32 say no more than that a byte order mark is missing.
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        if is_utf8(charset):
            raise not_utf8(offset + at) from error
        raise BadObjectError(
            "wrong_charset",
            f"the text is not {charset} at byte {offset + at}: set decode.charset to "
            "the character set that it is in",
        ) from error
