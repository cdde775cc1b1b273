# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA driver's eyes where the module is really loaded: what it reads of sysfs, and when it is woken."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
from guest_module import Function, GuestModule

PACKAGE = "roles/dra_driver/files/mock_accel_dra"
# Recorded here, and read by the unit tests; made anew with
# tests/kernel/guest_files/record.py where the module has changed what it shows.
RECORDING = "tests/unit/fixtures/sysfs/two_boards.json"
CLASS = "/sys/class/mock-accel"
Json = dict[str, t.Any]


@pytest.fixture(scope="module")
def driver(accel: GuestModule, repo: Path) -> GuestModule:
    accel.guest.must("mkdir -p /root/dra/mock_accel_dra")
    for path in (repo / PACKAGE).glob("*.py"):
        accel.guest.send(path.read_bytes(), f"/root/dra/mock_accel_dra/{path.name}")
    return accel


@pytest.fixture
def boards(driver: GuestModule) -> t.Iterator[GuestModule]:
    driver.load("num_pfs=2 num_roots=2 numa_nodes=0,1 uuid_seed=test")
    driver.set_vfs("mock0", 2)
    yield driver
    driver.unload()


def scan(driver: GuestModule, *arguments: str) -> tuple[dict[str, Json], float | None]:
    answer = json.loads(driver.script("inventory.py", *arguments))
    return {device["name"]: device for device in answer["devices"]}, answer.get("woken_after")


def test_devices_are_what_an_observer_sees(boards: GuestModule) -> None:
    devices, _ = scan(boards)
    shown = boards.observe()
    assert sorted(devices) == sorted(shown["devices"]) == ["mock0", "mock0_vf0", "mock0_vf1", "mock1"]
    for name, seen in shown["devices"].items():
        device, values, function = devices[name], seen["values"], shown["functions"][seen["pci"]]
        assert device["uuid"] == values["uuid"]
        assert device["memory"] == int(values["memory_size"])
        assert device["numa_node"] == int(function["numa_node"])
        assert device["capabilities"] == int(values["capabilities"], 0)
        assert (device["allocated"], device["errors"], device["responding"]) == (False, 0, True)
        assert (device["pci_address"], device["physfn"]) == (seen["pci"], function["physfn"])
        assert f"/{device['pcie_root']}/" in function["path"]
        assert f"{device['major']}:{device['minor']}" == seen["node"]
        assert device["num_vfs"] == len(function["virtfns"])


def test_the_recorded_tree_is_the_real_one(boards: GuestModule, repo: Path) -> None:
    Function(boards, "mock1").set("hang", 1)

    def without_major(text: str) -> Json:
        return json.loads(re.sub(r'("(?:MAJOR=)?)\d+(:|\\nMINOR)', r"\1MAJOR\2", text))

    recorded = (repo / RECORDING).read_text()
    assert without_major(boards.script("record.py")) == without_major(recorded)


@pytest.mark.parametrize(
    ("change", "name", "expected"),
    [
        pytest.param("link=down", "mock1", {"responding": False, "errors": None, "memory": 16 << 30}, id="link down"),
        pytest.param("enable=0", "mock1", None, id="unplugged"),
        pytest.param("surprise_remove=1", "mock1", None, id="pulled out"),
        pytest.param("errors=0x05", "mock1", {"responding": True, "errors": 5}, id="errors shown"),
        pytest.param("inject_error=fatal", "mock1", {"responding": True}, id="an error reported"),
    ],
)
def test_the_driver_is_woken_within_a_second(
    boards: GuestModule, change: str, name: str, expected: Json | None
) -> None:
    setting, _, value = change.partition("=")
    devices, seconds = scan(boards, f"{Function(boards, name).folder}/{setting}={value}")
    assert seconds is not None
    assert seconds < 1
    if expected is None:
        # The kernel may still be taking it off; the uevent of its device comes last.
        devices, _ = scan(boards)
        assert name not in devices
    else:
        assert {key: devices[name][key] for key in expected} == expected


def test_the_driver_is_woken_by_new_virtual_functions(boards: GuestModule) -> None:
    _, seconds = scan(boards, f"{CLASS}/mock1/sriov_numvfs=1")
    assert seconds is not None
    assert "mock1_vf0" in scan(boards)[0]


def test_a_hang_wakes_nobody_and_is_seen_at_the_next_scan(boards: GuestModule) -> None:
    _, seconds = scan(boards, f"{Function(boards, 'mock1').folder}/hang=1")
    assert seconds is None
    device = scan(boards)[0]["mock1"]
    assert (device["errors"], device["responding"]) == (None, False)
