# SPDX-License-Identifier: GPL-3.0-or-later
"""MIG from end to end: NVIDIA's own nvidia-smi makes instances, and the next process sees them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from driver_root import apply, place_libraries

CAPABILITIES = Path("proc/driver/nvidia/capabilities")
Smi = Callable[..., str]

# nvidia-ml-py walks the instances as NVIDIA's device plugin does; one JSON object for each MIG device.
WALK = """
import json, pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
for index in range(nv.nvmlDeviceGetMaxMigDeviceCount(gpu)):
    try:
        mig = nv.nvmlDeviceGetMigDeviceHandleByIndex(gpu, index)
    except nv.NVMLError_NotFound:
        break
    parent = nv.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig)
    instance = nv.nvmlDeviceGetGpuInstanceById(parent, nv.nvmlDeviceGetGpuInstanceId(mig))
    info = nv.nvmlGpuInstanceGetInfo(instance)
    compute = nv.nvmlGpuInstanceGetComputeInstanceById(instance, nv.nvmlDeviceGetComputeInstanceId(mig))
    attributes = nv.nvmlDeviceGetAttributes_v2(mig)
    uuid = nv.nvmlDeviceGetUUID(mig)
    print(json.dumps({
        "is_mig": nv.nvmlDeviceIsMigDeviceHandle(mig).value,
        "name": nv.nvmlDeviceGetName(mig),
        "uuid": uuid,
        "found": nv.nvmlDeviceGetUUID(nv.nvmlDeviceGetHandleByUUID(uuid)),
        "parent": nv.nvmlDeviceGetIndex(parent),
        "profile": info.profileId,
        "placement": [info.placement.start, info.placement.size],
        "compute_profile": nv.nvmlComputeInstanceGetInfo(compute).profileId,
        "multiprocessors": attributes.multiprocessorCount,
        "memory": nv.nvmlDeviceGetMemoryInfo(mig).total >> 20,
    }))
"""


@pytest.fixture
def root(native_build: Path, repo: Path, run, tmp_path: Path) -> Path:
    """A driver root with two A100 boards."""
    path = tmp_path / "driver"
    place_libraries(path, native_build)
    apply(path, native_build, run, repo / "charts/gpu-mock/profiles/a100.yaml", "--count", "2", "--node-name", "n")
    return path


@pytest.fixture(params=["vendor_smi", "newer_smi"])
def smi(request: pytest.FixtureRequest, root: Path, run) -> Smi:
    program = request.getfixturevalue(request.param)

    def call(*argv: str, rc: int = 0) -> str:
        done = run(program, *argv, env={"LD_LIBRARY_PATH": str(root / "usr/lib64")}, timeout=60)
        assert done.returncode == rc, f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return call


@pytest.fixture
def mig(smi: Smi) -> Smi:
    """The first GPU in MIG mode."""
    assert re.search(r"^Enabled MIG Mode for GPU .*:07:00.0\nAll done.$", smi("-i", "0", "-mig", "1"), re.MULTILINE)
    return lambda *argv, rc=0: smi("mig", *argv, rc=rc)


def capabilities(root: Path) -> dict[str, int]:
    """Minor numbers of the instances' files by name below gpuN/mig."""
    files = (root / CAPABILITIES).glob("gpu*/mig/**/access")
    found = {}
    for file in files:
        minor, *rest = file.read_text().splitlines()
        assert rest == ["DeviceFileMode: 292", "DeviceFileModify: 1"]
        found[str(file.parent.relative_to(root / CAPABILITIES))] = int(minor.removeprefix("DeviceFileMinor: "))
    return found


def test_mode_is_of_one_gpu_and_stays(mig, smi):
    lines = smi("--query-gpu=mig.mode.current,mig.mode.pending", "--format=csv,noheader").splitlines()
    assert lines == ["Enabled, Enabled", "Disabled, Disabled"]
    assert "Disabled MIG Mode" in smi("-i", "0", "-mig", "0")
    assert smi("--query-gpu=mig.mode.current", "--format=csv,noheader").splitlines() == ["Disabled"] * 2


def test_mode_waits_for_the_instances_to_go(mig, smi):
    mig("-cgi", "19", "-C")
    assert "pending disable state" in smi("-i", "0", "-mig", "0")
    assert smi("--query-gpu=mig.mode.current,mig.mode.pending", "--format=csv,noheader", "-i", "0") == (
        "Enabled, Disabled\n"
    )


