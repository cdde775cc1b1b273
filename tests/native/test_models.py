# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of each model that comes with the collection, as NVML's own Python binding is told them.

The numbers are those of real boards; where they come from is said in the head of each profile. They stand here a second
time on purpose: a slip in a profile is then seen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Asked in a process of its own, because a process looks for its GPUs once.
QUESTION = """
import ast, ctypes, json, sys
import pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
def placements(profile):
    count = ctypes.c_uint(8)
    array = (nv.c_nvmlGpuInstancePlacement_t * 8)()
    nv.nvmlDeviceGetGpuInstancePossiblePlacements(gpu, profile, array, ctypes.byref(count))
    return [(one.start, one.size) for one in array[:count.value]]
def answer(expression):
    try:
        return eval(expression)
    except nv.NVMLError as error:
        return "N/A" if error.value == nv.NVML_ERROR_NOT_SUPPORTED else str(error)
print(json.dumps([answer(expression) for expression in ast.literal_eval(sys.argv[1])]))
"""

MIB = "nv.nvmlDeviceGetMemoryInfo(gpu, version=nv.nvmlMemory_v2).{} >> 20"
FIELD = "[(f.nvmlReturn, f.value.uiVal) for f in nv.nvmlDeviceGetFieldValues(gpu, [nv.{}])][0]"
CLOCKS = (
    "[(m, len(c), c[0], c[-1]) for m in nv.nvmlDeviceGetSupportedMemoryClocks(gpu)"
    " for c in [nv.nvmlDeviceGetSupportedGraphicsClocks(gpu, m)]]"
)

# Expression -> what each model answers, in the order of MODELS.
MODELS = ["a100", "h100", "h200", "b200", "gb200", "gb300", "l40s", "t4"]
FACTS: dict[str, list[object]] = {
    "nv.nvmlDeviceGetCount()": [8, 8, 8, 8, 4, 4, 8, 4],
    "nv.nvmlDeviceGetName(gpu)": [
        "NVIDIA A100-SXM4-40GB",
        "NVIDIA H100 80GB HBM3",
        "NVIDIA H200",
        "NVIDIA B200",
        "NVIDIA GB200",
        "NVIDIA GB300",
        "NVIDIA L40S",
        "Tesla T4",
    ],
    "nv.nvmlDeviceGetNumaNodeId(gpu)": ["N/A", "N/A", "N/A", "N/A", 2, 2, "N/A", "N/A"],
    "nv.nvmlDeviceGetArchitecture(gpu)": [7, 9, 9, 10, 10, 10, 8, 6],
    "nv.nvmlDeviceGetCudaComputeCapability(gpu)": [
        [8, 0],
        [9, 0],
        [9, 0],
        [10, 0],
        [10, 0],
        [10, 3],
        [8, 9],
        [7, 5],
    ],
    "nv.nvmlDeviceGetNumGpuCores(gpu)": [6912, 16896, 16896, 18944, 19456, 19456, 18176, 2560],
    "nv.nvmlDeviceGetMemoryBusWidth(gpu)": [5120, 5120, 6144, 8192, 8192, 8192, 384, 256],
    MIB.format("total"): [40960, 81559, 143771, 183359, 189471, 284208, 46068, 15360],
    MIB.format("reserved"): [517, 479, 699, 727, 741, 946, 608, 447],
    "nv.nvmlDeviceGetBAR1MemoryInfo(gpu).bar1Total >> 20": [
        65536,
        131072,
        262144,
        262144,
        262144,
        524288,
        65536,
        256,
    ],
    "'%08X' % nv.nvmlDeviceGetPciInfo(gpu).pciDeviceId": [
        "20B010DE",
        "233010DE",
        "233510DE",
        "290110DE",
        "294110DE",
        "31C210DE",
        "26B910DE",
        "1EB810DE",
    ],
    "'%08X' % nv.nvmlDeviceGetPciInfo(gpu).pciSubSystemId": [
        "134F10DE",
        "16C110DE",
        "18BE10DE",
        "199910DE",
        "204610DE",
        "21F110DE",
        "185110DE",
        "12A210DE",
    ],
    "[nv.nvmlDeviceGetMaxPcieLinkGeneration(gpu), nv.nvmlDeviceGetCurrPcieLinkWidth(gpu)]": [
        [4, 16],
        [5, 16],
        [5, 16],
        [5, 16],
        [5, 16],
        [6, 16],
        [4, 8],
        [3, 8],
    ],
    "nv.nvmlDeviceGetBoardPartNumber(gpu)": [
        "692-2G506-0200-003",
        "692-2G520-0200-000",
        "695-2G520-0280-000",
        "692-2G525-0220-500",
        "900-2G548-A801-000",
        "900-2G548-0081-000",
        "900-2G133-A880-000",
        "900-2G183-A800-001",
    ],
    "nv.nvmlDeviceGetVbiosVersion(gpu)": [
        "92.00.45.00.03",
        "96.00.99.00.01",
        "96.00.A5.00.03",
        "97.00.FA.00.09",
        "97.00.B9.00.69",
        "97.10.4A.00.1A",
        "95.02.66.00.15",
        "90.04.96.00.02",
    ],
    "nv.nvmlDeviceGetPowerManagementLimitConstraints(gpu)": [
        [100000, 400000],
        [200000, 700000],
        [200000, 700000],
        [200000, 1000000],
        [200000, 1200000],
        [200000, 1400000],
        [100000, 350000],
        [60000, 70000],
    ],
    "nv.nvmlDeviceGetTemperatureThreshold(gpu, nv.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)": [92, *["N/A"] * 6, 96],
    FIELD.format("NVML_FI_DEV_MEMORY_TEMP"): [[0, 34], [0, 37], [0, 25], [0, 39], [0, 27], [0, 38], [3, 0], [3, 0]],
    CLOCKS: [
        [[1215, 81, 1410, 210]],
        [[2619, 110, 1980, 345], [1593, 110, 1980, 345]],
        [[3201, 110, 1980, 345]],
        [[3996, 247, 1965, 120], [3402, 247, 1965, 120]],
        [[3996, 260, 2062, 120]],
        [[3996, 261, 2070, 120]],
        [[9001, 155, 2520, 210], [405, 14, 405, 210]],
        [[5001, 87, 1590, 300], [405, 24, 645, 300]],
    ],
    "nv.nvmlDeviceGetApplicationsClock(gpu, nv.NVML_CLOCK_GRAPHICS)": [1095, 1980, 1980, 1965, 2062, 2070, 2520, 585],
    FIELD.format("NVML_FI_DEV_NVLINK_LINK_COUNT"): [[0, n] for n in (12, 18, 18, 18, 18, 18, 0, 0)],
    "nv.nvmlDeviceGetNvLinkVersion(gpu, 0)": [4, 6, 6, 7, 7, 7, "N/A", "N/A"],
    FIELD.format("NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON"): [
        [0, 25000],
        [0, 26562],
        [0, 26562],
        [0, 53125],
        [0, 53125],
        [0, 53125],
        [3, 0],
        [3, 0],
    ],
    "nv.nvmlDeviceGetC2cModeInfoV(gpu).isC2cEnabled": ["N/A", 0, 0, 0, 1, 1, "N/A", "N/A"],
    "nv.nvmlDeviceGetMigMode(gpu)": [*[[0, 0]] * 6, "N/A", "N/A"],
    "nv.nvmlDeviceGetRowRemapperHistogram(gpu).max": [640, 2560, 3072, 3840, 3968, 5952, 192, "N/A"],
    "len(list(nv.nvmlDeviceGetRetiredPages(gpu, 0)))": [*["N/A"] * 7, 0],
    "nv.nvmlDeviceGetPersistenceMode(gpu)": [1, 1, 1, 0, 1, 1, 1, 1],
    "nv.nvmlDeviceGetVirtualizationMode(gpu)": [1, 1, 1, 1, 1, 0, 1, 1],
    "nv.nvmlDeviceGetEncoderCapacity(gpu, nv.NVML_ENCODER_QUERY_H264)": [*["N/A"] * 6, 100, 100],
}

