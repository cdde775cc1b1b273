# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a device open, asked of the running kernel: /dev/full stands for the device, under other paths too."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel import openers

PROCESSES = Path("/proc")
NUMBER = os.makedev(1, 7)
# Opens a path, says so, and has it open until its input ends.
HOLDER = "import sys; file = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def hold() -> t.Iterator[t.Callable[[Path], int]]:
    """Has a process of its own open a path, and gives its number."""
    started: list[subprocess.Popen[str]] = []

    def call(path: Path) -> int:
        command = [sys.executable, "-I", "-S", "-c", HOLDER, str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout and process.stdout.readline() == "open\n"
        return process.pid

    yield call
    for process in started:
        process.communicate()


def who(number: int = NUMBER) -> set[int]:
    found = openers.read_openers(PROCESSES, lambda one: one == number)
    assert set(found) <= {number}
    return {opener.pid for opener in found.get(number, [])}


def test_a_device_that_is_open_under_its_own_name(hold) -> None:
    pid = hold(Path("/dev/full"))
    assert pid in who()
    assert pid not in who(os.makedev(1, 8))


@pytest.mark.parametrize("gone", [False, True], ids=["there", "removed-since"])
def test_a_device_that_is_open_under_another_path(hold, tmp_path: Path, gone: bool) -> None:
    node = tmp_path / "accelerator"
    os.mknod(node, stat.S_IFCHR | 0o600, NUMBER)
    pid = hold(node)
    if gone:
        node.unlink()
    assert pid in who()


def test_what_only_has_the_name_is_another(hold, tmp_path: Path) -> None:
    (tmp_path / "full").write_text("")
    assert hold(tmp_path / "full") not in who()


def test_whoever_has_it_is_named(hold) -> None:
    pid = hold(Path("/dev/full"))
    command = Path(f"/proc/{pid}/comm").read_text().strip()
    found = openers.read_openers(PROCESSES, lambda one: one == NUMBER)[NUMBER]
    assert openers.Opener(pid, command) in found


def test_whoever_has_closed_it_has_it_no_more() -> None:
    with Path("/dev/full").open("rb"):
        assert os.getpid() in who()
    assert os.getpid() not in who()


def test_what_goes_meanwhile_hides_nothing(tmp_path: Path) -> None:
    """A file that was closed since it was listed is a link that leads nowhere; a process without files has ended."""
    folder = tmp_path / "17/fd"
    folder.mkdir(parents=True)
    for number in range(8):
        (folder / str(number)).symlink_to("/dev/full" if number == 4 else tmp_path / "closed")
    (tmp_path / "18").mkdir()
    found = openers.read_openers(tmp_path, lambda one: one == NUMBER)
    assert found == {NUMBER: [openers.Opener(17, "ended meanwhile")]}


@pytest.mark.parametrize(
    ("text", "number"),
    [("240:9\n", os.makedev(240, 9)), ("", None), ("240", None), ("a:b", None), ("99999999:1", None)],
)
def test_numbers_as_sysfs_shows_them(text: str, number: int | None) -> None:
    assert openers.device_number(text) == number