# Outputs of real boards; see native/nvml/tests/test_nvml_mig_placement.c for more of them.
def test_instances_are_made_as_in_nvidias_guide(mig):
    assert mig("-cgi", "9,3g.20gb", "-C").splitlines() == [
        "Successfully created GPU instance ID  2 on GPU  0 using profile MIG 3g.20gb (ID  9)",
        "Successfully created compute instance ID  0 on GPU  0 GPU instance ID  2 using profile MIG 3g.20gb (ID  2)",
        "Successfully created GPU instance ID  1 on GPU  0 using profile MIG 3g.20gb (ID  9)",
        "Successfully created compute instance ID  0 on GPU  0 GPU instance ID  1 using profile MIG 3g.20gb (ID  2)",
    ]


def test_profiles_tell_what_is_free(mig):
    mig("-cgi", "19,14")
    rows = re.findall(r"^\|   0  MIG (\S+) +(\d+) +(\d/\d) +([\d.]+) ", mig("-lgip", "-i", "0"), re.MULTILINE)
    assert rows == [
        ("1g.5gb", "19", "4/7", "4.75"),
        ("1g.5gb+me", "20", "1/1", "4.75"),
        ("1g.10gb", "15", "2/4", "9.75"),
        ("2g.10gb", "14", "2/3", "9.75"),
        ("3g.20gb", "9", "1/2", "19.62"),
        ("4g.20gb", "5", "1/1", "19.62"),
        ("7g.40gb", "0", "0/1", "39.38"),
    ]


def test_profiles_are_told_with_the_mode_off(smi):
    assert len(re.findall(r"^\|   1  MIG \S+ +\d+ +(\d)/\1 ", smi("mig", "-lgip"), re.MULTILINE)) == 7


def test_placements(mig):
    assert mig("-lgipp", "-i", "0").splitlines() == [
        "GPU  0 Profile ID 19 Placements: {0,1,2,3,4,5,6}:1",
        "GPU  0 Profile ID 20 Placements: {0,1,2,3,4,5,6}:1",
        "GPU  0 Profile ID 15 Placements: {0,2,4,6}:2",
        "GPU  0 Profile ID 14 Placements: {0,2,4}:2",
        "GPU  0 Profile ID  9 Placements: {0,4}:4",
        "GPU  0 Profile ID  5 Placement : {0}:4",
        "GPU  0 Profile ID  0 Placement : {0}:8",
    ]
    mig("-cgi", "14:2")
    assert re.search(r"\|   0  MIG 2g.10gb +14 +4 +2:2 +\|", mig("-lgi"))


def test_compute_instances_divide_a_gpu_instance(mig):
    mig("-cgi", "9")
    profiles = re.findall(r"^\|   0      2       MIG (\S+) +(\S+) +(\d/\d) +(\d+) ", mig("-lcip"), re.MULTILINE)
    assert profiles == [
        ("1c.3g.20gb", "0", "3/3", "14"),
        ("2c.3g.20gb", "1", "1/1", "28"),
        ("3g.20gb", "2*", "1/1", "42"),
    ]
    assert mig("-lcipp").splitlines() == [
        "GPU  0 GI  2 Profile ID  0 Placements: {0,1,2}:1",
        "GPU  0 GI  2 Profile ID  1 Placement : {0}:2",
        "GPU  0 GI  2 Profile ID  2 Placement : {0}:3",
    ]
    mig("-cci", "0,1", "-gi", "2")
    rows = re.findall(r"^\|   0      2       MIG (\S+) +(\d) +(\d) +(\S+) ", mig("-lci"), re.MULTILINE)
    assert rows == [("1c.3g.20gb", "0", "0", "2:1"), ("2c.3g.20gb", "1", "1", "0:2")]


def test_instances_are_destroyed_from_within(mig, root):
    mig("-cgi", "19", "-C")
    assert "In use by another client" in mig("-dgi", rc=19)
    assert mig("-dci") == "Successfully destroyed compute instance ID  0 from GPU  0 GPU instance ID 13\n"
    assert mig("-dgi") == "Successfully destroyed GPU instance ID 13 from GPU  0\n"
    assert "No GPU instances found" in mig("-lgi", rc=6)
    assert capabilities(root) == {}


