# SPDX-License-Identifier: GPL-3.0-or-later
"""libcuda.so.1: what it says of each GPU is what the profile and NVML say; its numbers are the official header's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import building
import pytest
from cuda_program import PRELUDE

Run = Callable[..., "subprocess.CompletedProcess[str]"]

DESCRIBE = """
say({
    "version": integer(cuda.cuDriverGetVersion),
    "init": cuda.cuInit(0),
    "again": cuda.cuInit(0),
    "count": integer(cuda.cuDeviceGetCount),
    "devices": [
        {
            "device": integer(cuda.cuDeviceGet, i),
            "name": text(cuda.cuDeviceGetName, i),
            "uuid": uuid(cuda.cuDeviceGetUuid, i),
            "uuid_v2": uuid(cuda.cuDeviceGetUuid_v2, i),
            "memory": size(cuda.cuDeviceTotalMem_v2, ctypes.c_size_t, i),
            "memory_v1": size(cuda.cuDeviceTotalMem, ctypes.c_uint, i),
            "bus": text(cuda.cuDeviceGetPCIBusId, i),
            "attributes": {n: integer(cuda.cuDeviceGetAttribute, n, i) for n in range(1, 135)},
        }
        for i in range(integer(cuda.cuDeviceGetCount)[1])
    ],
})
"""


# Multiprocessors, bits of the memory bus, threads and bytes of opt-in shared memory by the capability, kHz, ratio of
# single to double precision, whether clusters of blocks can be launched, whether the host's atomics are native.
BOARDS = {
    "a100": (108, 5120, 2048, 166912, 1410000, 2, 0, 0),
    "b200": (148, 8192, 2048, 232448, 1965000, 2, 1, 0),
    "gb200": (152, 8192, 2048, 232448, 2062000, 2, 1, 1),
    "gb300": (152, 8192, 2048, 232448, 2070000, 64, 1, 1),
    "h100": (132, 5120, 2048, 232448, 1980000, 2, 1, 0),
    "h200": (132, 6144, 2048, 232448, 1980000, 2, 1, 0),
    "l40s": (142, 384, 1536, 101376, 2520000, 64, 0, 0),
    "t4": (40, 256, 1024, 65536, 1590000, 32, 0, 0),
}


@pytest.fixture(scope="module", params=BOARDS)
def profile(request: pytest.FixtureRequest, repo: Path) -> Path:
    return repo / "charts" / "gpu-mock" / "profiles" / f"{request.param}.yaml"


def bare_uuid(uuid: str) -> str:
    return uuid.removeprefix("GPU-").replace("-", "")


def short_bus(bus_id: str) -> str:
    domain, rest = bus_id.split(":", 1)
    return f"{int(domain, 16):04x}:{rest.lower()}"


def test_devices_are_those_of_the_profile(ask, node):
    found = ask(DESCRIBE)
    assert (found["init"], found["again"]) == (0, 0)
    assert found["count"] == [0, node["device_count"]]
    major, minor = node["cuda_version"].split(".")
    assert found["version"] == [0, 1000 * int(major) + 10 * int(minor)]
    for i, (device, gpu) in enumerate(zip(found["devices"], node["devices"], strict=True)):
        assert device["device"] == [0, i]
        assert device["name"] == [0, gpu["name"]]
        assert device["uuid"] == device["uuid_v2"] == [0, bare_uuid(gpu["uuid"])]
        assert device["bus"] == [0, short_bus(gpu["pci_bus_id"])]
        # Some of the memory is the driver's own.
        assert 0.9 * gpu["memory_total_bytes"] < device["memory"][1] <= gpu["memory_total_bytes"]
        assert device["memory_v1"] == [0, 2**32 - 1]


def test_memory_is_what_nvml_leaves_to_programs(ask, native_build, profile, run):
    script = "import pynvml as nv; nv.nvmlInit(); h = nv.nvmlDeviceGetHandleByIndex(0)\n"
    script += "m = nv.nvmlDeviceGetMemoryInfo(h, version=nv.nvmlMemory_v2); print(m.total - m.reserved)"
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}
    assert ask(DESCRIBE)["devices"][0]["memory"] == [0, int(run(sys.executable, "-c", script, env=env).stdout)]


def test_attributes(ask, node, profile):
    attributes = {int(n): value for n, (result, value) in ask(DESCRIBE)["devices"][1]["attributes"].items()}
    gpu = node["devices"][1]
    domain, bus, device = (int(part, 16) for part in gpu["pci_bus_id"].split(".")[0].split(":"))
    assert (attributes[50], attributes[33], attributes[34]) == (domain, bus, device)
    assert f"{attributes[75]}.{attributes[76]}" == node["compute_capability"]
    assert (attributes[1], attributes[10], attributes[12]) == (1024, 32, 65536)
    numbers = (16, 37, 39, 97, 13, 87, 120, 86)
    assert tuple(attributes[number] for number in numbers) == BOARDS[profile.stem]
    assert attributes[32] == 1


def test_every_attribute_of_the_header_has_an_answer(ask):
    results = {result for result, _ in ask(DESCRIBE)["devices"][0]["attributes"].values()}
    assert results == {0}
    outside = ask("cuda.cuInit(0); say([integer(cuda.cuDeviceGetAttribute, n, 0)[0] for n in (-1, 0, 135, 1 << 30)])")
    assert outside == [1, 1, 1, 1]


def test_before_init_only_the_version_is_known(ask):
    found = ask(
        "say([integer(cuda.cuDeviceGetCount)[0], integer(cuda.cuDeviceGet, 0)[0], text(cuda.cuDeviceGetName, 0)[0],"
        " integer(cuda.cuDeviceGetAttribute, 1, 0)[0], integer(cuda.cuDeviceGetByPCIBusId, b'0:0:0')[0],"
        " integer(cuda.cuDriverGetVersion)[0]])"
    )
    assert found == [3, 3, 3, 3, 3, 0]


def test_wrong_arguments(ask, node):
    found = ask(
        """
