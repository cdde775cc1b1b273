# SPDX-License-Identifier: GPL-3.0-or-later
"""libcuda.so.1: what it says of each GPU is what the profile and NVML say; its numbers are the official header's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Asks the library in a process of its own, so that a crash is a failing test. Prints what it found as JSON.
PRELUDE = """
import ctypes, json, sys
cuda = ctypes.CDLL("libcuda.so.1")
def integer(function, *more):
    value = ctypes.c_int(-1)
    return [function(ctypes.byref(value), *more), value.value]
def text(function, *more):
    value = ctypes.create_string_buffer(256)
    return [function(value, 256, *more), value.value.decode()]
def word(function, number):
    value = ctypes.c_char_p(b"untouched")
    return [function(number, ctypes.byref(value)), value.value.decode() if value.value else None]
def uuid(function, device):
    value = ctypes.create_string_buffer(16)
    return [function(value, device), value.raw.hex()]
def size(function, kind, device):
    value = kind(0)
    return [function(ctypes.byref(value), device), value.value]
def say(found):
    print(json.dumps(found))
"""

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


@pytest.fixture(scope="module")
def node(native_build: Path, profile: Path, run: Run) -> dict:
    return json.loads(run(native_build / "mock-nvml", "check", "--json", profile).stdout)


@pytest.fixture(scope="module")
def ask(native_build: Path, profile: Path, run: Run) -> Callable[..., dict]:
    def call(script: str, **more: str):
        env = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        env |= {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile), **more}
        done = run(sys.executable, "-c", PRELUDE + script, env=env)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    return call


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


def test_functions_are_found_by_name_and_version(ask):
    found = ask(
        """
def find(name, version, function=cuda.cuGetProcAddress_v2):
    address, status = ctypes.c_void_p(1), ctypes.c_int(-1)
    result = function(name, ctypes.byref(address), version, ctypes.c_uint64(0), ctypes.byref(status))
    same = [n for n in ("cuDeviceTotalMem", "cuDeviceTotalMem_v2", "cuDeviceGetUuid", "cuDeviceGetUuid_v2", "cuInit",
                        "cuGetProcAddress", "cuGetProcAddress_v2")
            if ctypes.cast(getattr(cuda, n), ctypes.c_void_p).value == address.value]
    return [result, status.value, same]
say({
    "new": find(b"cuDeviceTotalMem", 12040),
    "old": find(b"cuDeviceTotalMem", 3010),
    "uuid new": find(b"cuDeviceGetUuid", 12000),
    "uuid old": find(b"cuDeviceGetUuid", 11000),
    "itself": find(b"cuGetProcAddress", 12000),
    "itself old": find(b"cuGetProcAddress", 11030),
    "too old": find(b"cuGetProcAddress", 11020),
    "unknown": find(b"cuMakeCoffee", 12040),
    "init": find(b"cuInit", 2000),
    "null": cuda.cuGetProcAddress_v2(None, None, 12000, ctypes.c_uint64(0), None),
})
"""
    )
    assert found == {
        "new": [0, 0, ["cuDeviceTotalMem_v2"]],
        "old": [0, 0, ["cuDeviceTotalMem"]],
        "uuid new": [0, 0, ["cuDeviceGetUuid_v2"]],
        "uuid old": [0, 0, ["cuDeviceGetUuid"]],
        "itself": [0, 0, ["cuGetProcAddress_v2"]],
        "itself old": [0, 0, ["cuGetProcAddress"]],
        "too old": [500, 2, []],
        "unknown": [500, 1, []],
        "init": [0, 0, ["cuInit"]],
        "null": 1,
    }


def test_peers_and_contexts(ask, profile, node):
    found = ask(
        """
