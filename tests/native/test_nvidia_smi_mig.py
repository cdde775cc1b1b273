# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi mig, topo and compute-policy: ours beside the vendor's, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nvidia_smi import Programs

Environment = Callable[..., dict[str, str]]

# (number, id, peer to peer, slices, instances, SMs, copy engines, decoders, encoders, JPEG, OFA, MiB, name)
GPU_PROFILES = [
    (0, 19, 0, 1, 7, 14, 1, 0, 0, 0, 0, 4864, "MIG_1g.5gb"),
    (1, 14, 0, 2, 3, 28, 2, 1, 0, 0, 0, 9856, "MIG_2g.10gb"),
    (2, 9, 1, 3, 2, 42, 3, 2, 0, 1, 1, 19968, "MIG_3g.20gb"),
    (4, 0, 0, 7, 1, 98, 7, 5, 0, 1, 1, 40192, "MIG_7g.40gb"),
    (7, 20, 0, 1, 1, 14, 1, 1, 0, 1, 1, 4864, "MIG_1g.5gb+me"),
]
PLACEMENTS = {
    19: [(start, 1) for start in range(7)],
    14: [(0, 2), (2, 2), (4, 2)],
    9: [(0, 4), (4, 4)],
    0: [(0, 8)],
    20: [(start, 1) for start in range(7)],
}
# GPU instances by handle: (id, profile, start, size)
GPU_INSTANCES = {"0x51000": (1, 9, 4, 4), "0x57000": (7, 19, 0, 1), "0x58000": (8, 19, 1, 1)}
# (id, slices, instances, SMs, copy engines, decoders, encoders, JPEG, OFA, name)
SMALL = [(0, 1, 1, 14, 1, 0, 0, 0, 0, "MIG_1g.5gb")]
COMPUTE_PROFILES = {
    "0x51000": [
        (0, 1, 3, 14, 3, 2, 0, 1, 1, "MIG_1c.3g.20gb"),
        (1, 2, 1, 28, 3, 2, 0, 1, 1, "MIG_2c.3g.20gb"),
        (2, 3, 1, 42, 3, 2, 0, 1, 1, "MIG_3g.20gb"),
    ],
    "0x57000": SMALL,
    "0x58000": SMALL,
}
# Compute instances by handle: (GPU instance, id, profile, start, size)
COMPUTE_INSTANCES = {"0x61000": ("0x51000", 0, 1, 0, 2), "0x67000": ("0x57000", 0, 0, 0, 1)}


def words(argument: int, offset: int, numbers: tuple[int, ...]) -> str:
    return " ".join(f"w{argument}+{offset + 4 * i}={number}" for i, number in enumerate(numbers))


def divided() -> str:
    """The first GPU as it is divided into instances."""
    lines = ["DeviceGetMigMode : w1=1 w2=1", "DeviceGetGpuInstanceProfileInfo* : !3"]
    for number, profile, *counts, memory, name in GPU_PROFILES:
        wrote = f"{words(2, 4, (profile, *counts))} q2+48={memory} s2+56={name}"
        lines.append(f"DeviceGetGpuInstanceProfileInfoV a1={number} : {wrote}")
        lines.append(f"DeviceGetGpuInstanceRemainingCapacity a1={profile} : w2={counts[2] - 1}")
        lines.append(f"DeviceGetGpuInstances a1={profile} : w3=0")
    for profile, places in PLACEMENTS.items():
        numbers = tuple(number for place in places for number in place)
        line = f"DeviceGetGpuInstancePossiblePlacements_v2 a1={profile} : w3={len(places)} {words(2, 0, numbers)}"
        lines.append(line)
    lines.append("DeviceGetGpuInstances a1=9 : w3=1 q2=0x51000")
    lines.append("DeviceGetGpuInstances a1=19 : w3=2 q2=0x57000 q2+8=0x58000")
    for handle, numbers in GPU_INSTANCES.items():
        lines.append(f"GpuInstanceGetInfo a0={handle} : h1=gpu0 {words(1, 8, numbers)}")
    lines.append("GpuInstanceGetComputeInstanceProfileInfoV : !3")
    for handle, profiles in COMPUTE_PROFILES.items():
        for profile, slices, count, *counts, name in profiles:
            wrote = f"{words(3, 4, (profile, slices, count, *counts))} s3+40={name}"
            lines.append(f"GpuInstanceGetComputeInstanceProfileInfoV a0={handle} a1={profile} : {wrote}")
            which = f"a0={handle} a1={profile}"
            lines.append(f"GpuInstanceGetComputeInstanceRemainingCapacity {which} : w2={max(count - 1, 1)}")
            lines.append(f"GpuInstanceGetComputeInstancePossiblePlacements {which} : w3=1 w2=0 w2+4={slices}")
            lines.append(f"GpuInstanceGetComputeInstances {which} : w3=0")
    lines.append("GpuInstanceGetComputeInstances a0=0x51000 a1=1 : w3=1 q2=0x61000")
    lines.append("GpuInstanceGetComputeInstances a0=0x57000 a1=0 : w3=1 q2=0x67000")
    for handle, (parent, *numbers) in COMPUTE_INSTANCES.items():
        lines.append(f"ComputeInstanceGetInfo* a0={handle} : h1=gpu0 q1+8={parent} {words(1, 16, tuple(numbers))}")
    for function, argument in (("DeviceCreateGpuInstance", 2), ("DeviceCreateGpuInstanceWithPlacement", 3)):
        lines.append(f"{function} a1=9 : q{argument}=0x51000")
        lines.append(f"{function} a1=19 : q{argument}=0x57000")
    for function, argument in (("", 2), ("WithPlacement", 3)):
        lines.append(f"GpuInstanceCreateComputeInstance{function} a0=0x51000 : q{argument}=0x61000")
        lines.append(f"GpuInstanceCreateComputeInstance{function} a0=0x57000 : q{argument}=0x67000")
    return "\n".join([*lines, "GpuInstanceDestroy : !0", "ComputeInstanceDestroy : !0", ""])


