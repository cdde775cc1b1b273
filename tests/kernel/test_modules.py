# SPDX-License-Identifier: GPL-3.0-or-later
"""mock_accel_info and mock_accel_vfs as users run them: by Ansible, over ssh, against the loaded kernel module."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from guest_module import FILES, GuestModule

Ask = Callable[..., dict[str, Any]]
UDEV_RULE = 'SUBSYSTEM=="mock-accel", KERNEL=="mock*_vf*", MODE="0660", GROUP="video"\n'
PCI = "/sys/bus/pci"
CONFIGFS = "/sys/kernel/config/mock-accel"
UTILS = Path("plugins/module_utils")


@pytest.fixture(scope="module")
def ask(accel: GuestModule, repo: Path, ansible_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Runs a module in the guest and gives its answer; `arguments` are those of ansible itself."""
    inventory = tmp_path_factory.mktemp("inventory") / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"guest": accel.guest.ansible_variables}}}))
    command = [str(Path(sys.executable).parent / "ansible"), "guest", "-i", str(inventory)]
    environment = {**ansible_env, "ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1"}

    def run(module: str, *arguments: str, **options: Any) -> dict[str, Any]:
        argv = [*command, "-m", f"mirage.accel.{module}", *arguments]
        argv += ["-a", json.dumps(options)] if options else []
        done = subprocess.run(argv, cwd=repo, env=environment, capture_output=True, text=True, check=False, timeout=300)
        before, arrow, answer = done.stdout.partition("=> ")
        assert arrow, done.stdout + done.stderr
        return {"failed": "FAILED" in before, "text": before, **yaml.safe_load(answer)}

    return run


@pytest.fixture(scope="module")
def info(ask: Ask) -> Ask:
    return lambda *arguments, **options: ask("mock_accel_info", *arguments, **options)


@pytest.fixture(scope="module")
def vfs(ask: Ask) -> Ask:
    return lambda number, *arguments, **options: ask("mock_accel_vfs", *arguments, number=number, **options)


def numbers(accel: GuestModule) -> list[int]:
    return [int(word) for word in accel.guest.must("cat /sys/class/mock-accel/mock*/sriov_numvfs").split()]


def test_info_without_the_module(accel: GuestModule, info: Ask, vfs: Ask) -> None:
    accel.unload()
    answer = info()
    assert (answer["failed"], answer["loaded"], answer["functions"]) == (False, False, [])
    assert vfs(1)["msg"].endswith("the kernel module mock_accel is not loaded: load it (modprobe mock_accel)")


def test_info_lists_what_lspci_and_sysfs_show(accel: GuestModule, info: Ask) -> None:
    accel.load("num_pfs=4 num_roots=2 numa_nodes=1,0 uuid_seed=test")
    accel.set_vfs("mock3", 2)
    answer = info()
    functions = {function["address"]: function for function in answer["functions"]}
    assert answer["loaded"] and answer["parameters"]["num_roots"] == "2"

    lines = [line.split() for line in accel.guest.must("lspci -Dn -d 1de5:").splitlines()]
    ids = {
        address: [function["class"][2:6] + ":", function["vendor"][2:] + ":" + function["device"][2:]]
        for address, function in functions.items()
    }
    assert ids == {line[0]: line[1:3] for line in lines}
    assert list(functions) == [line[0] for line in lines]

    shown = accel.observe()
    assert {function["name"] for function in functions.values()} == set(shown["devices"])
    for address, function in functions.items():
        pci, device = shown["functions"][address], shown["devices"][function["name"]]
        assert f"/sys/{function['path']}" == pci["path"]
        assert function["pcie_root"] == pci["path"].split("/")[3]
        assert (function["driver"], function["parent"] and function["parent"]["address"]) == (
            pci["driver"],
            pci["physfn"],
        )
        assert (str(function["numa_node"]), function["vfs"]) == (pci["numa_node"], pci["virtfns"])
        assert (function["link_speed"], str(function["link_width"])) == (
            pci["current_link_speed"],
            pci["current_link_width"],
        )
        assert (function["uuid"], str(function["memory_size"])) == (
            device["values"]["uuid"],
            device["values"]["memory_size"],
        )
        assert function["node"] == {
            **{"path": f"/dev/{function['name']}", "mode": "0600", "owner": "root", "group": "root"},
            **dict(zip(("major", "minor"), map(int, device["node"].split(":")), strict=True)),
        }
        assert (function["status"], function["responding"]) == ("free", True)
    assert functions["1001:00:01.1"]["parent"] == {"address": "1001:00:01.0", "name": "mock3"}
    assert [functions["1001:00:01.0"][name] for name in ("total_vfs", "num_vfs")] == [4, 2]
    assert functions["1001:00:01.2"]["capabilities"] == ["vf", "passphrase"]
    assert {function["numa_node"] for function in functions.values() if function["pcie_root"] == "pci1000:00"} == {1}


