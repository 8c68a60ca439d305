"""What an object holds that is not read, told by its first bytes. No I/O.

So that the error names it, and not a byte that is not UTF-8.

Source: the formats' own specifications; Amazon VPC, Elastic Load Balancing, Amazon S3
and Amazon CloudFront User Guides for the logs.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from worker.errors import BadObjectError

SIGNATURE_BYTES: Final = 512
"""As many are looked at: tar says what it is at byte 257."""

JSON_BEGINS: Final = b"{["
"""How nearly all objects begin."""

_DATA: Final = "have these logs written as text"
_ARCHIVE: Final = "put its files into the bucket one by one"
_PACKED: Final = "compress with gzip, zstd, bzip2 or xz"

_BINARY: Final = (
    ("Parquet", 0, b"PAR1", _DATA),
    ("ORC", 0, b"ORC", _DATA),
    ("Avro", 0, b"Obj\x01", _DATA),
    ("Arrow", 0, b"ARROW1\0\0", _DATA),
    ("a zip archive", 0, b"PK\x03\x04", _ARCHIVE),
    ("a zip archive", 0, b"PK\x05\x06", _ARCHIVE),
    ("a 7z archive", 0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    ("a tar archive", 257, b"ustar", _ARCHIVE),
    ("compressed by lz4", 0, b"\x04\x22\x4d\x18", _PACKED),
    ("compressed by lz4", 0, b"\x02\x21\x4c\x18", _PACKED),
    ("compressed by snappy", 0, b"\xff\x06\x00\x00sNaPpY", _PACKED),
    ("compressed by compress", 0, b"\x1f\x9d", _PACKED),
    ("compressed by lzma", 0, b"\x5d\x00\x00", _PACKED),
)
_CONTROLS: Final = re.compile(
    rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]"
)  # in no text but UTF-16
_ZLIB: Final = "compressed by zlib"
_ZLIB_HEADS: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")  # RFC 1950

_IN_CELLS: Final = 'decode.format = "wsv"'
_LOGS: Final = (
    ("a VPC flow log", re.compile(rb"version account-id "), _IN_CELLS),
    (
        "an access log of an Application Load Balancer",
        re.compile(rb"(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT\S+ app/"),
        _IN_CELLS,
    ),
    (
        "a log of a Network Load Balancer",
        re.compile(rb"tls \S+ \d{4}-\d\d-\d\dT\S+ net/"),
        _IN_CELLS,
    ),
    (
        "an access log of a Classic Load Balancer",
        re.compile(rb"\d{4}-\d\d-\d\dT\S+Z \S+ \d+\.\d+\.\d+\.\d+:\d+ "),
        _IN_CELLS,
    ),
    (
        "an S3 server access log",
        re.compile(rb"[0-9a-f]{64} \S+ \[\d\d/\w{3}/\d{4}:"),
        _IN_CELLS,
    ),
    ("a CloudFront log", re.compile(rb"#Version: "), 'decode.format = "lines"'),
)


def binary_content(head: bytes) -> BadObjectError | None:
    """Return the error for contents that are no text, as far as they are known.

    Args:
        head: The first :data:`SIGNATURE_BYTES`, decompressed, or all there are.
    """
    if head[:1] in JSON_BEGINS:
        return None
    for name, at, magic, way_out in _BINARY:
        if head.startswith(magic, at) and _CONTROLS.search(head):
            return _refused(name, way_out)
    return _refused(_ZLIB, _PACKED) if _is_zlib(head) else None


def other_log(head: bytes) -> BadObjectError | None:
    """Return the error for a log of another kind where JSON is expected.

    Args:
        head: The first bytes of a text.
    """
    for name, begin, setting in _LOGS:
        if begin.match(head):
            return BadObjectError(
                "other_log",
                f"the object is {name}, not JSON: read it with {setting} from a queue "
                "of its own, or leave its keys out by source.exclude_keys",
            )
    return None


def _refused(name: str, way_out: str) -> BadObjectError:
    return BadObjectError(
        "not_text",
        f"the object is {name}, which is not read: {way_out}, or leave its keys out by "
        "source.exclude_keys",
    )


def _is_zlib(head: bytes) -> bool:
    if not head.startswith(_ZLIB_HEADS) or head.isascii():
        return False
    try:
        zlib.decompressobj().decompress(head)
    except zlib.error:
        return False
    return True
