# SPDX-License-Identifier: GPL-3.0-or-later
"""What PCI tools, sysfs readers and programs find: four physical functions on two root buses, three VFs."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from guest_module import GuestModule

pytestmark = pytest.mark.kernels("bookworm", "newest")

GIB = 1 << 30
PHYSICAL = {
    "mock0": "1000:00:00.0",
    "mock1": "1000:00:01.0",
    "mock2": "1001:00:00.0",
    "mock3": "1001:00:01.0",
}
VIRTUAL = {"mock0_vf0": "1000:00:00.1", "mock0_vf1": "1000:00:00.2", "mock3_vf0": "1001:00:01.1"}
WORDLIST = "/lib/firmware/mock-accel-wordlist"
WORDS = ["alpha", "beta", "gamma"]


@pytest.fixture(scope="module")
def loaded(accel: GuestModule) -> GuestModule:
    accel.load("num_pfs=4 num_roots=2 numa_nodes=0,1 uuid_seed=test")
    accel.set_vfs("mock0", 2)
    accel.set_vfs("mock3", 1)
    return accel


@pytest.fixture(scope="module")
def shown(loaded: GuestModule) -> dict[str, Any]:
    return loaded.observe()


def pcie_root(path: str) -> str:
    """Kubernetes' rule: the root bus is the part of the resolved path below /sys/devices."""
    parts = PurePosixPath(path).parts
    assert parts[:3] == ("/", "sys", "devices")
    assert re.fullmatch(r"pci[0-9a-f]{4}:[0-9a-f]{2}", parts[3])
    return parts[3]


def test_the_module_is_loaded(loaded: GuestModule) -> None:
    assert re.search(r"^mock_accel ", loaded.guest.must("lsmod | grep mock_accel"), re.M)


def test_lspci_lists_every_function(loaded: GuestModule) -> None:
    lines = [line for line in loaded.guest.must("lspci -n").splitlines() if " 1de5:" in line]
    expected = [(address, "0001") for address in PHYSICAL.values()] + [
        (address, "0002") for address in VIRTUAL.values()
    ]
    assert lines == [f"{address} 1200: 1de5:{device} (rev 01)" for address, device in sorted(expected)]


def test_lspci_draws_the_tree_of_both_roots(loaded: GuestModule) -> None:
    tree = loaded.guest.must("lspci -tn")
    assert re.search(r"-\[1000:00\]-\+-00\.0\n[ |]+\+-00\.1\n[ |]+\+-00\.2\n[ |]+\\-01\.0\n", tree), tree
    assert re.search(r"-\[1001:00\]-\+-00\.0\n +\+-01\.0\n +\\-01\.1\n", tree), tree


def test_each_device_belongs_to_its_function(shown: dict[str, Any]) -> None:
    assert {name: device["pci"] for name, device in shown["devices"].items()} == PHYSICAL | VIRTUAL
    assert set(shown["functions"]) == {*PHYSICAL.values(), *VIRTUAL.values()}
    assert {function["driver"] for function in shown["functions"].values()} == {"mock-accel"}


def test_physical_and_virtual_functions_are_linked(shown: dict[str, Any]) -> None:
    functions = shown["functions"]
    assert functions["1000:00:00.0"]["virtfns"] == ["1000:00:00.1", "1000:00:00.2"]
    assert functions["1001:00:01.0"]["virtfns"] == ["1001:00:01.1"]
    assert functions["1000:00:01.0"]["virtfns"] == []
    assert {address: functions[address]["physfn"] for address in VIRTUAL.values()} == {
        "1000:00:00.1": "1000:00:00.0",
        "1000:00:00.2": "1000:00:00.0",
        "1001:00:01.1": "1001:00:01.0",
    }
    assert all(functions[address]["physfn"] is None for address in PHYSICAL.values())


def test_functions_have_their_ids(shown: dict[str, Any]) -> None:
    for address, function in shown["functions"].items():
        device = "0x0001" if address in PHYSICAL.values() else "0x0002"
        assert (function["vendor"], function["device"], function["class"]) == ("0x1de5", device, "0x120000")
        assert (function["subsystem_vendor"], function["subsystem_device"]) == ("0x1de5", device)


def test_root_buses_are_at_their_numa_nodes(shown: dict[str, Any]) -> None:
    for address, function in shown["functions"].items():
        node = "0" if address.startswith("1000:") else "1"
        assert function["numa_node"] == function["local_cpulist"] == node
    for device in shown["devices"].values():
        assert device["values"]["numa_node"] == shown["functions"][device["pci"]]["numa_node"]


def test_pcie_root_as_kubernetes_derives_it(shown: dict[str, Any]) -> None:
    for address, function in shown["functions"].items():
        assert pcie_root(function["path"]) == f"pci{address[:7]}"


