"""What ``trailfeed doctor`` says of objects, and of what it may do with them."""

from __future__ import annotations

import gzip
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from tests.functional.worker.doctor.scene import BUCKET, Scene, reader_keys
from worker.doctor.buckets import Wanted
from worker.source.notifications import ObjectRef

pytestmark = pytest.mark.functional


def test_nothing_of_the_bucket_may_be_seen(scene: Scene) -> None:
    scene.settings["source"] |= reader_keys(scene, "sqs:*")
    found = scene.examine()
    assert found["notification"].verdict == "warn"
    assert found["notification"].mend == "allow s3:GetBucketNotification to see it"
    assert found["object"].verdict == "warn"
    assert "allow s3:ListBucket" in found["object"].mend
    named = scene.examine(wanted=Wanted(objects=(ObjectRef(BUCKET, scene.key),)))
    assert named["object"].verdict == "fail"
    assert "allow s3:GetObject, and kms:Decrypt" in named["object"].said


def test_an_object_that_is_not_what_the_configuration_says(scene: Scene) -> None:
    scene.put("broken.json.gz", gzip.compress(b'{"Records": [' + b"1," * 99)[:-9])
    wanted = Wanted(objects=(ObjectRef(BUCKET, "broken.json.gz"),))
    found = scene.examine(wanted=wanted)["object"]
    assert found.verdict == "fail"
    assert "cannot be decoded: " in found.said


def test_there_is_nothing_to_read(scene: Scene) -> None:
    scene.settings["source"]["include_keys"] = ["nothing-like-that"]
    found = scene.examine()["object"]
    assert found.verdict == "warn"
    assert "source.include_keys" in found.mend


def test_a_bucket_that_is_no_trail(scene: Scene) -> None:
    scene.aws.client("s3").delete_object(Bucket=BUCKET, Key=scene.key)
    scene.put("plain/a.json", b'{"a": 1}\n{"a": 2}\n')
    found = scene.examine()["object"]
    assert found.verdict == "warn"
    assert f"s3://{BUCKET}/plain/a.json: 18 bytes, 0 min old, 2 records" in found.said
    assert "2 of them without a usable time" in found.said
    assert "decode.time_field" in found.mend


@pytest.mark.parametrize(
    ("text", "said", "mend"),
    [
        (b"\n\n", "no record", "decode.format"),
        (
            b'{"a":1,"eventTime":"2026-11-20T12:00:00Z"}\n',
            "1 records, of which filter lets 0 through",
            "filter.include",
        ),
    ],
)
def test_what_gives_nothing_is_warned_of(
    scene: Scene, text: bytes, said: str, mend: str
) -> None:
    scene.aws.client("s3").delete_object(Bucket=BUCKET, Key=scene.key)
    scene.put("plain/a.json", text)
    scene.settings["filter"] = {"include": ["a = other"]}
    found = scene.examine()["object"]
    assert found.verdict == "warn"
    assert said in found.said
    assert mend in found.mend


class FakeIam(BaseHTTPRequestHandler):
    """Answers SimulatePrincipalPolicy, which moto does not know."""

    denied: frozenset[str]

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        results = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalDecision>"
            f"{'implicitDeny' if action in self.denied else 'allowed'}"
            "</EvalDecision></member>"
            for name, (action,) in asked.items()
            if name.startswith("ActionNames.")
        )
        body = (
            "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult>"
            f"<EvaluationResults>{results}</EvaluationResults>"
            "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.mark.parametrize(
    ("denied", "verdict"),
    [((), "ok"), (("sqs:DeleteMessage",), "warn"), (("s3:ListBucket",), "warn")],
)
def test_the_simulator_is_asked(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    denied: tuple[str, ...],
    verdict: str,
) -> None:
    scene.settings["source"] |= {
        "endpoint_url": "",
        "role_arn": "",
        "sqs_endpoint_url": scene.aws.endpoint_url,
        "s3_endpoint_url": scene.aws.endpoint_url,
    }
    scene.settings["source"] |= reader_keys(scene, "sqs:*", "s3:*")
    handler = type("Handler", (FakeIam,), {"denied": frozenset(denied)})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", scene.aws.endpoint_url)
        found = scene.examine()
        server.shutdown()
        thread.join()
    assert found["credentials"].said.endswith(":user/reader")
    assert found["permissions"].verdict == verdict
    assert all(action in found["permissions"].said for action in denied)