COMMANDS = """\
-lgip|-lgipp|-lgi|-lcip|-lcip -gi 1|-lcipp|-lci|-lci -gi 7|-lgi -i 99|-lci -gi 5|-lgi -gi 1|--list-gpu-instances
-cgi 9|-cgi 9,19 -C|-cgi 3g.20gb:4|-cgi 9:4,19:0|-cgi 99|-cgi foo|-cgi 9,foo|-cgi 9,9|-cgi 9:|-cgi 9:x|-cgi ,|-cgi=9
-cci|-cci -gi 1|-cci 1 -gi 1|-cci 1,0 -gi 1|-cci 2c.3g.20gb -gi 1|-cci 7 -gi 1|-cci foo -gi 1|-cci 0:1 -gi 1
-dci|-dci -gi 1|-dci -gi 1 -ci 0|-dci -gi 1 -ci 5|-dci -ci 0
-dgi|-dgi -gi 1|-dgi -gi 1,7|-dgi -gi 5|-dgi -gi x|-dgi -gi 1,x
-foo|-cgi|-C|-cgi 9 -q|-lgip foo|-lgi -i|-lgi --id=0"""

LISTS = ["-lgip", "-lgipp", "-lgi", "-lcip", "-lcipp", "-lci"]


def same(both: Programs, command: str, env: dict[str, str]) -> str:
    argv = ["mig", *command.split()]
    return both.same(argv if "-i" in argv else [*argv, "-i", "0"], env)


@pytest.mark.parametrize("command", COMMANDS.replace("\n", "|").split("|"))
def test_mig_same_as_vendor(both: Programs, overridden: Environment, command: str):
    same(both, command, overridden(divided()))


@pytest.mark.parametrize("command", COMMANDS.replace("\n", "|").split("|"))
def test_no_memory_error(both: Programs, overridden: Environment, sanitized: Path, command: str):
    env = {**overridden(divided()), "ASAN_OPTIONS": "detect_leaks=0"}
    argv = ["mig", *command.split(), *(["-i", "0"] if "-i" not in command.split() else [])]
    done = both.run(sanitized, *argv, env=env)
    assert done.stderr == ""
    assert done.stdout == both.run(both.ours, *argv, env=env).stdout


def test_profile_by_its_whole_name(both: Programs, overridden: Environment):
    assert "Successfully" in both.same(["mig", "-cgi", "MIG 3g.20gb", "-i", "0"], overridden(divided()))


@pytest.mark.parametrize("mode", ["w1=0 w2=0", "w1=0 w2=1", "!3", "!999"])
@pytest.mark.parametrize("command", [*LISTS, "-cgi 9", "-cci", "-dgi", "-dci"])
def test_mig_mode_off_same_as_vendor(both: Programs, overridden: Environment, command: str, mode: str):
    same(both, command, overridden(f"{divided()}DeviceGetMigMode : {mode}"))