# Of each board's MIG profiles, smallest first: name, multiprocessors, copy engines, decoders, JPEG engines, OFAs, MiB.
MIG = {
    "a100": [
        ("1g.5gb", 14, 1, 0, 0, 0, 4864),
        ("1g.5gb+me", 14, 1, 1, 1, 1, 4864),
        ("1g.10gb", 14, 1, 1, 0, 0, 9984),
        ("2g.10gb", 28, 2, 1, 0, 0, 9984),
        ("3g.20gb", 42, 3, 2, 0, 0, 20096),
        ("4g.20gb", 56, 4, 2, 0, 0, 20096),
        ("7g.40gb", 98, 7, 5, 1, 1, 40320),
    ],
    "h100": [
        ("1g.10gb", 16, 1, 1, 1, 0, 9984),
        ("1g.10gb+me", 16, 1, 1, 1, 1, 9984),
        ("1g.20gb", 26, 1, 1, 1, 0, 20096),
        ("2g.20gb", 32, 2, 2, 2, 0, 20096),
        ("3g.40gb", 60, 3, 3, 3, 0, 40448),
        ("4g.40gb", 64, 4, 4, 4, 0, 40448),
        ("7g.80gb", 132, 8, 7, 7, 1, 81152),
    ],
    "h200": [
        ("1g.18gb", 16, 1, 1, 1, 0, 16384),
        ("1g.18gb+me", 16, 1, 1, 1, 1, 16384),
        ("1g.35gb", 26, 1, 1, 1, 0, 33024),
        ("2g.35gb", 32, 2, 2, 2, 0, 33024),
        ("3g.71gb", 60, 3, 3, 3, 0, 71168),
        ("4g.71gb", 64, 4, 4, 4, 0, 71168),
        ("7g.141gb", 132, 8, 7, 7, 1, 143104),
    ],
    "b200": [
        ("1g.23gb", 18, 2, 1, 1, 0, 22528),
        ("1g.23gb+me", 18, 2, 1, 1, 1, 22528),
        ("1g.45gb", 30, 2, 1, 1, 0, 45312),
        ("2g.45gb", 36, 4, 2, 2, 0, 45312),
        ("3g.90gb", 70, 6, 3, 3, 0, 91136),
        ("4g.90gb", 72, 8, 4, 4, 0, 91136),
        ("7g.180gb", 148, 16, 7, 7, 1, 182528),
    ],
    "gb200": [
        ("1g.23gb", 18, 2, 1, 1, 0, 22528),
        ("1g.23gb+me", 18, 2, 1, 1, 1, 22528),
        ("1g.47gb", 32, 2, 1, 1, 0, 46592),
        ("2g.47gb", 38, 4, 2, 2, 0, 46592),
        ("3g.93gb", 70, 6, 3, 3, 0, 94208),
        ("4g.93gb", 76, 8, 4, 4, 0, 94208),
        ("7g.186gb", 152, 16, 7, 7, 1, 188672),
    ],
    "gb300": [
        ("1g.35gb", 18, 2, 1, 1, 0, 34560),
        ("1g.35gb+me", 18, 2, 1, 1, 1, 34560),
        ("1g.70gb", 32, 2, 1, 1, 0, 70400),
        ("2g.70gb", 38, 4, 2, 2, 0, 70400),
        ("3g.139gb", 70, 6, 3, 3, 0, 141568),
        ("4g.139gb", 76, 8, 4, 4, 0, 141568),
        ("7g.278gb", 152, 16, 7, 7, 1, 283136),
    ],
}
# What all of them share, in the same order: NVML's number, the one that nvidia-smi prints, slices, most instances, and
# the slices of memory that an instance may have.
SHAPES = [
    (0, 19, 1, 7, [0, 1, 2, 3, 4, 5, 6], 1),
    (7, 20, 1, 1, [0, 1, 2, 3, 4, 5, 6], 1),
    (9, 15, 1, 4, [0, 2, 4, 6], 2),
    (1, 14, 2, 3, [0, 2, 4], 2),
    (2, 9, 3, 2, [0, 4], 4),
    (3, 5, 4, 1, [0], 4),
    (4, 0, 7, 1, [0], 8),
]


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def environment(model: str, native_build: Path, repo: Path) -> dict[str, str]:
    profile = repo / "charts" / "gpu-mock" / "profiles" / f"{model}.yaml"
    return {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}