cuda.cuInit(0)
null = None
count = integer(cuda.cuDeviceGetCount)[1]
short = ctypes.create_string_buffer(13)
name = ctypes.create_string_buffer(b"????????", 8)
say({
    "flags": cuda.cuInit(1),
    "null count": cuda.cuDeviceGetCount(null),
    "null device": cuda.cuDeviceGet(null, 0),
    "null name": cuda.cuDeviceGetName(null, 10, 0),
    "null version": cuda.cuDriverGetVersion(null),
    "null attribute": cuda.cuDeviceGetAttribute(null, 1, 0),
    "null uuid": cuda.cuDeviceGetUuid(null, 0),
    "null memory": cuda.cuDeviceTotalMem(null, 0),
    "device too high": [integer(cuda.cuDeviceGet, count)[0], text(cuda.cuDeviceGetName, count)[0]],
    "device too low": [integer(cuda.cuDeviceGet, -1)[0], text(cuda.cuDeviceGetName, -1)[0]],
    "no room for bus id": cuda.cuDeviceGetPCIBusId(short, 12, 0),
    "room for bus id": cuda.cuDeviceGetPCIBusId(short, 13, 0),
    "no room for name": cuda.cuDeviceGetName(name, 0, 0),
    "name cut": [cuda.cuDeviceGetName(name, 7, 0), name.raw.decode()],
})
"""
    )
    assert found == {
        "flags": 1,
        "null count": 1,
        "null device": 1,
        "null name": 1,
        "null version": 1,
        "null attribute": 1,
        "null uuid": 1,
        "null memory": 1,
        "device too high": [101, 101],
        "device too low": [101, 101],
        "no room for bus id": 1,
        "room for bus id": 0,
        "no room for name": 1,
        "name cut": [0, node["name"][:6] + "\0?"],
    }


def test_device_by_bus_id(ask, node):
    whole = [gpu["pci_bus_id"] for gpu in node["devices"]]
    found = ask(
        f"cuda.cuInit(0); say([integer(cuda.cuDeviceGetByPCIBusId, bus.encode()) for bus in {whole!r} + "
        f"{[bus.lower().removesuffix('.0') for bus in whole]!r}])"
    )
    indexes = [[0, gpu["index"]] for gpu in node["devices"]]
    assert found == indexes + indexes
    wrong = ask(
        "cuda.cuInit(0); say([integer(cuda.cuDeviceGetByPCIBusId, bus)[0]"
        " for bus in (b'', b'x', b'1', b'0:1:2:3', b'0:1:2.', b'0:1:2.0y', b'0:fe:1f.7')])"
    )
    assert wrong == [1, 1, 1, 1, 1, 1, 101]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", [0]),
        ("1,0", [1, 0]),
        ("2,99,1", [2]),
        ("1,x,0", [1]),
        ("UUID2", [2]),
        ("UUID1,0", [1, 0]),
        ("PREFIX3,2", [3, 2]),
    ],
)
def test_visible_devices(ask, node, value, expected):
    value = re.sub(r"UUID(\d)", lambda found: node["devices"][int(found[1])]["uuid"], value)
    value = re.sub(r"PREFIX(\d)", lambda found: node["devices"][int(found[1])]["uuid"][:12], value)
    found = ask(DESCRIBE, CUDA_VISIBLE_DEVICES=value)
    assert found["count"] == [0, len(expected)]
    assert [device["uuid"][1] for device in found["devices"]] == [
        bare_uuid(node["devices"][i]["uuid"]) for i in expected
    ]


@pytest.mark.parametrize("value", ["", "-1", "99", "NoDevFiles", "GPU-", "1,1", "GPU-ffffffff"])
def test_no_visible_device(ask, value):
    found = ask(DESCRIBE, CUDA_VISIBLE_DEVICES=value)
    assert found["init"] == 100
    assert found["count"][0] == 3


def test_broken_description_is_said_and_is_no_device(native_build: Path, run: Run, tmp_path: Path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: '1.0'\nsystem: {num_devices: many}\n")
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(broken)}
    done = run(sys.executable, "-c", PRELUDE + "say(cuda.cuInit(0))", env=env)
    assert json.loads(done.stdout) == 999
    assert "broken.yaml:2" in done.stderr
    assert len([line for line in done.stderr.splitlines() if "note:" not in line]) == 1


def test_peers(ask, profile, node):
    """Attributes: rank (0 is the best), access, atomics, access to arrays."""
    found = ask(
        """
