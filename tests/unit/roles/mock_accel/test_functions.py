# SPDX-License-Identifier: GPL-3.0-or-later
"""The command mock-accel-functions against a configfs of ordinary files."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest
from functions_host import DEFAULTS, FunctionsHost
from mock_accel_functions.errors import FunctionsError
from mock_accel_functions.kernel import Kernel

GPU = {
    "vendor": "0x10de",
    "device": "0x20b0",
    "class": "0x030200",
    "registers": False,
    "root_bus": "2F11:07",
    "slot": 0,
}
GPU_AS_WRITTEN = {
    "vendor": "0x10de",
    "device": "0x20b0",
    "class": "0x030200",
    "registers": "0",
    "root_bus": "2f11:07",
    "slot": "0",
}


@pytest.fixture
def host(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> FunctionsHost:
    return FunctionsHost(tmp_path, capsys, monkeypatch)


def test_functions_are_made_once(host: FunctionsHost) -> None:
    wanted = [{"name": "gpu0", **GPU}, {"name": "mock5", "memory_size": "32G", "numa_node": 1}]
    assert host.run(*wanted, check=True) == (0, ["make function mock5", "make function gpu0"], [])
    assert (host.names(), host.writes, host.record.exists()) == (["mock0"], [], False)
    assert host.run(*wanted) == (0, ["make function mock5", "make function gpu0"], [])
    assert host.get("gpu0", *GPU_AS_WRITTEN) == GPU_AS_WRITTEN
    assert host.get("mock5", "memory_size", "numa_node", "enable") == {
        "memory_size": str(32 << 30),
        "numa_node": "1",
        "enable": "1",
    }
    host.writes.clear()
    assert host.run(*wanted) == (0, [], [])
    assert host.writes == []


def test_a_function_is_switched_on_when_all_is_set(host: FunctionsHost) -> None:
    host.run({"name": "a", "link_width": 8, "registers": "false"})
    assert host.writes == ["a made", "a registers=0", "a link_width=8", "a enable=1"]


def test_one_that_is_to_be_off_stays_off(host: FunctionsHost) -> None:
    host.run({"name": "a", "enabled": False})
    assert host.get("a", "enable") == {"enable": "0"}
    assert host.run({"name": "a"})[1] == ["plug in function a"]
    assert host.run({"name": "a", "enabled": False})[1] == ["unplug function a"]


@pytest.mark.parametrize(
    ("before", "after", "lines", "writes"),
    [
        pytest.param(
            {"link_width": 8},
            {"link_width": 4},
            ["change function a: link_width 8 -> 4"],
            ["a enable=0", "a link_width=4", "a enable=1"],
            id="changed",
        ),
        pytest.param(
            {},
            {"vendor": 4318},
            ["change function a: vendor 0x1de5 -> 0x10de"],
            ["a enable=0", "a vendor=0x10de", "a enable=1"],
            id="added",
        ),
        pytest.param(
            {"link_width": 8},
            {},
            ["make function a anew: link_width back to the default"],
            ["a enable=0", "a removed", "a made", "a enable=1"],
            id="taken-back",
        ),
        pytest.param({"memory_size": "16G"}, {"memory_size": 16 << 30}, [], [], id="another-form"),
        pytest.param({"uuid": DEFAULTS["uuid"].upper()}, {"uuid": DEFAULTS["uuid"]}, [], [], id="another-case"),
        pytest.param({"slot": -1}, {"slot": -1}, [], [], id="slot-of-the-kernels"),
    ],
)
def test_changes(host: FunctionsHost, before: dict, after: dict, lines: list[str], writes: list[str]) -> None:
    host.run({"name": "a", **before})
    host.set("a", slot="7" if "slot" in before else "-1")
    host.writes.clear()
    assert host.run({"name": "a", **after}, check=True) == (0, lines, [])
    assert host.writes == []
    assert host.run({"name": "a", **after}) == (0, lines, [])
    assert host.writes == writes
    assert host.run({"name": "a", **after}) == (0, [], [])


def test_two_functions_change_places(host: FunctionsHost) -> None:
    host.run({"name": "a", "slot": 1}, {"name": "b", "slot": 2})
    host.writes.clear()
    assert host.run({"name": "a", "slot": 2}, {"name": "b", "slot": 1})[0] == 0
    assert host.writes[:2] == ["a enable=0", "b enable=0"]


def test_one_that_was_pulled_out_is_plugged_in_again(host: FunctionsHost) -> None:
    host.run({"name": "a"})
    host.set("a", enable="0")
    assert host.run({"name": "a"}) == (0, ["plug in function a"], [])


def test_only_own_functions_are_removed(host: FunctionsHost) -> None:
    host.run({"name": "a"}, {"name": "b"})
    host.add("mine")
    assert host.run({"name": "b"}) == (0, ["remove function a"], [])
    assert host.names() == ["b", "mine", "mock0"]
    assert host.run(action="remove") == (0, ["remove function b"], [])
    assert host.names() == ["mine", "mock0"]
    assert not host.record.exists()
    assert host.run(action="remove") == (0, [], [])


@pytest.mark.parametrize("name", ["mock0", "mine"])
def test_a_name_that_is_anothers_is_refused(host: FunctionsHost, name: str) -> None:
    host.add("mine")
    host.writes.clear()
    status, lines, errors = host.run({"name": name}, {"name": "b"})
    assert (status, lines) == (1, [])
    assert errors == [f"Function {name} is there and was not made by this command: choose another name"]
    assert host.writes == []


@pytest.mark.parametrize("used", ["mock3", "mock3_vf1"])
@pytest.mark.parametrize("wanted", [[], [{"name": "a", "link_width": 8}], [{"name": "a", "enabled": False}]])
def test_what_is_allocated_is_left_alone_by_name(host: FunctionsHost, used: str, wanted: list[dict]) -> None:
    host.run({"name": "a"}, {"name": "b"})
    host.set("a", device_name="mock3")
    for name in ("mock3", "mock3_vf1", "mock30"):
        host.device(name, "1" if name in (used, "mock30") else "0")
    host.writes.clear()
    status, lines, errors = host.run(*wanted)
    assert (status, lines) == (1, [])
    assert errors == [f"Function a cannot be changed or removed: {used} is allocated"]
    assert host.writes == []


@pytest.mark.parametrize("node", ["mock1", "mock1_vf0"])
@pytest.mark.parametrize("wanted", [[], [{"name": "mock1", "numa_node": 1}]], ids=["removed", "changed"])
def test_one_whose_node_is_open_is_left_alone(host: FunctionsHost, node: str, wanted: list[dict]) -> None:
    host.run({"name": "mock1"})
    for name in ("mock1", "mock1_vf0", "mock11"):
        host.device(name)
    host.open(node, 4711, "trainer")
    host.open("mock11", 4712, "another")
    host.writes.clear()
    status, said, errors = host.run(*wanted)
    assert (status, said) == (1, [])
    assert errors == [
        f"Function mock1 cannot be changed or removed: {node} is open in process 4711 (trainer)",
    ]
    assert host.writes == []


def test_one_that_hangs_may_be_allocated(host: FunctionsHost) -> None:
    host.run({"name": "a"})
    host.set("a", device_name="mock3")
    for name in ("mock3", "mock3_vf0"):
        host.device(name)
    host.hang("mock3_vf0")
    host.writes.clear()
    said = "Function a cannot be changed or removed: mock3_vf0 does not answer and may be allocated"
    assert host.run() == (1, [], [said])
    assert host.writes == []


@pytest.mark.parametrize(
    ("driver", "vf", "used"),
    [
        pytest.param("vfio-pci", 1, "mock3_vf1 is bound to the driver vfio-pci", id="virtual"),
        pytest.param("vfio-pci", None, "mock3 is bound to the driver vfio-pci", id="physical"),
        pytest.param("mock-accel", 1, "", id="ours"),
    ],
)
def test_what_another_driver_has_is_in_use(host: FunctionsHost, driver: str, vf: int | None, used: str) -> None:
    host.run({"name": "a"})
    host.set("a", device_name="mock3", address="1000:00:07.0")
    host.bind("1000:00:07.0", driver, vf)
    host.writes.clear()
    status, lines, errors = host.run()
    if used:
        assert (status, errors) == (1, [f"Function a cannot be changed or removed: {used}"])
        assert host.writes == []
    else:
        assert (status, lines, errors) == (0, ["remove function a"], [])


def test_a_function_without_a_device_can_be_anothers_too(host: FunctionsHost) -> None:
    host.run({"name": "gpu0", **GPU})
    host.set("gpu0", device_name="", address="2f11:07:00.0")
    host.bind("2f11:07:00.0", "vfio-pci")
    said = "Function gpu0 cannot be changed or removed: gpu0 is bound to the driver vfio-pci"
    assert host.run() == (1, [], [said])


def test_a_function_that_cannot_be_set_up_is_not_left_half_made(host: FunctionsHost) -> None:
    host.refused = {"numa_node"}
    status, lines, errors = host.run({"name": "a", "numa_node": 7})
    assert (status, lines) == (1, [])
    assert errors == ["Error while setting numa_node of function a to 7: refused"]
    assert host.names() == ["mock0"]
    host.refused = set()
    assert host.run({"name": "a", "numa_node": 1}) == (0, ["make function a"], [])


def test_what_was_unplugged_for_a_change_that_is_refused_is_plugged_in_again(host: FunctionsHost) -> None:
    before = [{"name": name, "slot": slot, "link_width": 8} for name, slot in (("a", 1), ("b", 2), ("c", 3))]
    host.run(*before)
    host.refused = {"b slot=1"}
    after = [{**before[0], "slot": 5}, {**before[1], "link_width": 4, "slot": 1}, {**before[2], "slot": 2}]
    status, lines, errors = host.run(*after)
    assert (status, lines) == (1, ["change function a: slot 1 -> 5"])
    assert errors == [
        "Error while setting slot of function b to 1: refused",
        "Function b is as it was",
        "Function c is as it was",
        "Done before that: change function a: slot 1 -> 5",
    ]
    assert [host.get(name, "slot", "link_width", "enable") for name in "abc"] == [
        {"slot": "5", "link_width": "8", "enable": "1"},
        {"slot": "2", "link_width": "8", "enable": "1"},
        {"slot": "3", "link_width": "8", "enable": "1"},
    ]
    host.refused = set()
    assert host.run(*after)[0] == 0
    assert host.run(*after) == (0, [], [])


def test_virtual_functions_come_back_with_what_was_unplugged_in_vain(host: FunctionsHost) -> None:
    host.run({"name": "mock1", "link_width": 8})
    folder = host.device("mock1", numvfs="2")
    host.takes_vfs_along = folder
    host.refused = {"mock1 link_width=4"}
    status, lines, errors = host.run({"name": "mock1", "link_width": 4})
    assert (status, lines, errors[1:]) == (1, [], ["Function mock1 is as it was"])
    assert (folder / "sriov_numvfs").read_text().strip() == "2"


def test_what_is_taken_while_others_are_unplugged_is_left_alone(host: FunctionsHost) -> None:
    host.run({"name": "mock1"}, {"name": "mock2"})
    second = host.device("mock2")
    host.on_unplug = lambda name: (second / "status").write_text("1\n")
    status, lines, errors = host.run()
    assert (status, lines) == (1, [])
    assert errors == [
        "Function mock2 cannot be changed or removed: mock2 is allocated",
        "Function mock1 is as it was",
    ]
    assert host.get("mock1", "enable") == host.get("mock2", "enable") == {"enable": "1"}


def test_one_that_was_to_be_made_anew_is_made_as_it_was(host: FunctionsHost) -> None:
    host.run({"name": "a", "link_width": 8, "slot": 3}, {"name": "b"})
    host.refused = {"slot=4", "a slot=4"}
    status, lines, errors = host.run({"name": "a", "slot": 4})
    assert (status, lines) == (1, ["remove function b"])
    assert errors[1:] == ["Function a is as it was", "Done before that: remove function b"]
    assert host.get("a", "slot", "link_width", "enable") == {"slot": "3", "link_width": "8", "enable": "1"}
    assert json.loads(host.record.read_text())["functions"] == {"a": {"link_width": "8", "slot": "3"}}


def test_what_cannot_be_put_back_is_said(host: FunctionsHost) -> None:
    host.run({"name": "a"})
    host.refused = {"a slot=1", "a enable=1"}
    errors = host.run({"name": "a", "slot": 1})[2]
    assert errors == [
        "Error while setting slot of function a to 1: refused",
        "Function a could not be put back: Error while setting enable of function a to 1: refused",
    ]


def test_virtual_functions_come_back_where_another_number_is_refused(host: FunctionsHost) -> None:
    devices = [host.device("mock0"), host.device("mock1", numvfs="2")]
    host.refused = {"mock1=3"}
    status, lines, errors = host.run(action="start", vfs={"mock0": 1, "mock1": 3})
    assert (status, lines) == (1, ["virtual functions of mock0: 0 -> 1"])
    assert errors == [
        "Error while giving mock1 3 virtual functions: refused",
        "mock1 has 2 virtual functions, as before",
        "Done before that: virtual functions of mock0: 0 -> 1",
    ]
    assert [(device / "sriov_numvfs").read_text().strip() for device in devices] == ["1", "2"]


def test_what_was_not_made_is_not_on_record_even_where_the_command_dies(host: FunctionsHost) -> None:
    host.dies_at = "mock2"
    with pytest.raises(KeyboardInterrupt):
        host.run({"name": "mock1"}, {"name": "mock2"}, {"name": "mock3"})
    # The one in question may have been made; the one after it was not.
    assert sorted(json.loads(host.record.read_text())["functions"]) == ["mock1", "mock2"]


def test_a_function_that_cannot_be_made_is_named(host: FunctionsHost) -> None:
    host.refused = {"mock1"}
    assert host.run({"name": "mock1"})[2] == ["Error while making function mock1: refused"]
    assert host.names() == ["mock0"]


def test_what_was_made_before_the_module_was_loaded_anew_is_made_again(host: FunctionsHost) -> None:
    host.run({"name": "a"}, {"name": "gone"})
    for name in ("a", "gone"):
        shutil.rmtree(host.configfs / name)
    assert host.run({"name": "a"}) == (0, ["make function a"], [])
    assert set(json.loads(host.record.read_text())["functions"]) == {"a"}


def test_without_the_module_one_line_says_so(host: FunctionsHost) -> None:
    shutil.rmtree(host.configfs)
    status, lines, errors = host.run({"name": "a"})
    assert (status, lines, len(errors)) == (1, [], 1)
    assert "mock_accel is not loaded" in errors[0]
    # Nothing to make, nothing to say.
    assert host.run() == (0, [], [])
    assert host.run(action="remove") == (0, [], [])


@pytest.mark.parametrize(
    ("function", "said"),
    [
        pytest.param({"name": "../x"}, "'../x' cannot be the name of a function", id="path"),
        pytest.param({"name": ""}, "'' cannot be the name of a function", id="empty"),
        pytest.param(
            {"name": "a", "vender": 1}, "there is no attribute vender; there are: registers, vendor", id="key"
        ),
        pytest.param({"name": "a", "vendor": "0x10000"}, "'0x10000' is no value of vendor", id="too-large"),
        pytest.param({"name": "a", "vendor": "10de"}, "'10de' is no value of vendor", id="no-number"),
        pytest.param({"name": "a", "root_bus": "0:0"}, "'0:0' is no value of root_bus", id="bus"),
        pytest.param({"name": "a", "memory_size": "16X"}, "'16X' is no value of memory_size", id="size"),
        pytest.param({"name": "a", "registers": "maybe"}, "'maybe' is no value of registers", id="switch"),
        pytest.param({"name": "a", "uuid": "x"}, "'x' is no value of uuid", id="uuid"),
        pytest.param({"name": "a", "vendor": "0x1"}, "'0x1' is no value of vendor", id="vendor-that-is-none"),
        pytest.param({"name": "a", "slot": 32}, "'32' is no value of slot", id="slot"),
        pytest.param({"name": "a", "total_vfs": 8}, "'8' is no value of total_vfs", id="total-vfs"),
        pytest.param({"name": "a", "link_speed": 7}, "'7' is no value of link_speed", id="speed"),
        pytest.param({"name": "a", "link_width": 3}, "'3' is no value of link_width", id="width"),
        pytest.param({"name": "a", "memory_size": 0}, "'0' is no value of memory_size", id="no-memory"),
        pytest.param({"name": "a", "vf_memory_size": "4194305T"}, "is no value of vf_memory_size", id="memory"),
        pytest.param({"name": "mock512"}, "numbers go up to 511", id="number"),
    ],
)
def test_mistakes_are_named_before_anything_is_made(host: FunctionsHost, function: dict, said: str) -> None:
    status, lines, errors = host.run({"name": "b"}, function)
    assert (status, lines, len(errors)) == (1, [], 1)
    assert said in errors[0]
    assert host.writes == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "The description is damaged (JSONDecodeError"),
        ("[]", "The description is damaged (TypeError"),
        ('{"version": 2, "functions": []}', "The description has format 2, this command knows 1"),
        ('{"version": 1, "functions": [{"name": "a"}, {"name": "a"}]}', "Function a is described twice"),
        ('{"version": 1, "functions": ["a"]}', "The description's functions are not a list of objects"),
        ('{"version": 1, "functions": {"a": 1}}', "The description's functions are not a list of objects"),
        ('{"version": 1, "functions": [], "vfs": {"mock0": "x"}}', "The description's vfs are not numbers"),
        ('{"version": 1, "functions": [], "vfs": ["mock0"]}', "The description's vfs are not numbers"),
    ],
)
def test_a_description_that_cannot_be_trusted_is_an_error(host: FunctionsHost, text: str, said: str) -> None:
    status, _lines, errors = host.run(text=text)
    assert status == 1
    assert errors[0].startswith(said)


@pytest.mark.parametrize("text", ["", "garbage", "{}", '{"functions": ["a"]}', '{"functions": {"a": 1}}'])
def test_a_damaged_record_is_an_error_that_says_what_to_do(host: FunctionsHost, text: str) -> None:
    host.record.parent.mkdir(parents=True, exist_ok=True)
    host.record.write_text(text)
    status, _lines, errors = host.run({"name": "a"})
    assert status == 1
    assert errors[0].startswith(f"The record {host.record} is damaged")
    assert host.writes == []


def test_values_are_judged_without_a_kernel(host: FunctionsHost) -> None:
    shutil.rmtree(host.configfs)
    assert host.run({"name": "a", "slot": 3}, action="judge") == (0, [], [])
    said = "Function a: '32' is no value of slot"
    assert host.run({"name": "a", "slot": 32}, action="judge") == (1, [], [said])


def test_start_sets_virtual_functions_too(host: FunctionsHost) -> None:
    devices = [host.device("mock0", numvfs="2"), host.device("mock1"), host.device("mock2", numvfs="3")]
    wanted = {"mock0": 1, "mock1": 0}
    lines = ["make function a", "virtual functions of mock0: 2 -> 1"]
    assert host.run({"name": "a"}, action="start", vfs=wanted, check=True) == (0, lines, [])
    assert host.run({"name": "a"}, action="start", vfs=wanted) == (0, lines, [])
    assert [(device / "sriov_numvfs").read_text().strip() for device in devices] == ["1", "0", "3"]
    assert host.run({"name": "a"}, action="start", vfs=wanted) == (0, [], [])


def test_virtual_functions_of_nothing_are_an_error(host: FunctionsHost) -> None:
    host.device("mock0")
    assert host.run(action="start", vfs={"mock7": 1})[2] == ["mock7 has no virtual functions to be had"]


def test_virtual_functions_of_one_that_is_to_be_made_are_no_mistake_yet(host: FunctionsHost) -> None:
    assert host.run({"name": "mock7"}, action="start", vfs={"mock7": 1}, check=True) == (0, ["make function mock7"], [])


@pytest.mark.parametrize("wanted", [0, 1, 3])
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("status", "mock1_vf1 is allocated"),
        ("hang", "mock1_vf1 does not answer and may be allocated"),
        ("driver", "mock1_vf1 is bound to the driver vfio-pci"),
    ],
)
def test_virtual_functions_in_use_are_refused_by_name(host: FunctionsHost, how: str, reason: str, wanted: int) -> None:
    # The physical one itself may be allocated: it stays.
    devices = [host.device("mock0"), host.device("mock1", "1", "2")]
    host.device("mock1_vf1", "1" if how == "status" else "0")
    if how == "hang":
        host.hang("mock1_vf1")
    if how == "driver":
        (devices[1] / "device").symlink_to(host.bind("1000:00:01.0", "vfio-pci", 1))
    status, lines, errors = host.run({"name": "a"}, action="start", vfs={"mock0": 2, "mock1": wanted})
    assert (status, lines) == (1, [])
    assert errors == [f"virtual functions of mock1: 2 -> {wanted} cannot be: {reason}"]
    assert [(device / "sriov_numvfs").read_text().strip() for device in devices] == ["0", "2"]
    assert host.writes == []
    assert host.run(action="start", vfs={"mock0": 2, "mock1": 2})[0] == 0


def test_more_virtual_functions_than_there_can_be_are_refused_first(host: FunctionsHost) -> None:
    devices = [host.device("mock0"), host.device("mock1")]
    said = "mock1 cannot have 5 virtual functions: 4 at most"
    assert host.run({"name": "a"}, action="start", vfs={"mock0": 1, "mock1": 5}) == (1, [], [said])
    assert [(device / "sriov_numvfs").read_text().strip() for device in devices] == ["0", "0"]
    assert host.writes == []


def test_what_the_kernel_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(*(tmp_path / name for name in ("config", "class", "pci", "proc")))

    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FunctionsError, match=r"setting link_width of function a to 8: Device or resource busy"):
        kernel.write("a", "link_width", "8")
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FunctionsError, match="making function a: Device or resource busy"):
        kernel.make("a")
