"""The state directory: made, checked, and one supervisor's alone."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from worker.deliver.journal import prepare_journal
from worker.errors import ConfigError
from worker.pool import state_dir
from worker.pool.state_dir import StateDir, StateDirBusyError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.functional


def test_it_is_made_and_can_be_used_again_after_close(tmp_path: Path) -> None:
    StateDir(tmp_path / "a/b").close()
    StateDir(tmp_path / "a/b").close()
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o750


def test_a_second_supervisor_is_refused_with_the_first_ones_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_dir, "LOCK_WAIT_S", 0.0)
    first = StateDir(tmp_path)
    with pytest.raises(StateDirBusyError, match=f"process {os.getpid()}"):
        StateDir(tmp_path)
    first.close()
    StateDir(tmp_path).close()


def test_a_file_in_its_place_is_a_problem_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as problems:
        StateDir(tmp_path / "file")
    assert problems.value.problems[0].startswith("state.dir: cannot write to")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_clear_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As NFS says it, which cannot be had here."""

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    for use in (StateDir, lambda path: prepare_journal(path / "journal.sqlite3")):
        with pytest.raises(ConfigError) as caught:
            use(tmp_path)
        (problem,) = caught.value.problems
        assert problem.startswith(f"state.dir: {tmp_path} is on a file system without")
        assert os.strerror(number) in problem
        assert "on a local disk" in problem
