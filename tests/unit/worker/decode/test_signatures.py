"""What is no text, or another log, is named, and the way out with it."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

import pytest

from worker.config.model import DecodeConfig
from worker.decode.decompress import decompress
from worker.decode.reader import reader_for
from worker.decode.signatures import binary_content, other_log
from worker.errors import BadObjectError


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.json", "{}")
    return file.getvalue()


def a_tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.json"))
    return file.getvalue()


BINARY = [
    ("Parquet", b"PAR1\x15\x04\x15\x10\x15\x14L\x15\x02\x15\0\x12"),
    ("ORC", b"ORC\x0a\x0c\x0a\x04\x08\x03P\0\x12"),
    ("Avro", b"Obj\x01\x04\x14avro.codec"),
    ("a zip archive", a_zip()),
    ("Arrow", b"ARROW1\0\0\xff\xff\xff\xff"),
    ("compressed by compress", b"\x1f\x9d\x90\x7b\x44"),
    ("a 7z archive", b"7z\xbc\xaf\x27\x1c\0\x04"),
    ("a tar archive", a_tar()),
    ("compressed by lz4", b"\x04\x22\x4d\x18\x64\x40\xa7"),
    ("compressed by snappy", b"\xff\x06\0\0sNaPpY\0"),
    ("compressed by lzma", lzma.compress(b"{}" * 99, format=lzma.FORMAT_ALONE)),
    *(
        ("compressed by zlib", zlib.compress(b'{"a":1}' * 99, level))
        for level in (0, 1, 5, 9)
    ),
]


def records(data: bytes, **decode: object) -> list[object]:
    blocks = decompress([data], compression="auto", max_bytes=1 << 30, max_ratio=1000)
    reader = reader_for(DecodeConfig.model_validate(decode), text_field="log")
    return [one for one in reader.items(blocks, lambda _: None) if one is not None]


@pytest.mark.parametrize("format_", ["json", "csv", "wsv", "lines"])
@pytest.mark.parametrize(("name", "data"), BINARY)
def test_binary_contents_are_named(name: str, data: bytes, format_: str) -> None:
    for packed in (data, gzip.compress(data)):
        with pytest.raises(BadObjectError) as caught:
            records(packed, format=format_, charset="latin-1")
        assert caught.value.code == "not_text"
        assert f"the object is {name}, which is not read: " in str(caught.value)
        assert "source.exclude_keys" in str(caught.value)
        assert "charset" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"ORC and PAR1",
        b"PAR1",
        b"x^2 + y^2 = z^2",
        b"x\x01",
        b"]",
        "]\0".encode("utf-16"),
        b"PKZIP",
        b"",
        b"a" * 257 + b"ustar",
        "ORC é".encode(),
    ],
)
def test_texts_that_begin_alike_are_texts(text: bytes) -> None:
    assert binary_content(text) is None


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a VPC flow log", "version account-id interface-id srcaddr dstaddr srcport"),
        (
            "an access log of an Application Load Balancer",
            "h2 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 1",
        ),
        (
            "a log of a Network Load Balancer",
            "tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234",
        ),
        (
            "an access log of a Classic Load Balancer",
            "2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0",
        ),
        (
            "an S3 server access log",
            f"{'79a59df9' * 8} awsexamplebucket1 [06/Feb/2019:00:00:38 +0000]",
        ),
        ("a CloudFront log", "#Version: 1.0\n#Fields: date time x-edge-location"),
    ],
)
def test_the_logs_beside_cloudtrails_are_named(name: str, line: str) -> None:
    for text in (line, "\ufeff" + line, line + "\n" + "x" * (2 << 20)):
        with pytest.raises(BadObjectError) as caught:
            records(text.encode())
        assert caught.value.code == "other_log"
        assert f"the object is {name}, not JSON: " in str(caught.value)
        assert "decode.format" in str(caught.value)
    assert records(line.encode(), format="lines")


@pytest.mark.parametrize("text", [b'{"version account-id ": 1}', b"version 2", b"[]"])
def test_other_texts_are_none_of_them(text: bytes) -> None:
    assert other_log(text) is None