cuda.cuInit(0)
context, flags, active = ctypes.c_void_p(1), ctypes.c_uint(7), ctypes.c_int(7)
say({
    "other": integer(cuda.cuDeviceCanAccessPeer, 0, 1),
    "itself": integer(cuda.cuDeviceCanAccessPeer, 0, 0),
    "none": integer(cuda.cuDeviceCanAccessPeer, 0, 99)[0],
    "current": [cuda.cuCtxGetCurrent(ctypes.byref(context)), context.value],
    "state": [cuda.cuDevicePrimaryCtxGetState(0, ctypes.byref(flags), ctypes.byref(active)), flags.value, active.value],
    "retain": cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0),
})
"""
    )
    assert found == {
        "other": [0, 0 if profile.stem in ("l40s", "t4") else 1],
        "itself": [0, 0],
        "none": 101,
        "current": [0, None],
        "state": [0, 0, 0],
        "retain": 801,
    }


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


@pytest.fixture(scope="session")
def cuda_header(cache: Path, run: Run, tmp_path_factory) -> Path:
    """The official cuda.h of the CUDA that the default driver has, out of a Python package, never committed."""
    name, version = "nvidia-cuda-runtime-cu12", "12.4.127"
    header = cache / "cuda-header" / f"{name}-{version}" / "cuda.h"
    if not header.is_file():
        folder = tmp_path_factory.mktemp("cuda_header")
        done = run(
            *[sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"],
            *["--only-binary=:all:", "--platform=manylinux2014_x86_64", f"--dest={folder}", f"{name}=={version}"],
        )
        assert done.returncode == 0, done.stderr
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            member = next(entry for entry in wheel.namelist() if entry.endswith("/cuda.h"))
            header.parent.mkdir(parents=True, exist_ok=True)
            part = header.with_suffix(f".{os.getpid()}")
            part.write_bytes(wheel.read(member))
            part.replace(header)
    return header.parent


def enumerated(header: str, prefix: str) -> dict[str, int]:
    return {
        name: int(value, 0)
        for name, value in re.findall(rf"\b({prefix}[A-Z0-9_]+)\s*=\s*(0x[0-9a-fA-F]+|\d+)\s*[,/\s]", header)
    }


def test_numbers_are_the_official_headers(cuda_header: Path, repo: Path, ask):
    official = (cuda_header / "cuda.h").read_text()
    ours = repo / "native" / "nvml" / "libcuda"
    attributes = enumerated(official, "CU_DEVICE_ATTRIBUTE_")
    mine = enumerated((ours / "cuda_attribute.h").read_text(), "CUDA_")
    assert len(mine) > 50
    assert mine == {name: attributes[name.replace("CUDA_", "CU_DEVICE_ATTRIBUTE_", 1)] for name in mine}
    assert f"#define CUDA_ATTRIBUTE_LAST {max(attributes.values())}\n" in (ours / "cuda_attribute.h").read_text()

    errors = enumerated(official[official.index("typedef enum cudaError_enum") :], "CUDA_(?:SUCCESS|ERROR_)")
    errors = {name: value for name, value in errors.items() if name == "CUDA_SUCCESS" or "ERROR" in name}
    named = ask(f"say({{n: word(cuda.cuGetErrorName, n) for n in {sorted(errors.values())!r}}})")
    assert {name: [0, name] for name in errors} == {name: named[str(value)] for name, value in errors.items()}
    texts = ask(f"say([word(cuda.cuGetErrorString, n) for n in {sorted(errors.values())!r}])")
    assert all(result == 0 and text for result, text in texts)
    assert ask("say([word(cuda.cuGetErrorName, 12345), word(cuda.cuGetErrorString, -1)])") == [[1, None], [1, None]]


def test_types_are_the_official_headers(cuda_header: Path, repo: Path, run: Run, tmp_path: Path):
    """A program compiled with the official header calls every function that we export, with its types."""
    exported = re.findall(r"^\t\t(cu\w+);$", (repo / "native/nvml/libcuda/libcuda.sym").read_text(), re.MULTILINE)
    source = tmp_path / "types.c"
    # The header renames the newest form to the plain name; the others it declares for the driver's own build only.
    lines = [f"void *use_{name}(void) {{ return (void *)&{name}; }}" for name in exported]
    prototypes = """
#include "cuda.h"
#define SAME(name, ...) \\
    _Static_assert(__builtin_types_compatible_p(__typeof__(&name), CUresult (*)(__VA_ARGS__)), #name)
SAME(cuInit, unsigned int);
SAME(cuDriverGetVersion, int *);
SAME(cuDeviceGet, CUdevice *, int);
SAME(cuDeviceGetCount, int *);
SAME(cuDeviceGetName, char *, int, CUdevice);
SAME(cuDeviceGetUuid, CUuuid *, CUdevice);
SAME(cuDeviceGetUuid_v2, CUuuid *, CUdevice);
SAME(cuDeviceTotalMem_v2, size_t *, CUdevice);
SAME(cuDeviceGetPCIBusId, char *, int, CUdevice);
SAME(cuDeviceGetByPCIBusId, CUdevice *, const char *);
SAME(cuDeviceComputeCapability, int *, int *, CUdevice);
SAME(cuDeviceCanAccessPeer, int *, CUdevice, CUdevice);
SAME(cuCtxGetCurrent, CUcontext *);
SAME(cuDevicePrimaryCtxGetState, CUdevice, unsigned int *, int *);
SAME(cuDevicePrimaryCtxRetain, CUcontext *, CUdevice);
SAME(cuGetProcAddress_v2, const char *, void **, int, cuuint64_t, CUdriverProcAddressQueryResult *);
_Static_assert(sizeof(CUdevice) == sizeof(int) && sizeof(CUuuid) == 16, "types");
"""
    source.write_text(prototypes + "\n".join(lines) + "\nint main(void) { return 0; }\n")
    done = run(
        "cc", "-std=gnu11", "-Wno-deprecated-declarations", "-c", "-I", cuda_header, "-o", tmp_path / "o", source
    )
    assert done.returncode == 0, done.stderr


def test_library_file(native_build: Path, repo: Path, run: Run):
    library = native_build / "libcuda.so.550.163.01"
    assert (native_build / "libcuda.so.1").resolve() == library.resolve()
    assert "SONAME               libcuda.so.1\n" in run("objdump", "-p", library).stdout
    symbols = run("nm", "-D", "--defined-only", library).stdout.split()[2::3]
    wanted = re.findall(r"^\t\t(cu\w+);$", (repo / "native/nvml/libcuda/libcuda.sym").read_text(), re.MULTILINE)
    assert sorted(symbols) == sorted(wanted)
    versions = {
        tuple(map(int, found.split(".")))
        for found in re.findall(r"GLIBC_([\d.]+)", run("objdump", "-T", library).stdout)
    }
    assert max(versions) <= (2, 17)


def test_device_page_of_its_driver_root(native_build: Path, repo: Path, profile: Path, run: Run, tmp_path: Path):
    """Without a variable: the page beside the library, and of it the GPUs whose nodes are here, as NVML sees them."""
    root = tmp_path / "driver"
    done = run("make", "-C", repo / "native" / "nvml", "install", f"DESTDIR={root}")
    assert done.returncode == 0, done.stderr
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
