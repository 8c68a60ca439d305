"""The stand-in as a program: prints its URL, serves until standard input ends."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys

from tests.fakes.aws_standin.server import Server


async def serve(*, seed: int, port: int) -> None:
    """Serve until standard input ends, however the one at its other end dies."""
    loop = asyncio.get_running_loop()
    server = Server(seed=seed)
    url = await server.start(port=port)
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    ended = asyncio.Event()

    def on_stdin() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            ended.set()

    loop.add_reader(sys.stdin.fileno(), on_stdin)
    await ended.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="aws_standin", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    arguments = parser.parse_args()
    # What a request makes is freed at once; full collections would walk all messages.
    gc.disable()
    asyncio.run(serve(seed=arguments.seed, port=arguments.port))


if __name__ == "__main__":
    main()
