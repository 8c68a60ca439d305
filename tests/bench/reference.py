"""What the same bytes cost without trailfeed, as a program: prints CPU seconds.

``loop``: gunzip, parse and pack each record, and nothing else, with the fastest
libraries. ``get``: read each object through boto3.
"""

from __future__ import annotations

import argparse
import pickle
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import orjson
import ormsgpack
from botocore.config import Config
from isal import isal_zlib

from worker.demo.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from tests.bench.data import Mix


GZIP_WBITS = 31


def loop(bodies: list[bytes]) -> int:
    """Return how many bytes came out."""
    time = ormsgpack.Ext(0, bytes(8))
    size_bytes = 0
    for body in bodies:
        for record in orjson.loads(isal_zlib.decompress(body, GZIP_WBITS))["Records"]:
            size_bytes += len(ormsgpack.packb((time, record)))
    return size_bytes


def get(keys: list[str], endpoint_url: str) -> int:
    """Return how many bytes came in."""
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(s3={"addressing_style": "path"}),
    )
    client.get_object(Bucket="logs", Key=keys[0])["Body"].read()  # connects
    begin_s = cpu_s()
    size_bytes = sum(
        len(client.get_object(Bucket="logs", Key=key)["Body"].read()) for key in keys
    )
    report(begin_s)
    return size_bytes


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def report(begin_s: float) -> None:
    sys.stdout.write(f"{cpu_s() - begin_s}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("loop", "get"))
    parser.add_argument("mix", type=Path)
    parser.add_argument("--endpoint-url", default="")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--of", type=int, default=1, help="how many share the mix")
    parser.add_argument("--share", type=int, default=0, help="which of them this is")
    arguments = parser.parse_args()
    mix: Mix = pickle.loads(arguments.mix.read_bytes())  # noqa: S301 - our own
    mine = slice(arguments.share, None, arguments.of)
    if arguments.what == "get":
        get(list(mix.keyed(arguments.prefix))[mine], arguments.endpoint_url)
    else:
        bodies = mix.in_turn()[mine]
        begin_s = cpu_s()
        loop(bodies)
        report(begin_s)


if __name__ == "__main__":
    main()
