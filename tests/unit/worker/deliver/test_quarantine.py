from __future__ import annotations

import errno
import logging
import os
import pickle
from array import array
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.quarantine import (
    ITEM_BYTES,
    account_is_right,
    before_each_call,
    item,
    numbers,
    unfinished,
)
from worker.deliver import quarantine as store
from worker.deliver.quarantine import (
    BrokenItemError,
    Quarantine,
    QuarantineFullError,
    UnknownItemError,
)
from worker.errors import RetriableError, TrailfeedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[..., Quarantine]


@pytest.mark.parametrize(
    "body",
    [None, b"", b"\x1f\x8b\x00\n\xff" * 1000, memoryview(b"abc"), array("H", b"abcd")],
)
def test_what_was_put_comes_back(open_quarantine: Open, body: Any) -> None:
    quarantine = open_quarantine()
    item_id = quarantine.put(item(), body)
    kept = quarantine.read(item_id)
    assert (kept.id, kept.code, kept.message.body) == (item_id, "bad_gzip", "{}")
    assert kept.version
    assert kept.object == item().object
    expected = None if body is None else bytes(body)
    assert open_quarantine().body(item_id) == expected
    assert kept.body_bytes == (None if expected is None else len(expected))
    assert list(open_quarantine().items()) == [kept]


def test_nobody_else_may_read_it(open_quarantine: Open, folder: Path) -> None:
    open_quarantine().put(item(), b"body")
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode & 0o777
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_items_come_in_the_order_of_their_time(open_quarantine: Open) -> None:
    quarantine = open_quarantine()
    ids = {number: quarantine.put(item(number), b"") for number in (2, 0, 1)}
    assert numbers(quarantine) == ["m0", "m1", "m2"]
    assert sorted(ids.values()) == [ids[0], ids[1], ids[2]]
    assert ids[0].startswith("20261121T091501.123456Z-")


def test_a_quarantine_never_used_is_empty(open_quarantine: Open, folder: Path) -> None:
    assert list(open_quarantine().items()) == []
    with pytest.raises(UnknownItemError):
        open_quarantine().remove("20261121T091501.123456Z-00000000")
    assert not folder.exists()


def test_a_removed_item_is_gone(open_quarantine: Open, folder: Path) -> None:
    quarantine = open_quarantine()
    first, second = (quarantine.put(item(number), b"x") for number in range(2))
    assert quarantine.size_bytes(first) == ITEM_BYTES
    quarantine.remove(first)
    assert numbers(quarantine) == ["m1"]
    for use in (quarantine.remove, quarantine.read, quarantine.body):
        with pytest.raises(UnknownItemError, match=first):
            use(first)
    quarantine.remove(second)
    assert unfinished(folder) == []
    assert account_is_right(folder)


@pytest.mark.parametrize(
    "item_id", ["", ".", "..", "../unfinished", "/etc", "a\0b", "no-such", "x" * 5000]
)
def test_an_id_is_never_taken_for_a_path(open_quarantine: Open, item_id: str) -> None:
    quarantine = open_quarantine()
    quarantine.put(item(), b"")
    for use in (
        quarantine.read,
        quarantine.body,
        quarantine.remove,
        quarantine.size_bytes,
    ):
        with pytest.raises(UnknownItemError):
            use(item_id)
    assert numbers(quarantine) == ["m0"]


def test_what_cannot_be_read_is_reported_and_passed_over(
    open_quarantine: Open, folder: Path
) -> None:
    quarantine = open_quarantine()
    ids = [quarantine.put(item(number), b"body") for number in range(4)]
    (folder / "items" / ids[0] / "item.json").write_text("{")
    (folder / "items" / ids[1] / "item.json").unlink()
    (folder / "items" / ids[2] / "body").write_bytes(b"bod")
    (folder / "items" / "lost+found").mkdir()
    (folder / "items" / "20261121T091501.123456Z-00000000").write_text("a file")
    reports: list[str] = []
    found = [kept.id for kept in quarantine.items(report=reports.append)]
    assert found == ids[2:]
    assert len(reports) == 4
    for item_id in ids[:2]:
        (report,) = (report for report in reports if item_id in report)
        assert report.count("cannot be read: ") == 1
        assert f"trailfeed quarantine purge {item_id} removes it" in report
    assert sum("is no item of the quarantine" in report for report in reports) == 2
    with pytest.raises(BrokenItemError, match="3 of 4 bytes"):
        quarantine.body(ids[2])
    for item_id in ids[:3]:
        quarantine.remove(item_id)
    assert numbers(quarantine) == ["m3"]