@pytest.fixture(scope="module")
def ask(environment: dict[str, str], run: Run) -> Callable[[list[str]], list[object]]:
    def call(expressions: list[str]) -> list[object]:
        done = run(sys.executable, "-c", QUESTION, repr(expressions), env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_every_profile_is_here(repo: Path) -> None:
    assert sorted(MODELS) == sorted(path.stem for path in (repo / "charts/gpu-mock/profiles").glob("*.yaml"))


def test_facts(model: str, ask) -> None:
    expected = {expression: answers[MODELS.index(model)] for expression, answers in FACTS.items()}
    assert dict(zip(FACTS, ask(list(FACTS)), strict=True)) == expected


def test_mig_profiles(model: str, ask) -> None:
    """All that NVML can be asked for, so that none is there which the board has not."""
    info = "nv.nvmlDeviceGetGpuInstanceProfileInfoV(gpu, {})"
    fields = ("name", "multiprocessorCount", "copyEngineCount", "decoderCount", "jpegCount", "ofaCount", "memorySizeMB")
    shape = ("id", "sliceCount", "instanceCount", "encoderCount")
    asked = [
        f"[[getattr({info.format(i)}, name) for name in {fields + shape}], placements({info.format(i)}.id)]"
        for i in range(10)
    ]
    expected: list[object] = ["N/A"] * 10
    for (number, shown, slices, most, starts, size), (name, *counts) in zip(SHAPES, MIG.get(model, []), strict=False):
        expected[number] = [
            [f"MIG {name}", *counts, shown, slices, most, 0],
            [[start, size] for start in starts],
        ]
    assert ask(asked) == expected


def test_placements_as_the_vendor_prints_them(model: str, environment: dict[str, str], vendor_smi: Path, run) -> None:
    done = run(vendor_smi, "mig", "-lgipp", "-i", "0", env=environment)
    lines = [
        f"GPU  0 Profile ID {shown:2} {'Placements:' if len(starts) > 1 else 'Placement :'}"
        f" {{{','.join(map(str, starts))}}}:{size}"
        for _, shown, _, _, starts, size in SHAPES
    ]
    if model in MIG:
        assert (done.returncode, done.stdout.splitlines()) == (0, lines)
    else:
        assert done.returncode != 0
        assert "No MIG-supported devices found." in done.stdout
