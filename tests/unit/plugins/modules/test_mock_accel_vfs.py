# SPDX-License-Identifier: GPL-3.0-or-later
"""mock_accel_vfs on a made-up host whose kernel obeys: what changes, what is predicted, what is refused and said."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from accel_host import AccelHost

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel import change
from ansible_collections.mirage.accel.plugins.modules import mock_accel_vfs

PLACES = {"sysfs": "sys", "dev": "dev", "proc": "proc"}
FIRST, SECOND, THIRD = "1000:00:00.0", "1000:00:01.0", "1000:00:02.0"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AccelHost:
    """Two physical functions with 0 and 2 virtual ones, and one that can have none."""
    host = AccelHost(tmp_path)
    host.load(num_pfs=3)
    host.add_pf(0, FIRST)
    host.add_pf(1, SECOND, vfs=2)
    host.add_pf(2, THIRD, total_vfs=0)
    monkeypatch.setattr(change, "_write", host.write)
    return host


@pytest.fixture
def vfs(run_module, tmp_path: Path):
    def call(number: int | str, check: bool = False, **options):
        places = {name: str(tmp_path / folder) for name, folder in PLACES.items()}
        return run_module(mock_accel_vfs, number=number, _ansible_check_mode=check, **places, **options)

    return call


def numbers(answer: dict) -> dict[str, tuple[int, int]]:
    return {one["name"] or one["address"]: (one["before"], one["after"]) for one in answer["functions"]}


def test_there_and_back(host: AccelHost, vfs) -> None:
    """0 and 2, 2, 3, 0: predicted, done, and nothing to do the second time."""
    before = {"mock0": 0, "mock1": 2}
    for number in (2, 3, 0):
        state = host.numbers()
        predicted = vfs(number, check=True)
        assert host.numbers() == state
        done = vfs(number)
        assert done == predicted
        assert done["changed"]
        assert numbers(done) == {name: (was, number) for name, was in before.items()}
        assert host.numbers() == {FIRST: number, SECOND: number}
        again = vfs(number)
        assert (again["changed"], numbers(again)) == (False, dict.fromkeys(before, (number, number)))
        before = dict.fromkeys(before, number)


def test_what_is_right_is_left_alone(host: AccelHost, vfs) -> None:
    assert vfs(2)["changed"]
    assert host.writes == [f"{FIRST} 2"]


def test_diff_has_a_line_for_each(host: AccelHost, vfs) -> None:
    assert vfs(2, check=True)["diff"] == {
        "before": f"mock0 ({FIRST}): 0\nmock1 ({SECOND}): 2\n",
        "after": f"mock0 ({FIRST}): 2\nmock1 ({SECOND}): 2\n",
    }


@pytest.mark.parametrize(
    ("functions", "number", "after"),
    [
        (["mock0"], 1, {FIRST: 1, SECOND: 2}),
        ([FIRST.upper(), "mock0"], 4, {FIRST: 4, SECOND: 2}),
        (["mock1"], 0, {FIRST: 0, SECOND: 0}),
        ([], 3, {FIRST: 0, SECOND: 2}),
        (["mock2"], 0, {FIRST: 0, SECOND: 2}),
    ],
    ids=["name", "address", "off", "an empty list", "none for one that can have none"],
)
def test_chosen_functions(host: AccelHost, vfs, functions: list[str], number: int, after: dict) -> None:
    vfs(number, functions=functions)
    assert host.numbers() == after
    assert not vfs(number, functions=functions)["changed"]


REFUSED = {
    "too many": ({"number": 5}, "mock0 (1000:00:00.0) can have 4 at most: set number to that or less"),
    "far too many": ({"number": 64}, "mock0 (1000:00:00.0) can have 4 at most"),
    "negative": ({"number": -1}, "number is -1: set 0 or more"),
    "one can have none": ({"number": 1, "functions": ["mock0", "mock2"]}, "mock2 (1000:00:02.0) can have no virtual"),
    "not there": ({"number": 1, "functions": ["mock0", "mock9"]}, "mock9 does not exist: there are mock0"),
    "virtual": ({"number": 1, "functions": ["mock1_vf0"]}, "name its physical function mock1"),
    "no time": ({"number": 1, "timeout": 0}, "timeout is 0: set a number of seconds above 0"),
    "no number": ({"number": "many"}, "'number'"),
}


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
@pytest.mark.parametrize(("options", "reason"), REFUSED.values(), ids=REFUSED)
def test_bad_input_changes_nothing(host: AccelHost, vfs, options: dict, reason: str, check: bool) -> None:
    answer = vfs(check=check, **options)
    assert answer["failed"]
    assert reason in answer["msg"]
    assert host.writes == []


@pytest.mark.parametrize("number", [0, 1, 3, 4])
def test_allocated_functions_are_refused_by_name(host: AccelHost, vfs, number: int) -> None:
    for name in ("mock1_vf0", "mock1_vf1"):
        (host.device(name) / "status").write_text("1\n")
    answer = vfs(number)
    assert answer["msg"] == (
        f"Error while setting the number of virtual functions to {number}, nothing was changed: "
        "mock1_vf0 (1000:00:01.1) is allocated, mock1_vf1 (1000:00:01.2) is allocated: "
        "free what is in use first, or set force to take it off all the same"
    )
    assert len(answer["problems"]) == 1
    # Not even the other one, which could have been changed.
    assert host.writes == []
    assert vfs(number, force=True)["changed"]
    assert host.numbers()[SECOND] == number


def test_a_function_that_is_open_somewhere_is_refused_by_its_user(host: AccelHost, vfs) -> None:
    host.open("mock1_vf1", 4711, "trainer")
    assert vfs(0)["problems"] == [
        "mock1_vf1 (1000:00:01.2) is open in process 4711 (trainer): "
        "free what is in use first, or set force to take it off all the same"
    ]
    assert host.writes == []
    assert vfs(0, force=True)["changed"]
    assert host.numbers()[SECOND] == 0


def test_allocated_functions_that_stay_are_no_matter(host: AccelHost, vfs) -> None:
    (host.device("mock1_vf0") / "status").write_text("1\n")
    assert vfs(2)["changed"]
    assert host.writes == [f"{FIRST} 2"]


def test_a_function_that_hangs_gets_no_others(host: AccelHost, vfs) -> None:
    host.hang(FIRST)
    assert "mock0 (1000:00:00.0) does not answer" in vfs(2)["msg"]
    assert "mock0 (1000:00:00.0) does not answer" in vfs(2, force=True)["msg"]
    assert not vfs(0, functions=["mock0"])["changed"]


def test_virtual_functions_that_hang_go_by_force_only(host: AccelHost, vfs) -> None:
    for address in (SECOND, "1000:00:01.1", "1000:00:01.2"):
        host.hang(address)
    assert "mock1_vf0 (1000:00:01.1) does not answer and may be allocated" in vfs(0)["msg"]
    assert vfs(0, force=True)["changed"]
    assert host.numbers()[SECOND] == 0


def test_an_unbound_function_is_refused(host: AccelHost, vfs) -> None:
    host.unbind(FIRST)
    assert "1000:00:00.0 is bound to no driver: bind it to mock-accel" in vfs(1)["msg"]
    assert "mock0 does not exist: there are 1000:00:00.0, unbound; mock1" in vfs(1, functions=["mock0"])["msg"]
    assert host.writes == []


def test_a_kernel_without_sriov(host: AccelHost, vfs) -> None:
    for address in (FIRST, SECOND):
        for name in ("sriov_totalvfs", "sriov_numvfs"):
            (host.place(address) / name).unlink()
    assert "use one that was built with SR-IOV (CONFIG_PCI_IOV)" in vfs(1)["msg"]
    assert not vfs(0)["changed"]


def test_without_the_module(host: AccelHost, vfs) -> None:
    shutil.rmtree(host.sysfs / "module")
    assert vfs(1)["msg"].endswith("the kernel module mock_accel is not loaded: load it (modprobe mock_accel)")
    assert vfs(0, functions=["mock0"])["failed"]
    assert not vfs(0)["changed"]


def test_a_failure_halfway_says_what_was_changed(host: AccelHost, vfs) -> None:
    host.refusals[SECOND, 3] = errno.ENOMEM
    answer = vfs(3)
    assert answer["failed"]
    assert answer["msg"] == (
        "Error while setting the number of virtual functions of mock1 (1000:00:01.0) to 3: Cannot allocate memory: "
        "the kernel has no memory left for it; "
        "changed so far: mock0 (1000:00:00.0) from 0 to 3, mock1 (1000:00:01.0) from 2 to 0"
    )
    assert answer["changed"]
    assert numbers(answer) == {"mock0": (0, 3), "mock1": (2, 0)}


def test_a_failure_at_once_has_changed_nothing(host: AccelHost, vfs) -> None:
    host.refusals[FIRST, 1] = errno.EBUSY
    answer = vfs(1)
    assert answer["msg"].endswith("nothing was changed")
    assert (answer["changed"], answer["functions"]) == (False, [])


def test_the_time_is_kept(host: AccelHost, vfs) -> None:
    host.makes_nodes = False
    answer = vfs(1, functions=["mock0"], timeout=1)
    assert "time is up, and there is not yet the device node of mock0_vf0" in answer["msg"]


def test_udev_is_waited_for_on_the_host_itself_only(host: AccelHost, vfs, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: object, **options: object) -> None:
        raise AssertionError("a command was run")

    monkeypatch.setattr(mock_accel_vfs.AnsibleModule, "run_command", run)
    assert vfs(1)["changed"]


class Asked:
    """Stands in for the AnsibleModule that settle() uses."""

    def __init__(self, udevadm: str | None, answer: tuple[int, str, str] = (0, "", "")) -> None:
        self.params = {"sysfs": "/sys", "timeout": 7}
        self.commands: list[list[str]] = []
        self.warnings: list[str] = []
        self._udevadm, self._answer = udevadm, answer

    def get_bin_path(self, name: str) -> str | None:
        return self._udevadm

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        self.commands.append(command)
        return self._answer

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize(
    ("asked", "commands", "warnings"),
    [
        (Asked("/bin/udevadm"), [["/bin/udevadm", "settle", "--timeout=7"]], []),
        (Asked(None), [], []),
        (
            Asked("/bin/udevadm", (1, "", "no queue\n")),
            [["/bin/udevadm", "settle", "--timeout=7"]],
            ["udev has not finished with the new devices, their owners may still change: no queue"],
        ),
    ],
    ids=["done", "no udev", "not done"],
)
def test_settle(asked: Asked, commands: list[list[str]], warnings: list[str]) -> None:
    mock_accel_vfs.settle(asked)
    assert (asked.commands, asked.warnings) == (commands, warnings)