def test_when_full_nothing_is_changed(open_quarantine: Open, folder: Path) -> None:
    quarantine = open_quarantine(items=2)
    for number in range(2):
        quarantine.put(item(number), b"x")
    with pytest.raises(QuarantineFullError) as caught:
        quarantine.put(item(2), b"x")
    assert caught.value.code == "quarantine_full"
    assert "24576 bytes are taken" in str(caught.value)
    assert "state.quarantine_max_bytes (24576)" in str(caught.value)
    assert isinstance(caught.value, RetriableError)
    assert numbers(quarantine) == ["m0", "m1"]
    assert unfinished(folder) == []
    quarantine.remove(next(quarantine.items()).id)
    quarantine.put(item(3), b"x")
    assert numbers(quarantine) == ["m1", "m3"]


def test_when_full_nothing_is_written_in_vain(open_quarantine: Open) -> None:
    quarantine = open_quarantine(items=1)
    quarantine.put(item(0), b"x")
    written: list[str] = []
    with before_each_call(written.append), pytest.raises(QuarantineFullError):
        quarantine.put(item(1), b"x")
    assert "write" not in written
    assert "mkdir" not in written


def test_the_oldest_are_dropped_where_that_is_wanted(
    open_quarantine: Open, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    quarantine = open_quarantine(items=3, when_full="drop_oldest")
    ids = [quarantine.put(item(number), b"x") for number in range(3)]
    (folder / "items" / ids[0] / "item.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        quarantine.put(item(3), b"x" * 4097)
    assert numbers(quarantine) == ["m2", "m3"]
    assert [record.getMessage() for record in caplog.records] == [
        f"the quarantine is full: dropped its oldest item {ids[0]}",
        f"the quarantine is full: dropped its oldest item {ids[1]} (bad_gzip)",
    ]
    assert caplog.records[1].__dict__["key"] == "AWSLogs/1.json.gz"
    assert account_is_right(folder)


def test_one_item_above_the_limit_drops_nothing(open_quarantine: Open) -> None:
    quarantine = open_quarantine(items=2, when_full="drop_oldest")
    quarantine.put(item(0), b"x")
    with pytest.raises(QuarantineFullError, match="does not fit"):
        quarantine.put(item(1), b"x" * 4096 * 5)
    assert numbers(quarantine) == ["m0"]


def test_items_are_not_counted_anew_for_each_put(
    open_quarantine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = open_quarantine(items=20)
    quarantine.put(item(0), b"x")
    monkeypatch.setattr(Quarantine, "_count", lambda _: pytest.fail("counted"))
    for number in range(1, 20):
        open_quarantine(items=20).put(item(number), b"x")
    with pytest.raises(QuarantineFullError):
        quarantine.put(item(20), b"x")


@pytest.mark.parametrize("noted", ["", "1", "x y", "999999999 1", "-5 -5", None])
def test_a_number_that_cannot_be_right_is_not_believed(
    open_quarantine: Open, folder: Path, noted: str | None
) -> None:
    quarantine = open_quarantine(items=3)
    for number in range(2):
        quarantine.put(item(number), b"x")
    if noted is None:
        (folder / "account").unlink()
    else:
        (folder / "account").write_text(noted)
    quarantine.put(item(2), b"x")
    assert account_is_right(folder)
    with pytest.raises(QuarantineFullError):
        quarantine.put(item(3), b"x")


def test_an_item_taken_away_by_hand_makes_room(
    open_quarantine: Open, folder: Path
) -> None:
    quarantine = open_quarantine(items=2)
    ids = [quarantine.put(item(number), b"x") for number in range(2)]
    (folder / "items" / ids[0]).rename(folder / "elsewhere")
    os.utime(folder / "items", ns=(1, 1))  # however coarse the clock of files is
    quarantine.put(item(2), b"x")
    assert numbers(quarantine) == ["m1", "m2"]


@pytest.mark.parametrize("name", ["write", "fsync", "mkdir", "rename", "open"])
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "quarantine_disk_full"),
        (errno.EDQUOT, "quarantine_disk_full"),
        (errno.EIO, "quarantine_no_access"),
        (errno.EROFS, "quarantine_no_access"),
    ],
)
def test_a_disk_that_refuses_leaves_nothing_behind(
    open_quarantine: Open, folder: Path, name: str, number: int, code: str
) -> None:
    quarantine = open_quarantine()
    quarantine.put(item(0), b"x")

    def refuse(called: str) -> None:
        if called == name:
            raise OSError(number, os.strerror(number))

    with before_each_call(refuse), pytest.raises(RetriableError) as caught:
        quarantine.put(item(1), b"x")
    assert caught.value.code == code
    assert os.strerror(number) in str(caught.value)
    assert str(folder) in str(caught.value)
    quarantine.put(item(2), b"x")
    assert numbers(quarantine) == ["m0", "m2"]
    assert unfinished(folder) == []
    assert account_is_right(folder)