def test_info_reads_the_registers_of_an_unbound_function(accel: GuestModule, info: Ask) -> None:
    accel.load("num_pfs=2 uuid_seed=a")
    accel.guest.must("echo 1 >/sys/class/mock-accel/mock1/status")
    (before,) = info(functions=["mock1"])["functions"]
    accel.guest.must(f"echo 1000:00:01.0 >{PCI}/drivers/mock-accel/unbind")
    (after,) = info(functions=["1000:00:01.0"])["functions"]
    assert after == {**before, "name": None, "driver": None, "node": None, "errors": 0}
    # All are gone from the driver, and yet known by the module's parameters.
    accel.guest.must(f"echo 1000:00:00.0 >{PCI}/drivers/mock-accel/unbind")
    assert [one["address"] for one in info(kind="physical")["functions"]] == ["1000:00:00.0", "1000:00:01.0"]


def test_numbers_of_virtual_functions(accel: GuestModule, vfs: Ask) -> None:
    """From 0 to 2, 2, 3 and back to 0, each predicted first."""
    accel.guest.must("mkdir -p /run/udev/rules.d && cat >/run/udev/rules.d/50-test.rules", UDEV_RULE.encode())
    accel.guest.must("udevadm control --reload")
    accel.load("num_pfs=2")
    for number, before in ((2, 0), (2, 2), (3, 2), (0, 3)):
        expected = [
            {"address": f"1000:00:0{index}.0", "name": f"mock{index}", "before": before, "after": number}
            for index in range(2)
        ]
        predicted = vfs(number, "--check", "--diff")
        assert numbers(accel) == [before, before]
        assert (f"-mock0 (1000:00:00.0): {before}\n" in predicted["text"]) == (number != before)
        assert (f"+mock1 (1000:00:01.0): {number}\n" in predicted["text"]) == (number != before)
        answer = vfs(number)
        assert numbers(accel) == [number, number]
        for one in (predicted, answer):
            assert (one["failed"], one["changed"], one["functions"]) == (False, number != before, expected)
        # What udev's rule says of the nodes is true at once.
        nodes = accel.guest.must("stat --format '%n %a %G' /dev/mock*_vf* 2>/dev/null || true").splitlines()
        assert nodes == [f"/dev/mock{i}_vf{j} 660 video" for i in range(2) for j in range(number)]
    accel.guest.must("rm /run/udev/rules.d/50-test.rules && udevadm control --reload")


def test_allocated_functions_are_refused_by_name(accel: GuestModule, vfs: Ask) -> None:
    accel.load("num_pfs=2 num_vfs=2")
    accel.guest.must("echo 1 >/sys/class/mock-accel/mock1_vf0/status")
    answer = vfs(3)
    assert answer["failed"]
    assert answer["msg"] == (
        "Error while setting the number of virtual functions to 3, nothing was changed: "
        "mock1_vf0 (1000:00:01.1) is allocated: free what is in use first, or set force to take it off all the same"
    )
    assert numbers(accel) == [2, 2]
    assert vfs(0, functions=["mock0"])["changed"] is True
    assert vfs(3, functions=["1000:00:01.0"], force=True)["changed"] is True
    assert numbers(accel) == [0, 3]


