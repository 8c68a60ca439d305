"""A run id is honored only from those who know the key."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from worker.errors import ConfigError
from worker.source.announcing import announcement
from worker.source.notifications import ObjectRef, parse
from worker.source.resend import resent
from worker.source.run_key import FILE_NAME, run_key

if TYPE_CHECKING:
    from pathlib import Path

KEY, OTHER_KEY = b"k" * 64, b"o" * 64
REF = ObjectRef("trail", "a b/é.gz", size_bytes=3, etag="e", run_id="run-1")


@pytest.mark.parametrize("in_sns", [False, True])
def test_the_sender_who_knows_the_key_is_honored(in_sns: bool) -> None:
    for body in (
        announcement(REF, in_sns=in_sns, run_key=KEY),
        resent(announcement(REF, in_sns=in_sns), run_id="run-1", run_key=KEY),
    ):
        found = parse(body, run_key=KEY)
        assert (found.objects[0].run_id, found.unproven_run_id) == ("run-1", "")


@pytest.mark.parametrize("in_sns", [False, True])
def test_all_others_are_read_like_any_other_message(in_sns: bool) -> None:
    proven = json.loads(announcement(REF, run_key=KEY))
    for document in (
        json.loads(announcement(REF)),
        json.loads(announcement(REF, run_key=OTHER_KEY)),
        proven | {"Records": json.loads(announcement(ObjectRef("b", "k")))["Records"]},
        proven | {"trailfeed": proven["trailfeed"] | {"runId": "run-2"}},
        *(
            proven | {"trailfeed": proven["trailfeed"] | {"proof": wrong}}
            for wrong in (None, 1, "", "é" * 64, "0" * 64)
        ),
    ):
        body = json.dumps(document)
        if in_sns:
            body = json.dumps({"Type": "Notification", "Message": body})
        found = parse(body, run_key=KEY)
        assert found.objects[0].run_id == ""
        assert found.unproven_run_id == document["trailfeed"]["runId"]


def test_the_key_is_made_once_and_is_its_owner_s(tmp_path: Path) -> None:
    key = run_key(tmp_path)
    assert run_key(tmp_path) == key
    assert len(key) == 64
    (only,) = tmp_path.iterdir()
    assert stat.S_IMODE(only.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\n\n", b"short"])
def test_what_is_no_key_is_said_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ConfigError, match=FILE_NAME):
        run_key(tmp_path)


def test_a_directory_that_cannot_be_used_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"state\.dir: cannot use"):
        run_key(tmp_path / "absent")
