# SPDX-License-Identifier: GPL-3.0-or-later
"""Real nodes, made in folders of the test: numbers, permissions, shrinking, check mode and removal."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.modules import device_nodes


@pytest.fixture
def nodes(run_module, tmp_path: Path):
    folders = [str(tmp_path / "dev"), str(tmp_path / "root/dev")]

    def call(check: bool = False, **options):
        return run_module(device_nodes, folders=folders, _ansible_check_mode=check, **options)

    return call


def numbers(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        assert stat.S_ISCHR(status.st_mode)
        found[path.name] = (os.major(status.st_rdev), os.minor(status.st_rdev), stat.S_IMODE(status.st_mode))
    return found


def test_nodes_are_made_once_and_removed_once(nodes, tmp_path: Path) -> None:
    predicted = nodes(count=3, check=True)
    assert predicted["changed"]
    assert not list(tmp_path.iterdir())

    old = os.umask(0o077)
    try:
        made = nodes(count=3)
    finally:
        os.umask(old)
    assert made == predicted
    expected = {f"nvidia{minor}": (195, minor, 0o666) for minor in range(3)} | {"nvidiactl": (195, 255, 0o666)}
    assert numbers(tmp_path / "dev") == numbers(tmp_path / "root/dev") == expected
    assert not nodes(count=3)["changed"]
    assert not nodes(count=3, check=True)["changed"]

    assert nodes(state="absent", check=True)["changed"]
    assert len(numbers(tmp_path / "dev")) == 4
    assert nodes(state="absent")["changed"]
    assert numbers(tmp_path / "dev") == {}
    assert not nodes(state="absent")["changed"]


def test_fewer_gpus_leave_no_surplus_node(nodes, tmp_path: Path) -> None:
    assert len(nodes(count=128)["made"]) == 258
    shrunk = nodes(count=1)
    assert len(shrunk["removed"]) == 254
    assert sorted(numbers(tmp_path / "dev")) == ["nvidia0", "nvidiactl"]


def test_neighbours_are_left_alone(nodes, tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    folder.mkdir()
    os.mknod(folder / "nvidia-uvm", stat.S_IFCHR | 0o600, os.makedev(511, 0))
    os.mknod(folder / "nvidia7", stat.S_IFCHR | 0o600, os.makedev(508, 7))
    nodes(count=1)
    nodes(state="absent")
    assert sorted(path.name for path in folder.iterdir()) == ["nvidia-uvm", "nvidia7"]


def test_permissions_are_put_right(nodes, tmp_path: Path) -> None:
    nodes(count=1)
    (tmp_path / "dev/nvidia0").chmod(0o600)
    assert nodes(count=1)["made"] == [str(tmp_path / "dev/nvidia0")]
    assert numbers(tmp_path / "dev")["nvidia0"] == (195, 0, 0o666)


def test_diff_lists_nodes_before_and_after(nodes, tmp_path: Path) -> None:
    nodes(count=2)
    diff = nodes(count=1, check=True)["diff"]
    assert f"{tmp_path}/dev/nvidia1 char 195:1 0666" in diff["before"].splitlines()
    assert f"{tmp_path}/dev/nvidia1 char 195:1 0666" not in diff["after"].splitlines()


@pytest.mark.parametrize("count", [0, 129, -1])
def test_impossible_numbers_are_refused(nodes, tmp_path: Path, count: int) -> None:
    answer = nodes(count=count)
    assert answer["failed"]
    assert answer["msg"] == f"count is {count}: set a whole number from 1 to 128"
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_named_and_kept(nodes, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia1").write_text("mine\n")
    answer = nodes(count=2)
    assert "nvidia1: a file of that name is there" in answer["msg"]
    assert [path.name for path in (tmp_path / "dev").iterdir()] == ["nvidia1"]


def test_surplus_nodes_go_only_when_they_are_named(nodes, tmp_path: Path) -> None:
    """Another mock driver's nodes have the same names and numbers."""
    nodes(count=4)
    named = [f"{tmp_path}/dev/nvidia3", f"{tmp_path}/dev/nvidia0"]
    assert nodes(count=2, removable=named)["removed"] == named[:1]
    assert sorted(numbers(tmp_path / "dev")) == ["nvidia0", "nvidia1", "nvidia2", "nvidiactl"]
    kept = nodes(state="absent", removable=[])
    assert (kept["changed"], kept["diff"]["before"]) == (False, kept["diff"]["after"])
    assert nodes(state="absent", removable=named)["removed"] == named[1:]
    assert sorted(numbers(tmp_path / "dev")) == ["nvidia1", "nvidia2", "nvidiactl"]