def test_what_does_not_fit_is_refused(mig):
    mig("-cgi", "0")
    assert "Insufficient Resources" in mig("-cgi", "19", rc=23)
    assert "Insufficient Resources" in mig("-cci", "0,4", "-gi", "0", rc=23)


def test_files_name_the_device_nodes(mig, root):
    assert (root / "proc/driver/nvidia-caps/mig-minors").read_text().splitlines()[:3] == [
        "config 1",
        "monitor 2",
        "gpu0/gi0/access 3",
    ]
    mig("-cgi", "14,19", "-C")
    minors = dict(line.split() for line in (root / "proc/driver/nvidia-caps/mig-minors").read_text().splitlines())
    found = capabilities(root)
    assert found == {"gpu0/mig/gi5": 48, "gpu0/mig/gi5/ci0": 49, "gpu0/mig/gi13": 120, "gpu0/mig/gi13/ci0": 121}
    assert {name.replace("/mig", "") + "/access": str(minor) for name, minor in found.items()}.items() <= minors.items()


def test_applying_again_keeps_instances_and_another_profile_ends_them(mig, root, native_build, repo, run):
    mig("-cgi", "19", "-C")
    for board, there in (("a100", True), ("h100", False)):
        profile = repo / f"charts/gpu-mock/profiles/{board}.yaml"
        apply(root, native_build, run, profile, "--count", "2", "--node-name", "n")
        assert bool(capabilities(root)) == there


def test_processes_are_in_their_instance(mig, smi, root, native_build, run):
    mig("-cgi", "14", "-C")
    control = [native_build / "mock-nvml", "--root", root]
    where = ["--gpu-instance", "5", "--compute-instance", "0"]
    done = run(*control, "process", "add", "-i", "0", "--pid", "4711", "--memory", "1000", "--name", "train", *where)
    assert done.returncode == 0, done.stderr
    table = smi()
    assert re.search(r"^\|    0    5    0       4711      C   train +1000MiB \|$", table, re.MULTILINE), table
    assert re.search(r"\|  0    5   0   0  \| +1025MiB / +9984MiB", table)
    assert "In use by another client" in mig("-dci", rc=19)
    done = run(*control, "reset", "-i", "0")
    assert done.returncode == 0, done.stderr
    assert "No MIG-enabled devices found" in mig("-lgi")
    assert capabilities(root) == {}


@pytest.mark.parametrize("where", [[], ["--gpu-instance", "5"]], ids=["the whole GPU", "a GPU instance"])
def test_a_process_is_in_a_compute_instance(mig, smi, root, native_build, run, where):
    mig("-cgi", "14", "-C")
    control = [native_build / "mock-nvml", "--root", root]
    done = run(*control, "process", "add", "-i", "0", "--pid", "99", *where)
    assert done.returncode == 1
    assert "where each process is in a compute instance: say --gpu-instance and --compute-instance" in done.stderr
    assert "99" not in smi("--query-compute-apps=pid", "--format=csv,noheader")
    done = run(*control, "process", "add", "-i", "1", "--pid", "99")
    assert done.returncode == 0, done.stderr


def test_utilisation_of_processes_in_instances_is_not_known(mig, smi, root, native_build, run):
    """Neither by the public calls nor by those that only nvidia-smi knows."""
    mig("-cgi", "14", "-C")
    where = ["--gpu-instance", "5", "--compute-instance", "0", "--utilization", "80"]
    done = run(native_build / "mock-nvml", "--root", root, "process", "add", "-i", "0", "--pid", "4711", *where)
    assert done.returncode == 0, done.stderr
    row = next(line.split() for line in smi("pmon", "-c", "1", "-s", "um", "-i", "0").splitlines() if " 4711 " in line)
    assert row[3:9] == ["-"] * 6


def test_devices_are_listed(mig, smi):
    mig("-cgi", "19,9", "-C")
    gpu, *devices, other = smi("-L").splitlines()
    assert gpu.startswith("GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-")
    assert other.startswith("GPU 1: ")
    pattern = (
        r"  MIG (\S+) +Device  (\d): \(UUID: MIG-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\)"
    )
    assert [re.fullmatch(pattern, line).groups() for line in devices] == [("3g.20gb", "0"), ("1g.5gb", "1")]


