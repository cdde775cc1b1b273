# SPDX-License-Identifier: GPL-3.0-or-later
"""libcuda.so.1 on a GPU in MIG mode: which device a program sees, and what NVML tells of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from driver_root import apply, place_libraries

# What CUDA's driver library shows, and what it leaves in NVML while a context is there.
CUDA = """
import ctypes, json, subprocess, sys
cuda = ctypes.CDLL(sys.argv[1])
result = cuda.cuInit(0)
if result:
    sys.exit(f"cuInit: {result}")
count, name, total, sms = ctypes.c_int(), ctypes.create_string_buffer(96), ctypes.c_size_t(), ctypes.c_int()
uuid = (ctypes.c_ubyte * 16)()
assert cuda.cuDeviceGetCount(ctypes.byref(count)) == 0
assert cuda.cuDeviceGetName(name, 96, 0) == 0
assert cuda.cuDeviceTotalMem_v2(ctypes.byref(total), 0) == 0
assert cuda.cuDeviceGetAttribute(ctypes.byref(sms), 16, 0) == 0
assert cuda.cuDeviceGetUuid_v2(uuid, 0) == 0
context, pointer = ctypes.c_void_p(), ctypes.c_void_p()
assert cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(1 << 30)) == 0
too_much = cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(4 << 30))
print(json.dumps({
    "count": count.value, "name": name.value.decode(), "mib": total.value >> 20, "multiprocessors": sms.value,
    "uuid": bytes(uuid).hex(), "too_much": too_much, "table": subprocess.check_output([sys.argv[2]], text=True),
}))
"""


@pytest.fixture
def root(native_build: Path, repo: Path, run, tmp_path: Path) -> Path:
    """A driver root with two A100 boards."""
    path = tmp_path / "driver"
    place_libraries(path, native_build, "libnvidia-ml", "libcuda")
    apply(path, native_build, run, repo / "charts/gpu-mock/profiles/a100.yaml", "--count", "2", "--node-name", "n")
    return path


@pytest.fixture
def smi(root: Path, vendor_smi: Path, run) -> Callable[..., str]:
    """NVIDIA's nvidia-smi, which has put the first GPU into MIG mode."""

    def call(*argv: str) -> str:
        done = run(vendor_smi, *argv, env={"LD_LIBRARY_PATH": str(root / "usr/lib64")}, timeout=60)
        assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    call("-i", "0", "-mig", "1")
    return call


@pytest.fixture
def cuda(root: Path, vendor_smi: Path, run):
    def call(visible: str | None = None):
        library = root / "usr/lib64/libcuda.so.550.163.01"
        env = {"LD_LIBRARY_PATH": str(root / "usr/lib64"), "PATH": "/usr/bin:/bin"}
        if visible is not None:
            env["CUDA_VISIBLE_DEVICES"] = visible
        return run(sys.executable, "-c", CUDA, library, vendor_smi, env=env)

    return call


def test_cuda_sees_one_mig_device(smi, cuda):
    smi("mig", "-cgi", "9,19", "-C")
    uuids = re.findall(r"UUID: (MIG-\S+)\)", smi("-L"))
    expected = [
        (None, uuids[0], "NVIDIA A100-SXM4-40GB MIG 3g.20gb", 20096, 42, 2, 0),
        ("1,0", uuids[0], "NVIDIA A100-SXM4-40GB MIG 3g.20gb", 20096, 42, 2, 0),
        (uuids[1], uuids[1], "NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4864, 14, 7, 2),
        (",".join(reversed(uuids)), uuids[1], "NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4864, 14, 7, 2),
        (uuids[1][:12], uuids[1], "NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4864, 14, 7, 2),
    ]
    for visible, uuid, name, mib, multiprocessors, instance, too_much in expected:
        done = cuda(visible)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert re.search(rf"^\|    0 +{instance}    0 +\d+      C .* \d+MiB \|$", said.pop("table"), re.MULTILINE)
        assert said == {
            "count": 1,
            "name": name,
            "mib": mib,
            "multiprocessors": multiprocessors,
            "uuid": uuid.removeprefix("MIG-").replace("-", ""),
            "too_much": too_much,
        }


def test_cuda_sees_a_whole_gpu_beside_no_mig_device(smi, cuda):
    assert json.loads(cuda().stdout)["name"] == "NVIDIA A100-SXM4-40GB"
    assert json.loads(cuda("1").stdout)["count"] == 1
    assert cuda("0").stderr == "cuInit: 100\n"
    assert cuda("MIG-00000000-0000-5000-8000-000000000000").stderr == "cuInit: 100\n"