def test_links_run_at_full_speed(shown: dict[str, Any]) -> None:
    for function in shown["functions"].values():
        assert function["current_link_speed"] == function["max_link_speed"] == "16.0 GT/s PCIe"
        assert function["current_link_width"] == function["max_link_width"] == "16"


def test_attributes_have_their_values(shown: dict[str, Any]) -> None:
    for name, device in shown["devices"].items():
        physical = name in PHYSICAL
        assert device["values"]["memory_size"] == str((16 if physical else 2) * GIB)
        assert device["values"]["capabilities"] == ("0x00000005" if physical else "0x00000006")
        assert device["values"]["status"] == "0"
        assert device["values"]["dev"] == device["node"]
    assert shown["devices"]["mock0"]["values"]["sriov_totalvfs"] == "4"
    assert shown["devices"]["mock0"]["values"]["sriov_numvfs"] == "2"
    uuids = {device["values"]["uuid"] for device in shown["devices"].values()}
    assert len(uuids) == len(PHYSICAL | VIRTUAL)
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid) for uuid in uuids
    )


def test_every_device_has_its_node(shown: dict[str, Any]) -> None:
    assert shown["nodes"] == sorted(PHYSICAL | VIRTUAL)


def test_read_gives_the_same_as_sysfs(shown: dict[str, Any]) -> None:
    for name, device in shown["devices"].items():
        lines = dict(line.split(": ") for line in device["text"].splitlines())
        same = {key: device["values"][key] for key in ("uuid", "memory_size", "numa_node", "capabilities")}
        assert lines == {"device": name, "pci_address": device["pci"], "status": "free", "errors": "0x00", **same}


def test_registers_are_what_sysfs_says(shown: dict[str, Any]) -> None:
    for device in shown["devices"].values():
        config = bytes.fromhex(shown["functions"][device["pci"]]["config"])
        assert len(config) == 4096
        at = 0x100
        while int.from_bytes(config[at : at + 2], "little") != 0x23:
            at = int.from_bytes(config[at + 2 : at + 4], "little") >> 4
            assert at, "no DVSEC capability"
        registers = config[at + 12 :]
        assert registers[8:24].hex() == device["values"]["uuid"].replace("-", "")
        assert int.from_bytes(registers[0x20:0x28], "little") == int(device["values"]["memory_size"])
        assert int.from_bytes(registers[0x28:0x2C], "little") == int(device["values"]["capabilities"], 16)


def test_ids_of_a_virtual_function_are_not_in_its_config(shown: dict[str, Any]) -> None:
    assert {shown["functions"][address]["config"][:8] for address in VIRTUAL.values()} == {"ffffffff"}


def test_a_passphrase_needs_a_word_list(loaded: GuestModule) -> None:
    ask = "import fcntl; fcntl.ioctl(open('/dev/mock0'), 0xC1014D02, bytearray(b'\\4' + bytes(256)))"
    done = loaded.guest.run("python3 -", ask.encode())
    assert "FileNotFoundError" in done.stderr
    # Debian's kernel says so each time, asked or not.
    assert all("firmware" in line for line in loaded.new_warnings())
    loaded.guest.must("mkdir -p /lib/firmware")
    loaded.guest.send(b"caf\xc3\xa9\n", WORDLIST)
    done = loaded.guest.run("python3 -", ask.encode())
    assert "Invalid argument" in done.stderr
    reason = "firmware file mock-accel-wordlist holds no list of words: error -22"
    assert loaded.new_warnings() == [f"mock-accel 1000:00:00.0: {reason}"]


@pytest.mark.parametrize("name", ["mock1", "mock0_vf1"])
def test_read_and_ioctls(loaded: GuestModule, name: str) -> None:
    loaded.guest.send("".join(f"{word}\n" for word in WORDS).encode(), WORDLIST)
    answers = json.loads(loaded.script("ioctls.py", name))
    passphrases = answers.pop("passphrases")
    assert [len(words) for words in passphrases[:3]] == [1, 6, 12]
    drawn = [word for words in passphrases for word in words]
    # Of 259 words each of three is drawn: otherwise chance has had one in 10^45.
    assert set(drawn) == set(WORDS)
    assert "status: allocated\n" in answers.pop("text after")
    assert answers == {
        "status before": 0,
        "status after": 1,
        "refused statuses": ["EINVAL", "EINVAL", "EINVAL", "EINVAL", "ERANGE"],
        "status at the end": 0,
        "read in pieces": True,
        "read behind the end": "",
        "write": "EINVAL",
        "refused word counts": ["EINVAL"] * 3,
        "unknown ioctls": ["ENOTTY"] * 4,
        "bad pointers": ["EFAULT"] * 10,
    }
