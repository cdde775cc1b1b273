# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that come and go: VFs, drivers, whole buses and the module, also while somebody has them open."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

import pytest
from growth import growing
from guest_module import MODULE, GuestModule
from kernel_log import unexpected

# What the kernel itself does differently from one to the next; the rest is the module's own.
both_kernels = pytest.mark.kernels("bookworm", "newest")

PCI = "/sys/bus/pci"
WORDLIST = "mkdir -p /lib/firmware && printf 'alpha\\nbeta\\n' >/lib/firmware/mock-accel-wordlist"
DEVICES = "ls /sys/class/mock-accel"


def devices(accel: GuestModule) -> list[str]:
    return accel.guest.must(DEVICES).split()


@both_kernels
def test_vfs_on_and_off(accel: GuestModule) -> None:
    accel.load("num_pfs=2 total_vfs=7")
    assert devices(accel) == ["mock0", "mock1"]
    accel.set_vfs("mock1", 7)
    assert devices(accel) == ["mock0", "mock1", *(f"mock1_vf{number}" for number in range(7))]
    # The PCI core's own rules: another number only after none, and never more than there can be.
    assert accel.guest.run("echo 3 >/sys/class/mock-accel/mock1/sriov_numvfs").returncode
    assert accel.guest.run("echo 8 >/sys/class/mock-accel/mock0/sriov_numvfs").returncode
    reason = "7 VFs already enabled. Disable before enabling 3 VFs"
    assert accel.new_warnings() == [f"mock-accel 1000:00:01.0: {reason}"]
    accel.set_vfs("mock1", 0)
    assert devices(accel) == ["mock0", "mock1"]
    assert accel.guest.must("ls /dev/mock*").split() == ["/dev/mock0", "/dev/mock1"]


def test_vfs_that_are_made_anew_are_free(accel: GuestModule) -> None:
    accel.load("num_vfs=2")
    accel.guest.must("echo 1 | tee /sys/class/mock-accel/mock0/status /sys/class/mock-accel/mock0_vf1/status")
    accel.set_vfs("mock0", 0)
    accel.set_vfs("mock0", 2)
    assert accel.guest.must("cd /sys/class/mock-accel && cat mock0/status mock0_vf1/status").split() == ["1", "0"]


def test_vfs_from_the_start_and_none_at_all(accel: GuestModule) -> None:
    accel.load("num_vfs=3")
    assert devices(accel) == ["mock0", "mock0_vf0", "mock0_vf1", "mock0_vf2"]
    accel.load("total_vfs=0")
    assert devices(accel) == ["mock0"]
    assert not accel.guest.must("find /sys/class/mock-accel/mock0/ -name 'sriov*'")


def test_the_seed_decides_the_uuids(accel: GuestModule) -> None:
    read = "cat /sys/class/mock-accel/*/uuid"
    seen = []
    for parameters in ("uuid_seed=a num_vfs=1", "uuid_seed=a num_vfs=1 first_domain=0x2000", "uuid_seed=b", "", ""):
        accel.load(parameters)
        seen.append(accel.guest.must(read).split())
    assert seen[0] == seen[1] and len(seen[0]) == 2
    assert len({tuple(uuids) for uuids in seen}) == 4
    # A random one is shown, so that it can be given again.
    seed = accel.guest.must("cat /sys/module/mock_accel/parameters/uuid_seed").strip()
    accel.load(f"uuid_seed={seed}")
    assert accel.guest.must(read).split() == seen[-1]


def test_events_come_when_all_files_are_there(accel: GuestModule) -> None:
    rule = (
        'SUBSYSTEM=="mock-accel", ACTION=="add", ATTR{uuid}=="?*", TEST=="sriov_numvfs", SYMLINK+="accel/$attr{uuid}"\n'
    )
    accel.unload()
    accel.guest.must("mkdir -p /run/udev/rules.d && cat >/run/udev/rules.d/50-test.rules", rule.encode())
    accel.guest.must("udevadm control --reload")
    accel.load("num_pfs=4")
    accel.guest.must("udevadm settle")
    uuids = accel.guest.must("cat /sys/class/mock-accel/*/uuid").split()
    assert sorted(accel.guest.must("ls /dev/accel").split()) == sorted(uuids)
    accel.guest.must("rm /run/udev/rules.d/50-test.rules && udevadm control --reload")


@both_kernels
@pytest.mark.parametrize(
    "action",
    [
        pytest.param(f"{PCI}/drivers/mock-accel/unbind=1000:00:00.0", id="unbind"),
        pytest.param(f"{PCI}/devices/1000:00:00.0/remove=1", id="remove"),
    ],
)
def test_open_files_survive_their_device(accel: GuestModule, action: str) -> None:
    accel.load("num_pfs=2 num_vfs=2 uuid_seed=a")
    names = ["mock0", "mock0_vf0", "mock0_vf1", "mock1"]
    accel.guest.must("echo 1 >/sys/class/mock-accel/mock0/status")
    answers = json.loads(accel.script("survivor.py", ",".join(names), action))
    # The word count is 0, which a device that is there refuses.
    there = ["no error", "no error", "EINVAL", "ENOTTY"]
    assert answers["before"] == dict.fromkeys(names, there)
    assert answers["after"] == {**{name: ["ENODEV"] * 4 for name in names[:3]}, "mock1": there}
    assert answers["gone"] == names[:3]
    assert devices(accel) == ["mock1", "mock1_vf0", "mock1_vf1"]

    # It comes back as what it was, without VFs, in the state that the device itself has kept.
    if "unbind" in action:
        accel.guest.must(f"echo 1000:00:00.0 >{PCI}/drivers/mock-accel/bind")
    else:
        accel.guest.must(f"echo 1 >{PCI}/rescan")
    assert devices(accel) == ["mock0", "mock1", "mock1_vf0", "mock1_vf1"]
    assert accel.guest.must("cat /sys/class/mock-accel/mock0/status") == "1\n"
    accel.set_vfs("mock0", 4)
    assert "mock0_vf3" in devices(accel)