def test_a_number_that_finds_no_room_fails_no_put(
    open_quarantine: Open, folder: Path
) -> None:
    """Else the message would come again for an item that is there already."""
    quarantine = open_quarantine()
    quarantine.put(item(0), b"x")

    def refuse(called: str) -> None:
        if called == "pwrite":
            raise OSError(errno.ENOSPC, "full")

    with before_each_call(refuse):
        quarantine.put(item(1), b"x")
    assert numbers(quarantine) == ["m0", "m1"]
    quarantine.put(item(2), b"x")
    assert account_is_right(folder)


def test_a_folder_that_may_not_be_read_is_not_taken_for_empty(
    open_quarantine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = open_quarantine()
    quarantine.put(item(), b"")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(RetriableError, match="check its owner"):
        list(quarantine.items())


def test_all_is_synced_before_an_item_appears_and_its_place_after(
    open_quarantine: Open,
) -> None:
    quarantine = open_quarantine()
    quarantine.put(item(0), b"x")
    called: list[str] = []
    with before_each_call(called.append):
        item_id = quarantine.put(item(1), b"x")
        quarantine.remove(item_id)
    file, folder, place = "fsync", "fsync", "fsync"
    put, removed = [file, file, folder, "rename", place], ["rename", place]
    assert [name for name in called if name in {"fsync", "rename"}] == put + removed


def test_an_oldest_item_that_is_gone_already_is_passed_over(
    open_quarantine: Open,
) -> None:
    quarantine = open_quarantine(items=3, when_full="drop_oldest")
    other = open_quarantine(items=3, when_full="drop_oldest")
    for number in range(4):  # has the names of the oldest in memory from here
        quarantine.put(item(number), b"x")
    other.remove(next(other.items()).id)
    for number in range(4, 7):
        quarantine.put(item(number), b"x")
    assert numbers(quarantine) == ["m4", "m5", "m6"]


@pytest.mark.parametrize(
    "error", [QuarantineFullError, UnknownItemError, BrokenItemError]
)
def test_errors_cross_processes(error: type[TrailfeedError]) -> None:
    again = pickle.loads(pickle.dumps(error("code", "sentence")))  # noqa: S301
    assert (type(again), str(again)) == (error, "sentence")


def test_names_of_the_oldest_are_read_a_few_at_a_time(
    open_quarantine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_OLDEST_AT_ONCE", 2)
    quarantine = open_quarantine(items=5, when_full="drop_oldest")
    for number in range(12):
        quarantine.put(item(number), b"x")
    assert numbers(quarantine) == [f"m{number}" for number in range(7, 12)]