def test_a_function_that_is_open_in_a_container_is_refused_by_its_user(accel: GuestModule, vfs: Ask, ask: Ask) -> None:
    accel.load("num_vfs=2")
    with accel.holding("mock0_vf1") as pid:
        user = f"is open in process {pid} (sleep)"
        assert vfs(0)["problems"] == [
            f"mock0_vf1 (1000:00:00.2) {user}: free what is in use first, or set force to take it off all the same"
        ]
        assert numbers(accel) == [2]
        assert ask("mock_accel_host_info")["users"] == [f"mock0_vf1 {user}"]
        # By force it goes, and yet keeps the module.
        device = accel.guest.must("cat /sys/class/mock-accel/mock0_vf1/dev").strip()
        assert vfs(0, force=True)["changed"] is True
        assert ask("mock_accel_host_info")["users"] == [f"the device {device}, which is gone, {user}"]
        assert "in use" in accel.guest.run("rmmod mock_accel").stderr
    assert ask("mock_accel_host_info")["users"] == []
    accel.unload()


def test_an_unbound_function_keeps_its_allocation(accel: GuestModule, vfs: Ask) -> None:
    """Its status is in the device, whoever drives it."""
    accel.load("num_vfs=1")
    accel.guest.must("echo 1 >/sys/class/mock-accel/mock0_vf0/status")
    accel.guest.must(f"echo 1000:00:00.1 >{PCI}/drivers/mock-accel/unbind")
    assert "1000:00:00.1 is allocated" in vfs(0)["msg"]
    assert numbers(accel) == [1]


def test_what_cannot_be_is_refused_before_anything_is_changed(accel: GuestModule, vfs: Ask) -> None:
    accel.load("num_pfs=2")
    accel.guest.must(f"echo 1000:00:01.0 >{PCI}/drivers/mock-accel/unbind")
    answer = vfs(2)
    assert "1000:00:01.0 is bound to no driver" in answer["msg"]
    answer = vfs(5, functions=["mock0", "mock9"])
    assert [problem.split(":")[0] for problem in answer["problems"]] == ["mock9 does not exist", "mock0 (1000"]
    assert numbers(accel) == [0]


def test_devices_are_not_waited_for_where_the_kernel_makes_none(accel: GuestModule, vfs: Ask) -> None:
    accel.load()
    accel.guest.must(f"echo 0 >{PCI}/devices/1000:00:00.0/sriov_drivers_autoprobe")
    assert vfs(2, timeout=20)["changed"] is True
    assert accel.guest.must("ls /sys/class/mock-accel").split() == ["mock0"]
    assert vfs(0)["changed"] is True


def test_without_the_right_to(accel: GuestModule, vfs: Ask, info: Ask) -> None:
    """A user without privileges may look, and is told what is needed to change anything."""
    accel.load("num_vfs=1")
    home = "/home/visitor/.ssh"
    accel.guest.must(
        # A password that nobody has: with a locked account, sshd takes no key either.
        "id visitor 2>/dev/null || useradd --create-home --shell /bin/sh --password '*' visitor; "
        f"install -d -o visitor {home} && install -o visitor -m 600 ~/.ssh/authorized_keys {home}"
    )
    alone = {"ansible_ssh_args": f"-oControlPath=none {accel.guest.ansible_variables['ansible_ssh_args']}"}
    visitor = ("-e", json.dumps({"ansible_user": "visitor", **alone}))
    listed = info(*visitor)["functions"]
    assert [(one["name"], one["status"]) for one in listed] == [("mock0", "free"), ("mock0_vf0", "free")]
    assert vfs(2, *visitor)["msg"].endswith(
        "mock0 (1000:00:00.0) cannot be changed: Permission denied: run the task as root (become: true)"
    )


