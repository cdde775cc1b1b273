# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims that are being read: told to all instances, and nothing left of it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
import typing as t
from pathlib import Path

import pytest
from mock_accel_dra.errors import ClaimError, FetchError
from mock_accel_dra.fetches import Fetches

UID = "8ebc86ea-6aaa-4110-8f6d-4507a90b46cb"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fetching"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_nothing_is_left(folder: Path) -> None:
    before = open_files()
    with Fetches(folder).begun(UID) as fetch:
        fetch.check()
        assert [path.name.partition(".")[0] for path in folder.iterdir()] == [UID]
    assert list(folder.iterdir()) == []
    assert open_files() == before


def test_a_release_ends_those_of_its_claim(folder: Path) -> None:
    """Also those of another instance, and more than one."""
    fetches, other = Fetches(folder), Fetches(folder)
    with fetches.begun(UID) as first, other.begun(UID) as second, fetches.begun(f"{UID}0") as longer:
        Fetches(folder).cancel(UID)
        for fetch in (first, second):
            with pytest.raises(ClaimError, match="it has been released meanwhile"):
                fetch.check()
        longer.check()
        with fetches.begun(UID) as anew:
            anew.check()
    assert list(folder.iterdir()) == []


def test_a_release_where_nothing_is_read(folder: Path) -> None:
    Fetches(folder).cancel(UID)
    assert not folder.exists()


def test_what_killed_processes_have_left_is_removed(folder: Path) -> None:
    fetches = Fetches(folder)
    with fetches.begun(UID) as fetch:
        (folder / f"{UID}.left").touch()
        (folder / f".{UID}.just-begun").touch()
        old = folder / f".{UID}.never-begun"
        old.touch()
        os.utime(old, (time.time() - 100, time.time() - 100))
        os.mkfifo(folder / "fifo")
        fetches.remove_ended()
        fetch.check()
        names = {path.name for path in folder.iterdir()}
        assert f".{UID}.just-begun" in names
        assert not names & {f"{UID}.left", f".{UID}.never-begun", "fifo"}


def no_locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: t.Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)


def a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.touch()


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [pytest.param(no_locks, "No locks available", id="no-locks"), pytest.param(a_file, "File exists", id="a-file")],
)
def test_where_it_cannot_be_noted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, break_it: t.Callable[..., None], reason: str
) -> None:
    """It is told when the claim is to be read, and nothing is left."""
    break_it(folder, monkeypatch)
    before = open_files()
    with (
        Fetches(folder).begun(UID) as fetch,
        pytest.raises(FetchError, match=f"^Error while noting in {folder} that the claim is being read: {reason}"),
    ):
        fetch.check()
    assert open_files() == before
    assert folder.is_file() or list(folder.iterdir()) == []


def test_where_it_cannot_be_looked_for(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder.touch()
    with pytest.raises(
        FetchError, match=f"^Error while saying in {folder} that the claim is released: Not a directory"
    ):
        Fetches(folder).cancel(UID)
    Fetches(folder).remove_ended()
    assert "What killed processes have left stays" in capfd.readouterr().err