def test_devices_are_in_the_table(mig, smi):
    mig("-cgi", "9,5", "-C")
    table = smi()
    assert re.search(r"\|     N/A      Default \|\n.*Enabled \|", table), table
    rows = re.findall(r"^\|  0 +(\d+) +(\d) +(\d)  \| +(\d+)MiB / +(\d+)MiB +\| (\d+) +(\d+) \| (.*) \|$", table, re.M)
    assert [(*row[:7], row[7].split()) for row in rows] == [
        ("1", "0", "0", "49", "20096", "56", "0", ["4", "0", "2", "0", "0"]),
        ("2", "0", "1", "37", "20096", "42", "0", ["3", "0", "2", "0", "0"]),
    ]


def test_devices_are_in_the_report(mig, smi):
    mig("-cgi", "14", "-C")
    (device,) = ElementTree.fromstring(smi("-q", "-x", "-i", "0")).findall("gpu/mig_devices/mig_device")
    expected = {
        "index": "0",
        "gpu_instance_id": "5",
        "compute_instance_id": "0",
        "device_attributes/shared/multiprocessor_count": "28",
        "device_attributes/shared/copy_engine_count": "2",
        "device_attributes/shared/encoder_count": "0",
        "device_attributes/shared/decoder_count": "1",
        "device_attributes/shared/ofa_count": "0",
        "device_attributes/shared/jpg_count": "0",
        "ecc_error_count/volatile_count/sram_uncorrectable": "0",
        "fb_memory_usage/total": "9984 MiB",
        "fb_memory_usage/reserved": "0 MiB",
        "fb_memory_usage/used": "25 MiB",
        "fb_memory_usage/free": "9960 MiB",
        "bar1_memory_usage/total": "16383 MiB",
        "bar1_memory_usage/used": "0 MiB",
        "bar1_memory_usage/free": "16383 MiB",
    }
    assert {path: device.findtext(path) for path in expected} == expected
    assert len([leaf for leaf in device.iter() if not len(leaf)]) == len(expected)
    assert "MIG Device\n        Index                             : 0" in smi("-q", "-i", "0")


def test_clients_walk_the_devices(mig, root, run):
    mig("-cgi", "9,19", "-C")
    mig("-dci", "-gi", "2")
    mig("-cci", "0", "-gi", "2")
    done = run(sys.executable, "-c", WALK, env={"LD_LIBRARY_PATH": str(root / "usr/lib64")})
    assert done.returncode == 0, done.stderr
    devices = [json.loads(line) for line in done.stdout.splitlines()]
    for device in devices:
        assert device.pop("uuid") == device.pop("found")
    assert devices == [
        {
            "is_mig": 1,
            "name": "NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb",
            "parent": 0,
            "profile": 9,
            "placement": [4, 4],
            "compute_profile": 0,
            "multiprocessors": 14,
            "memory": 20096,
        },
        {
            "is_mig": 1,
            "name": "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
            "parent": 0,
            "profile": 19,
            "placement": [0, 1],
            "compute_profile": 0,
            "multiprocessors": 14,
            "memory": 4864,
        },
    ]


def test_boards_without_mig_say_so(vendor_smi, native_build, repo, run):
    env = {
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles/t4.yaml"),
    }
    done = run(vendor_smi, "-i", "0", "-mig", "1", env=env)
    assert "Unable to enable MIG Mode" in done.stdout and "Not Supported" in done.stdout
    assert "No MIG-supported devices found." in run(vendor_smi, "mig", "-lgi", env=env).stdout


def test_log_names_slots_that_are_not_known(vendor_smi, native_build, repo, run):
    env = {
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles/a100.yaml"),
        "MOCK_NVML_LOG": "debug",
    }
    done = run(vendor_smi, "-q", "-i", "0", env=env)
    assert re.search(r"^mock-nvml: debug: slot 165 of the internal table", done.stderr, re.MULTILINE)


def test_makers_at_the_same_time_share_no_slice(mig, root, vendor_smi):
    env = {"LD_LIBRARY_PATH": str(root / "usr/lib64")}
    makers = [
        subprocess.Popen([vendor_smi, "mig", "-i", "0", "-cgi", "19"], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    outputs = [maker.communicate(timeout=60)[0] for maker in makers]
    assert sorted(maker.returncode for maker in makers) == [0] * 7 + [23] * 3
    made = [int(found[1]) for found in map(re.compile(r"GPU instance ID +(\d+) ").search, outputs) if found]
    assert sorted(made) == [7, 8, 9, 10, 11, 12, 13]
