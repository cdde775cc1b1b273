# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a host, which is a folder here."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel_host import facts
from ansible_collections.mirage.accel.plugins.modules import mock_accel_host_info

KERNEL = "6.1.0-50-cloud-amd64"
NOTE = b"\4\0\0\0\24\0\0\0\3\0\0\0GNU\0" + bytes(range(20))


@pytest.fixture
def write(tmp_path: Path):
    def call(name: str, content: str | bytes = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return call


@pytest.fixture
def pci(tmp_path: Path):
    def call(address: str, driver: str = "") -> None:
        folder = tmp_path / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        if driver:
            (folder / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")

    return call


@pytest.fixture
def gather(tmp_path: Path):
    return lambda: facts.gather(tmp_path, Path("/var/lib/x"))


def test_an_empty_host_has_nothing(gather) -> None:
    found = gather()
    nothing = {key: value for key, value in found.items() if key not in ("kernel", "architecture", "commands")}
    assert nothing == {
        "has_modules": False,
        "modules_disabled": False,
        "capabilities": 0,
        "enforcement": "",
        "headers": "",
        "sign_file": "",
        "systemd": False,
        "machine_id": "",
        "numa_nodes": [],
        "domains": {},
        "configured": "",
        "record": {},
        "intact": False,
        "loaded": False,
        "parameters": {},
        "is_installed_one": True,
        "opened": {},
        "allocated": [],
        "hanging": [],
        "foreign": {},
        "functions": [],
        "made_functions": [],
    }


def test_the_kernel_and_what_it_allows(gather, write) -> None:
    write("proc/sys/kernel/osrelease", f"{KERNEL}\n")
    write("proc/modules")
    write("proc/sys/kernel/modules_disabled", "1\n")
    write("proc/self/status", "Name:\tx\nCapEff:\t0000000000010000\n")
    write("sys/devices/system/node/online", "0-1,4\n")
    write(f"lib/modules/{KERNEL}/build/Makefile")
    sign_file = write(f"lib/modules/{KERNEL}/build/scripts/sign-file")
    sign_file.chmod(sign_file.stat().st_mode | stat.S_IXUSR)
    found = gather()
    assert (found["kernel"], found["has_modules"], found["modules_disabled"]) == (KERNEL, True, True)
    assert found["capabilities"] == 1 << 16
    assert found["numa_nodes"] == [0, 1, 4]
    assert found["headers"].endswith(f"/lib/modules/{KERNEL}/build")
    assert found["sign_file"] == str(sign_file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sys/module/module/parameters/sig_enforce", "N\n", ""),
        ("sys/module/module/parameters/sig_enforce", "Y\n", "/sys/module/module/parameters/sig_enforce is Y"),
        ("sys/kernel/security/lockdown", "[none] integrity confidentiality\n", ""),
        (
            "sys/kernel/security/lockdown",
            "none [integrity] confidentiality\n",
            "/sys/kernel/security/lockdown is integrity",
        ),
    ],
)
def test_enforcement_of_signatures(tmp_path: Path, write, name: str, content: str, said: str) -> None:
    write(name, content)
    assert facts.read_enforcement(tmp_path) == said


def test_domains_are_ours_when_all_in_them_is(tmp_path: Path, pci) -> None:
    pci("0000:00:01.0", "e1000")
    pci("1000:00:00.0", "mock-accel")
    pci("1000:00:00.1", "mock-accel")
    pci("2000:00:00.0", "mock-accel")
    pci("2000:00:01.0")
    (tmp_path / "sys/class/pci_bus/3000:00").mkdir(parents=True)
    (tmp_path / "sys/class/pci_bus/1000:00").mkdir(parents=True)
    assert facts.read_domains(tmp_path) == {"0000": False, "1000": True, "2000": False, "3000": False}


def test_domains_of_the_module_are_ours_whatever_driver_is_there(tmp_path: Path, pci, write) -> None:
    for name, value in {"first_domain": "4096", "num_roots": "2", "num_pfs": "4"}.items():
        write(f"sys/module/mock_accel/parameters/{name}", f"{value}\n")
    write("sys/kernel/config/mock-accel/gpu0/address", "2345:07:00.0\n")
    write("sys/kernel/config/mock-accel/idle/address", "\n")
    pci("1000:00:00.0")
    pci("1001:00:00.1", "vfio-pci")
    pci("2345:07:00.0", "mock-accel")
    pci("3000:00:00.0", "vfio-pci")
    expected = {"1000": True, "1001": True, "2345": True, "3000": False}
    assert facts.read_domains(tmp_path) == expected
    # Without a function of the parameters there is no root bus of theirs.
    write("sys/module/mock_accel/parameters/num_pfs", "0\n")
    assert facts.read_domains(tmp_path) == {**expected, "1000": False, "1001": False}


@pytest.mark.parametrize("pack", [pytest.param(bytes, id=""), gzip.compress, lzma.compress])
@pytest.mark.parametrize("same", [True, False])
def test_the_loaded_module_is_compared_with_the_installed_one(tmp_path: Path, gather, write, pack, same: bool) -> None:
    suffix = {bytes: "", gzip.compress: ".gz", lzma.compress: ".xz"}[pack]
    path = write(f"lib/modules/mock_accel.ko{suffix}", pack(b"\x7fELF" + (NOTE if same else b"other") + b"end"))
    record = {"path": f"/lib/modules/{path.name}", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    write("var/lib/x/installed.json", json.dumps(record))
    write("sys/module/mock_accel/initstate", "live\n")
    write("sys/module/mock_accel/parameters/num_pfs", "4\n")
    write("sys/module/mock_accel/notes/.note.gnu.build-id", NOTE)
    found = gather()
    assert (found["loaded"], found["parameters"]) == (True, {"num_pfs": "4"})
    assert found["is_installed_one"] is same
    assert found["intact"] is True
    path.write_bytes(b"changed")
    assert gather()["intact"] is False


def test_a_way_of_packing_that_is_unknown_counts_as_the_same(gather, write) -> None:
    write("lib/mock_accel.ko.zst", b"x")
    write("var/lib/x/installed.json", json.dumps({"path": "/lib/mock_accel.ko.zst"}))
    write("sys/module/mock_accel/initstate", "live\n")
    write("sys/module/mock_accel/notes/.note.gnu.build-id", NOTE)
    assert gather()["is_installed_one"] is True


def test_who_uses_the_module(tmp_path: Path, gather, write) -> None:
    for name, status in (("mock0", "0"), ("mock1", "1"), ("mock1_vf0", "1")):
        write(f"sys/class/mock-accel/{name}/status", f"{status}\n")
    write("sys/class/mock-accel/mock0/dev", "240:0\n")
    write("sys/class/mock-accel/mock1_vf0/dev", "240:9\n")
    write("proc/devices", "Character devices:\n  1 mem\n240 mock-accel\n241 mock-accelerator\n\nBlock devices:\n")
    # Of a device that is gone only the number is left; 241 is another driver's.
    for pid, (major, minor) in enumerate(((240, 0), (240, 11), (1, 3), (241, 0)), 7):
        node = tmp_path / f"elsewhere{pid}"
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(major, minor))
        write(f"proc/{pid}/comm", "trainer\n")
        (tmp_path / f"proc/{pid}/fd").mkdir()
        (tmp_path / f"proc/{pid}/fd/3").symlink_to(node)
    write("sys/module/mock_accel/parameters/num_pfs", "2\n")
    for name in ("mock0", "mock1", "mock2", "gpu0"):
        (tmp_path / "sys/kernel/config/mock-accel" / name).mkdir(parents=True)
    write("run/mock-accel/functions.json", json.dumps({"functions": {"gpu0": {}, "gone": {}}}))
    found = gather()
    assert found["allocated"] == ["mock1", "mock1_vf0"]
    assert found["opened"] == {
        "mock0": [{"pid": 7, "command": "trainer"}],
        "240:11": [{"pid": 8, "command": "trainer"}],
    }
    assert found["functions"] == ["gpu0", "mock2"]
    assert found["made_functions"] == ["gpu0"]


def test_a_device_that_hangs_is_known_from_one_that_has_gone(tmp_path: Path, gather, write) -> None:
    write("sys/class/mock-accel/mock0/status", "0\n")
    # Reading a folder is an error too, and not that of a missing file; so is EIO.
    (tmp_path / "sys/class/mock-accel/mock0_vf0/status").mkdir(parents=True)
    (tmp_path / "sys/class/mock-accel/mock1").mkdir()
    (tmp_path / "sys/class/mock-accel/mock1/status").symlink_to("gone")
    found = gather()
    assert (found["hanging"], found["allocated"]) == (["mock0_vf0"], [])


def test_functions_that_another_driver_has(tmp_path: Path, gather, write, pci) -> None:
    for address, driver in (
        ("1000:00:00.0", "mock-accel"),
        ("1000:00:00.1", "vfio-pci"),
        ("1000:00:00.2", "mock-accel"),
        ("1000:00:00.3", ""),
        ("1000:00:01.0", "vfio-pci"),
        ("2f11:07:00.0", "uio_pci_generic"),
        ("0000:00:01.0", "ahci"),
    ):
        pci(address, driver)
    devices = tmp_path / "sys/bus/pci/devices"
    for number in range(3):
        (devices / f"1000:00:00.0/virtfn{number}").symlink_to(f"../1000:00:00.{number + 1}")
    write("sys/class/mock-accel/mock0/status", "0\n")
    (tmp_path / "sys/class/mock-accel/mock0/device").symlink_to(devices / "1000:00:00.0")
    for name, device, address in (("mock1", "mock1", "1000:00:01.0"), ("gpu0", "", "2f11:07:00.0"), ("off", "", "")):
        write(f"sys/kernel/config/mock-accel/{name}/device_name", f"{device}\n")
        write(f"sys/kernel/config/mock-accel/{name}/address", f"{address}\n")
    assert gather()["foreign"] == {"gpu0": "uio_pci_generic", "mock0_vf0": "vfio-pci", "mock1": "vfio-pci"}


def test_commands_are_found_where_path_leaves_them_out(tmp_path: Path) -> None:
    tool = tmp_path / "dkms"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert "dkms" in facts.read_commands(str(tmp_path))


def test_the_module_answers_for_a_host(tmp_path: Path, write, run_module) -> None:
    write("proc/sys/kernel/osrelease", f"{KERNEL}\n")
    answer = run_module(mock_accel_host_info, root=str(tmp_path), parameters={"num_pfs": 2}, gpu_domains=["1000"])
    assert (answer["failed"], answer["changed"]) == (False, False)
    assert answer["choices"] == {"way": "headers", "sign_command": "", "first_domain": "0x1001", "persist": "init"}
    assert len(answer["problems"]) == 1
    if os.uname().machine == "x86_64":
        assert KERNEL in answer["problems"][0]
    assert (answer["users"], answer["changed_parameters"]) == ([], [])