@pytest.mark.parametrize("error", [2, 3, 4, 6, 19, 23, 999])
@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("DeviceCreateGpuInstance", "-cgi 9,19"),
        ("GpuInstanceCreateComputeInstance", "-cgi 9,19 -C"),
        ("GpuInstanceCreateComputeInstance", "-cci 1 -gi 1"),
        ("GpuInstanceGetInfo", "-cgi 9"),
        ("ComputeInstanceGetInfo_v2", "-cci -gi 1"),
        ("GpuInstanceDestroy", "-dgi"),
        ("ComputeInstanceDestroy", "-dci"),
        *(("DeviceGetGpuInstances", command) for command in [*LISTS, "-dgi", "-dci", "-cci -gi 1"]),
        ("GpuInstanceGetComputeInstances", "-lci"),
        ("DeviceGetGpuInstanceRemainingCapacity", "-lgip"),
        ("DeviceGetGpuInstancePossiblePlacements_v2", "-lgipp"),
        ("GpuInstanceGetComputeInstanceRemainingCapacity", "-lcip"),
        ("GpuInstanceGetComputeInstancePossiblePlacements", "-lcipp"),
    ],
)
def test_mig_failure_same_as_vendor(both: Programs, overridden: Environment, function: str, command: str, error: int):
    same(both, command, overridden(f"{divided()}{function} : !{error}"))


@pytest.mark.parametrize("command", ["-lci", "-dci"])
def test_no_compute_instances_same_as_vendor(both: Programs, overridden: Environment, command: str):
    same(both, command, overridden(f"{divided()}GpuInstanceGetComputeInstances : w3=0"))


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("-cgi 9,19 -C", ["DeviceCreateGpuInstance 9", "GpuInstanceCreateComputeInstance 2"] * 1),
        ("-cci 1 -gi 1", ["GpuInstanceCreateComputeInstance 1"]),
        ("-dci -gi 1", ["ComputeInstanceDestroy"]),
        ("-dgi", ["GpuInstanceDestroy"] * 3),
    ],
)
def test_instances_are_made_and_unmade(
    both: Programs, overridden: Environment, tmp_path: Path, command: str, calls: list[str]
):
    env = overridden(divided())
    assert both.run(both.ours, "mig", *command.split(), "-i", "0", env=env).returncode == 0
    made = (tmp_path / "calls").read_text().splitlines()
    assert len(made) >= len(calls)
    assert all(line.startswith(call) for line, call in zip(made, calls, strict=False))


@pytest.mark.parametrize("profile", ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
@pytest.mark.parametrize("argv", [["topo", "-m"], ["mig", "-lgip"], ["mig", "-lgipp"]], ids=" ".join)
def test_tables_same_as_vendor_on_profile(both: Programs, overridden: Environment, profile: str, argv: list[str]):
    both.same(argv, overridden(profile=profile))


NO_NVLINK = "field a1=147 : !3\nDeviceGetNvLinkRemotePciInfo_v2 : !3\n"


@pytest.mark.parametrize(
    ("level", "slot", "word"),
    [(0, 0, "PIX"), (10, 0, "PIX"), (20, 1, "PXB"), (30, 2, "PHB"), (40, 3, "NODE"), (50, 4, "SYS")],
)
def test_levels_of_topology_same_as_vendor(both: Programs, overridden: Environment, level: int, slot: int, word: str):
    env = overridden(f"{NO_NVLINK}DeviceGetTopologyCommonAncestor : w2={level}\nslot23 : w2={slot}")
    assert both.same(["topo", "-m"], env).splitlines()[1].split("\t")[2] == word


@pytest.mark.parametrize(
    "affinity",
    [
        "Device*Affinity* : !3",
        "DeviceGetNumaNodeId : w1=3",
        "DeviceGetNumaNodeId : !999",
        *(
            f"DeviceGetCpuAffinity : > q2={bits} q2+8=5\nDeviceGetMemoryAffinity : > q2={bits}"
            for bits in ("0x1", "0xf0f", "0x5555", "0x8f0d", "0xff00ff", "0x249249249", "0xffffffffffffffff")
        ),
    ],
)
def test_affinity_same_as_vendor(both: Programs, overridden: Environment, affinity: str):
    both.same(["topo", "-m"], overridden(affinity))


@pytest.mark.parametrize("getter", ["DeviceGetPciInfo_v3", "DeviceGetHandleByIndex_v2"])
def test_matrix_of_gpus_that_fail_same_as_vendor(both: Programs, overridden: Environment, getter: str):
    both.same(["topo", "-m"], overridden(f"{getter} : !999"))


@pytest.mark.parametrize(
    "command",
    [
        *["topo --matrix", "topo -foo", "topo -m foo"],
        *["compute-policy -l", "compute-policy --list -i 1", "compute-policy -l -i 99"],
        *["compute-policy -foo", "compute-policy -l -i"],
    ],
)
def test_command_line_same_as_vendor(both: Programs, overridden: Environment, command: str):
    both.same(command.split(), overridden())


@pytest.mark.parametrize("command", ["mig", "mig -h", "topo", "topo -h", "compute-policy", "compute-policy --help"])
def test_help_says_how(both: Programs, overridden: Environment, command: str):
    done = both.run(both.ours, *command.split(), env=overridden())
    assert done.returncode == 0
    assert done.stdout.startswith(f"nvidia-smi {command.split()[0]} ")