cuda.cuInit(0)
say({
    "other": integer(cuda.cuDeviceCanAccessPeer, 0, 1),
    "itself": integer(cuda.cuDeviceCanAccessPeer, 0, 0),
    "none": integer(cuda.cuDeviceCanAccessPeer, 0, 99)[0],
    "attributes": [integer(cuda.cuDeviceGetP2PAttribute, n, 0, 1) for n in (1, 2, 3, 4)],
    "unknown attributes": [integer(cuda.cuDeviceGetP2PAttribute, n, 0, 1)[0] for n in (0, 5)],
    "attribute of itself": integer(cuda.cuDeviceGetP2PAttribute, 2, 0, 0)[0],
})
"""
    )
    linked = 0 if profile.stem in ("l40s", "t4") else 1
    assert found == {
        "other": [0, linked],
        "itself": [0, 0],
        "none": 101,
        "attributes": [[0, 1 - linked]] + [[0, linked]] * 3,
        "unknown attributes": [1, 1],
        "attribute of itself": 101,
    }


def test_properties_are_the_attributes(ask):
    found = ask(
        """
cuda.cuInit(0)
properties = (c_int * 14)()
say([cuda.cuDeviceGetProperties(properties, 0), list(properties),
     [integer(cuda.cuDeviceGetAttribute, n, 0)[1] for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)]])
"""
    )
    assert found[0] == 0
    assert found[1] == found[2]


def test_threads_start_it_at_once(ask, node):
    """Many first calls at the same time make one device list, and none of them sees half of it."""
    found = ask(
        """
import threading
results = []
def work():
    results.append([cuda.cuInit(0), integer(cuda.cuDeviceGetCount), text(cuda.cuDeviceGetName, 1)])
threads = [threading.Thread(target=work) for _ in range(32)]
[t.start() for t in threads]
[t.join() for t in threads]
say(results)
"""
    )
    assert found == [[0, [0, node["device_count"]], [0, node["name"]]]] * 32


def test_device_page_of_its_driver_root(profile: Path, run: Run, tmp_path: Path):
    """Without a variable: the page beside the library, and of it the GPUs whose nodes are here, as NVML sees them."""
    root = tmp_path / "driver"
    building.make_native("install", f"DESTDIR={root}")
    done = run(root / "usr/bin/mock-nvml", "--root", root, "apply", profile)
    assert done.returncode == 0, done.stderr
    env = {k: v for k, v in os.environ.items() if k not in ("MOCK_NVML_CONFIG", "CUDA_VISIBLE_DEVICES")}
    env["LD_LIBRARY_PATH"] = str(root / "usr/lib64")
    found = json.loads(run(sys.executable, "-c", PRELUDE + DESCRIBE, env=env).stdout)
    listed = run(root / "usr/bin/nvidia-smi", "-L", env=env).stdout
    assert found["init"] == 0
    assert [device["uuid"][1] for device in found["devices"]] == [
        bare_uuid(uuid) for uuid in re.findall(r"UUID: (GPU-[0-9a-f-]+)", listed)
    ]