def test_functions_that_come_and_go_are_read(accel: GuestModule, repo: Path) -> None:
    """The reading alone, again and again while VFs and drivers come and go: no exception, whatever it meets."""
    accel.load("num_pfs=2 num_vfs=4")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("_mock_accel", "_pci_domains.py"):
            tar.add(repo / UTILS / name, f"ansible_collections/mirage/accel/{UTILS}/{name}")
    accel.guest.must("mkdir -p /tmp/collections && tar -x -C /tmp/collections", packed.getvalue())
    program = (FILES / "read_functions.py").read_bytes()
    seen = json.loads(accel.guest.must("PYTHONPATH=/tmp/collections python3 - 8 6", program))
    assert seen["failed"] == 0
    # Otherwise nothing has come or gone, and nothing is proved.
    assert seen["looks"] > 5 and seen["unbound"] and len(seen["numbers"]) > 1, seen


@pytest.fixture
def configfs(accel: GuestModule) -> Iterator[str]:
    """Two physical functions with a virtual one each, and the folder in which they are described."""
    accel.load("num_pfs=2 num_vfs=1 uuid_seed=a")
    yield CONFIGFS
    accel.guest.must(f"for folder in {CONFIGFS}/*; do rmdir $folder 2>/dev/null || true; done")


@pytest.mark.parametrize(("fault", "value"), [("hang", "1"), ("link", "down")])
def test_functions_that_do_not_answer_are_listed(
    accel: GuestModule, configfs: str, info: Ask, fault: str, value: str
) -> None:
    """With what the kernel remembers of them."""
    before = {function["name"]: function for function in info()["functions"]}
    accel.guest.must(f"echo {value} >{configfs}/mock1/{fault}")
    found = {function["name"]: function for function in info()["functions"]}
    assert [found[name] for name in ("mock0", "mock0_vf0")] == [before[name] for name in ("mock0", "mock0_vf0")]
    unknown = ("status", "errors", "link_speed", "link_width", "max_link_speed", "max_link_width")
    for device in ("mock1", "mock1_vf0"):
        assert found[device] == {**before[device], **dict.fromkeys(unknown), "responding": False}


def test_functions_that_do_not_answer_are_spared(accel: GuestModule, configfs: str, vfs: Ask) -> None:
    accel.guest.must(f"echo 1 >{configfs}/mock1/hang")
    assert "mock1_vf0 (1000:00:01.1) does not answer and may be allocated" in vfs(0)["msg"]
    assert "mock1 (1000:00:01.0) does not answer: take its fault off" in vfs(2)["msg"]
    assert numbers(accel) == [1, 1]
    accel.guest.must(f"echo 0 >{configfs}/mock1/hang")
    assert vfs(2)["changed"] is True


def test_gpus_of_a_profile_are_listed(accel: GuestModule, configfs: str, info: Ask) -> None:
    """Of any vendor, and known as ours by their driver, or without one by what configfs says."""
    settings = {"vendor": "0x10de", "device": "0x20b0", "class": "0x030200", "registers": 0, "total_vfs": 0}
    settings |= {"root_bus": "2000:07", "numa_node": 1}
    accel.guest.must(f"mkdir {configfs}/gpu0")
    for name, value in {**settings, "enable": 1}.items():
        accel.guest.must(f"echo {value} >{configfs}/gpu0/{name}")
    address = accel.guest.must(f"cat {configfs}/gpu0/address").strip()
    (gpu,) = info(functions=[address])["functions"]
    shown = [gpu[name] for name in ("name", "vendor", "device", "class", "pcie_root", "numa_node", "driver", "node")]
    assert shown == [None, "0x10de", "0x20b0", "0x030200", "pci2000:07", 1, "mock-accel", None]
    assert (gpu["responding"], gpu["status"], gpu["total_vfs"]) == (True, None, 0)
    accel.guest.must(f"echo {address} >{PCI}/drivers/mock-accel/unbind")
    assert info(functions=[address])["functions"] == [{**gpu, "driver": None}]
