# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of removals."""

from __future__ import annotations

import os
import shutil
import threading
import time
import typing as t
from pathlib import Path

import pytest
from mock_accel_dra.removals import Removals

LONG = 10.0


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "a", tmp_path / "b"
    for folder in made:
        folder.mkdir()
        (folder / "file").touch()
    return made


@pytest.fixture
def removals(folders: tuple[Path, Path]) -> t.Iterator[Removals]:
    made = Removals(folders)
    yield made
    made.close()
    assert not made.wait(LONG)


def took(removals: Removals, seconds: float) -> float:
    """How long it waited for something, at most that long."""
    started = time.monotonic()
    assert removals.wait(seconds)
    return time.monotonic() - started


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "remove",
    [
        pytest.param(lambda folder: (folder / "file").unlink(), id="a file"),
        pytest.param(lambda folder: (folder / "file").rename(folder.parent / "elsewhere"), id="moved away"),
        pytest.param(shutil.rmtree, id="the folder"),
        pytest.param(lambda folder: folder.rename(folder.with_name("c")), id="the folder moved away"),
    ],
)
def test_removals_are_heard(
    removals: Removals, folders: tuple[Path, Path], remove: t.Callable[[Path], object], number: int
) -> None:
    remove(folders[number])
    assert took(removals, LONG) < LONG / 2


def test_other_changes_are_not_waited_for_any_shorter(removals: Removals, folders: tuple[Path, Path]) -> None:
    (folders[0] / "file").write_text("x")
    (folders[0] / "new").touch()
    os.utime(folders[0])
    assert took(removals, 0.3) >= 0.29


def test_a_removal_is_heard_once(removals: Removals, folders: tuple[Path, Path]) -> None:
    (folders[0] / "file").unlink()
    took(removals, LONG)
    assert took(removals, 0.3) >= 0.29


def test_a_folder_that_was_made_anew_is_looked_for(removals: Removals, folders: tuple[Path, Path]) -> None:
    shutil.rmtree(folders[0])
    took(removals, LONG)
    removals.look()
    folders[0].mkdir()
    (folders[0] / "file").touch()
    removals.look()
    (folders[0] / "file").unlink()
    assert took(removals, LONG) < LONG / 2


def test_closing_ends_the_wait(folders: tuple[Path, Path]) -> None:
    made = Removals(folders)
    threading.Timer(0.05, made.close).start()
    assert not made.wait(None)
