"""What AWS is to the bench: the stand-in, and nginx for S3 where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from tests.fakes.aws_standin.process import AwsStandIn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUCKET = "logs"
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0

_CONFIG = """\
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    open_file_cache max=20000;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        # The keys end in the ETag that the notifications name.
        location ~ "-(?<etag>[0-9a-f]{{32}})\\.json\\.gz$" {{
            etag off;
            add_header ETag "\\"$etag\\"";
        }}
    }}
}}
"""


def find_nginx() -> str | None:
    """Where nginx is; Debian has it in a folder that is root's."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    return shutil.which("nginx", path=path)


class StaticFiles:
    """nginx while the ``with`` block runs: objects are files, and cost little.

    Args:
        folder: Empty.
        program: nginx.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint_url = ""

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
        (self._folder / "files").mkdir(parents=True)
        config = self._folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=self._folder, port=port))
        self._process = subprocess.Popen(  # noqa: S603 - of the distribution's package
            [self._program, "-p", str(self._folder), "-e", "stderr", "-c", str(config)]
        )
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not _listens(port):
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{self._program} did not start; see above")
            time.sleep(0.02)
        self.endpoint_url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT_S)

    def load(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Write objects; those of the same body share a file."""
        written: dict[bytes, Path] = {}
        for key, body in objects.items():
            path = self._folder / "files" / bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            first = written.setdefault(body, path)
            if first is path:
                path.write_bytes(body)
            else:
                path.hardlink_to(first)


class Endpoint:
    """SQS and S3 while the ``with`` block runs.

    Args:
        folder: For nginx's files.
        nginx: The program; None: S3 is the stand-in's, too.

    Attributes:
        aws: Of SQS.
        s3_endpoint_url: Of S3.
    """

    def __init__(self, folder: Path, nginx: str | None) -> None:
        self.aws = AwsStandIn()
        self.s3_endpoint_url = ""
        self._files = StaticFiles(folder / "nginx", nginx) if nginx else None
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            self.s3_endpoint_url = running.enter_context(self.aws).endpoint_url
            if self._files is not None:
                files = running.enter_context(self._files)
                self.s3_endpoint_url = files.endpoint_url
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def load(self, objects: Mapping[str, bytes], *, queue: str = "") -> None:
        """Put objects into :data:`BUCKET`, and their notifications into a queue.

        Args:
            objects: Bodies by key.
            queue: Empty: no notifications.
        """
        if self._files is not None:
            self._files.load(BUCKET, objects)
        self.aws.load(BUCKET, objects, queue=queue)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
