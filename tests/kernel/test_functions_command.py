# SPDX-License-Identifier: GPL-3.0-or-later
"""The command mock-accel-functions, where the role puts it, against the kernel's own configfs."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guest_module import CONFIGFS, GuestModule

FILES = Path("roles/mock_accel/files")
# What it says, by standard output and error in turn, and whether all is well.
Apply = Callable[..., tuple[list[str], bool]]


@pytest.fixture(scope="module")
def installed(accel: GuestModule, repo: Path) -> GuestModule:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        tar.add(repo / FILES / "mock-accel-functions", "sbin/mock-accel-functions")
        for path in sorted((repo / FILES / "mock_accel_functions").glob("*.py")):
            tar.add(path, f"lib/mirage-accel/mock_accel_functions/{path.name}")
    accel.guest.must("tar --extract --no-same-owner --directory /usr/local", packed.getvalue())
    return accel


@pytest.fixture
def apply(installed: GuestModule) -> Iterator[Apply]:
    """Has the functions be those that are given; none of them is left."""
    installed.load("num_pfs=1 uuid_seed=test")

    def run(*functions: dict[str, object], option: str = "") -> tuple[list[str], bool]:
        description = json.dumps({"version": 1, "functions": functions})
        done = installed.guest.run(f"mock-accel-functions {option} --description - apply", description.encode())
        return (done.stdout + done.stderr).splitlines(), done.returncode == 0

    yield run
    assert run() == ([], True)
    assert installed.guest.must(f"ls {CONFIGFS}/mock-accel").split() == ["mock0"]


def test_functions_come_change_and_go(apply: Apply, installed: GuestModule) -> None:
    gpu = {"name": "gpu0", "vendor": "0x10de", "class": "0x030200", "registers": False, "root_bus": "2345:07"}
    one = {"name": "mock5", "memory_size": "32G", "numa_node": 1, "root_bus": "2346:00"}
    made = ["make function mock5", "make function gpu0"]
    assert apply(gpu, one, option="--check") == (made, True)
    assert apply(gpu, one) == (made, True)
    assert apply(gpu, one) == ([], True)
    assert installed.guest.must("cat /sys/class/mock-accel/mock5/numa_node").strip() == "1"
    assert apply(gpu, {**one, "link_width": 8}) == (["change function mock5: link_width 16 -> 8"], True)
    assert apply(gpu) == (["remove function mock5"], True)
    assert apply() == (["remove function gpu0"], True)


def test_one_that_is_open_in_a_container_is_left_alone(apply: Apply, installed: GuestModule) -> None:
    one = {"name": "mock5"}
    apply(one)
    installed.set_vfs("mock5", 2)
    with installed.holding("mock5_vf1") as pid:
        refused = f"Function mock5 cannot be changed or removed: mock5_vf1 is open in process {pid} (sleep)"
        for wish in ([], [{**one, "link_width": 8}], [{**one, "enabled": False}]):
            assert apply(*wish) == ([refused], False)
        devices = installed.guest.must("ls /sys/class/mock-accel").split()
        assert devices == ["mock0", "mock5", "mock5_vf0", "mock5_vf1"]
    assert apply() == (["remove function mock5"], True)


def test_a_numa_node_that_is_not_there_leaves_nothing_half_made(apply: Apply, installed: GuestModule) -> None:
    said, well = apply({"name": "mock5", "numa_node": 9})
    assert (said, well) == (
        ["Error while setting numa_node of function mock5 to 9: Invalid argument; the kernel's log says why"],
        False,
    )
    # Once: the kernel is not asked again when the file is closed.
    assert installed.new_warnings() == ["mock_accel: mock5: numa_node names node 9, which this machine does not have"]