def test_an_open_file_keeps_the_module(accel: GuestModule) -> None:
    accel.load()
    done = accel.guest.run("exec 3</dev/mock0; rmmod mock_accel")
    assert done.returncode and "in use" in done.stderr
    accel.unload()
    assert not accel.guest.must("ls /dev | grep '^mock' || true")


REFUSALS = {
    "num_pfs=five": "`five' invalid for parameter `num_pfs'",
    "pf_memory=16GB": "`16GB' invalid for parameter `pf_memory'",
    "num_pfs=513 num_roots=16": "num_pfs is 513: it must be 0 to 512",
    "num_pfs=33": "num_pfs is 33 with num_roots 1: a root bus holds at most 32",
    "total_vfs=8": "total_vfs is 8: it must be 0 to 7",
    "first_domain=0": "first_domain is 0x0 with num_roots 1: domains must be 0x1 to 0xffff",
    "numa_nodes=0,7": "numa_nodes names node 7, which this machine does not have",
    "numa_nodes=65535": "numa_nodes names node 65535, which this machine does not have",
}


def test_impossible_parameters_are_refused_in_one_line(accel: GuestModule) -> None:
    accel.unload()
    for parameters in REFUSALS:
        assert accel.guest.run(f"insmod {MODULE} {parameters}").returncode, parameters
    assert accel.new_warnings() == [f"mock_accel: {reason}" for reason in REFUSALS.values()]
    assert not accel.guest.must("ls /sys/class | grep mock-accel || true")
    assert not accel.guest.must("ls -d /sys/devices/pci1* 2>/dev/null || true")


def test_largest_configuration(accel: GuestModule) -> None:
    accel.load("num_pfs=64 num_roots=16 num_vfs=0")
    assert len(devices(accel)) == 64
    assert len(accel.guest.must("ls -d /sys/devices/pci10*").split()) == 16
    accel.unload()


@both_kernels
def test_cycles_leave_nothing(accel: GuestModule) -> None:
    """Thirty of load, VFs on, VFs off, unload: nothing is left in the file system, nor in the kernel's memory."""
    accel.unload()
    accel.script("cycles.py", "2")
    assert grown_by(accel, lambda: accel.script("cycles.py", "6"), times=5, work=6) == {}
    left = accel.guest.must("ls /dev /sys/class /sys/devices /sys/bus/pci/drivers; cat /proc/devices")
    assert "mock" not in left and "pci1000" not in left


@both_kernels
def test_everything_at_once(accel: GuestModule) -> None:
    """Openers, readers, writers of sriov_numvfs and unbinders together; all end, and nothing is left."""
    accel.guest.must(WORDLIST)

    def stress(seconds: int) -> None:
        accel.load("num_pfs=4 num_roots=2")
        assert accel.script("stress.py", str(seconds)).strip() == ""
        accel.unload()

    stress(3)
    # Each does hundreds of everything, so that what one of them leaves behind shows.
    assert grown_by(accel, lambda: stress(10), times=3, work=40) == {}
    assert unexpected(accel.new_warnings()) == []
    assert not accel.guest.must("ls /dev | grep '^mock' || true")


def test_nonsense_is_refused_and_does_no_harm(accel: GuestModule) -> None:
    """Random calls and random bytes in every writable file; `make soak` does it for longer."""
    seed = secrets.token_hex(8)
    accel.guest.must(WORDLIST)
    accel.load("num_pfs=3 num_roots=2 num_vfs=1")
    answer = json.loads(accel.script("fuzz.py", "10", seed))
    assert answer["stuck"] == {} and answer["failed"] == [], answer
    # It has come by everywhere.
    assert min(answer["operations"].values()) > 20 and len(answer["operations"]) >= 7, answer
    assert unexpected(accel.new_warnings()) == [], f"seed {seed}"
    accel.unload()
    accel.load("num_vfs=1")
    assert devices(accel) == ["mock0", "mock0_vf0"]


def grown_by(accel: GuestModule, work_once: Callable[[], object], times: int, work: int) -> dict[str, list[int]]:
    """The kernel's caches that grow while this is done: they must do so twice, as a leak does and chance does not."""
    found: dict[str, list[int]] = {}
    for _ in range(2):
        samples = [json.loads(accel.script("slabs.py"))]
        for _ in range(times):
            work_once()
            samples.append(json.loads(accel.script("slabs.py")))
        grown = growing(samples, work)
        found = {name: found.get(name, []) + counts for name, counts in grown.items() if not found or name in found}
        if not found:
            break
    return found
