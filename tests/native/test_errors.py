# SPDX-License-Identifier: GPL-3.0-or-later
"""Every function refuses what is wrong, in NVML's order: not initialised, wrong handle, missing pointer, version."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

UNINITIALIZED, INVALID_ARGUMENT, INSUFFICIENT_SIZE, VERSION_MISMATCH = 1, 2, 7, 25

# Answer without nvmlInit, as NVIDIA's own library does.
FREE = {"nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags", "nvmlShutdown", "nvmlErrorString", "nvmlInternalGetExportTable"}

# Each call is {"name", "args"}; an argument is a number, "device", "buffer" (a zeroed one), or "version" (a wrong one).
CALL = """
import ctypes, json, sys
library, init, calls = sys.argv[1], sys.argv[2] == "init", json.load(sys.stdin)
nvml = ctypes.CDLL(library)
device = ctypes.c_void_p()
if init:
    assert nvml.nvmlInit_v2() == 0
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
buffer = ctypes.create_string_buffer(1 << 16)
wrong = ctypes.create_string_buffer(1 << 16)
ctypes.memset(wrong, 0xff, 4)
values = {"device": device, "buffer": buffer, "version": wrong}
def value(arg):
    return values[arg] if isinstance(arg, str) else ctypes.c_uint64(arg)
print(json.dumps([getattr(nvml, call["name"])(*map(value, call["args"])) for call in calls]))
"""


@pytest.fixture(scope="module")
def functions(nvml_header: str, nvml_generator: ModuleType) -> dict:
    return nvml_generator.parse_functions(nvml_header)


@pytest.fixture(scope="module")
def versioned(nvml_header: str, nvml_generator: ModuleType) -> dict[str, list[str]]:
    return nvml_generator.parse_versions(nvml_header)


@pytest.fixture(scope="module")
def call(native_build: Path, repo: Path, run):
    profile = repo / "charts/gpu-mock/profiles/a100.yaml"

    def call_all(calls: list[dict], init: bool = True) -> dict[str, int]:
        done = run(
            sys.executable,
            "-c",
            CALL,
            native_build / "libnvidia-ml.so.1",
            "init" if init else "",
            input=json.dumps(calls),
            env={"MOCK_NVML_CONFIG": str(profile)},
        )
        assert done.returncode == 0, done.stderr
        return dict(zip([c["name"] for c in calls], json.loads(done.stdout), strict=True))

    return call_all


def takes(function, kind: str) -> bool:
    return any(p.type == kind for p in function.parameters)


def test_all_want_the_library_initialised(functions, call):
    calls = [{"name": name, "args": [0] * 8} for name in functions if name not in FREE]
    answers = call(calls, init=False)
    assert len(answers) > 420
    wrong = {name: code for name, code in answers.items() if code != UNINITIALIZED}
    assert wrong == {"nvmlSystemGetNVMLVersion": INVALID_ARGUMENT}


@pytest.mark.parametrize("handle", [0, 0xDEADBEEF, 2**64 - 1], ids=hex)
def test_all_refuse_a_wrong_device(functions, call, handle):
    calls = [
        {
            "name": f.name,
            "args": [handle if p.type == "nvmlDevice_t" else "buffer" if p.is_pointer else 0 for p in f.parameters],
        }
        for f in functions.values()
        if takes(f, "nvmlDevice_t")
    ]
    answers = call(calls)
    assert len(answers) > 250
    assert {name: code for name, code in answers.items() if code != INVALID_ARGUMENT} == {}


def test_all_refuse_missing_pointers(functions, call):
    calls = [
        {"name": f.name, "args": ["device" if p.type == "nvmlDevice_t" else 0 for p in f.parameters]}
        for f in functions.values()
        if any(p.is_pointer for p in f.parameters) and f.name not in FREE
    ]
    answers = call(calls)
    assert len(answers) > 350
    assert {name: code for name, code in answers.items() if code != INVALID_ARGUMENT} == {}


def test_all_honour_the_version_of_a_struct(functions, versioned, call):
    calls = [
        {
            "name": f.name,
            "args": [
                "device"
                if p.type == "nvmlDevice_t"
                else "version"
                if p.pointee in versioned
                else "buffer"
                if p.is_pointer
                else 0
                for p in f.parameters
            ],
        }
        for f in functions.values()
        if any(p.is_pointer and p.pointee in versioned for p in f.parameters)
        and not any(p.type in {"nvmlVgpuInstance_t", "nvmlVgpuTypeId_t", "nvmlGpuInstance_t"} for p in f.parameters)
    ]
    answers = call(calls)
    assert len(answers) > 50
    assert {name: code for name, code in answers.items() if code != VERSION_MISMATCH} == {}


@pytest.mark.parametrize(
    "name",
    ["Name", "UUID", "Serial", "BoardPartNumber", "VbiosVersion", "InforomImageVersion"],
)
def test_texts_need_room(call, name):
    function = f"nvmlDeviceGet{name}"
    for size in (0, 1, 6):
        assert call([{"name": function, "args": ["device", "buffer", size]}]) == {function: INSUFFICIENT_SIZE}
    assert call([{"name": function, "args": ["device", "buffer", 96]}]) == {function: 0}


def test_each_error_has_its_text(native_build, run):
    script = (
        "import ctypes, sys\n"
        "nvml = ctypes.CDLL(sys.argv[1]); nvml.nvmlErrorString.restype = ctypes.c_char_p\n"
        "print('\\n'.join(nvml.nvmlErrorString(i).decode() for i in [*range(30), 30, 999, -1]))\n"
    )
    texts = run(sys.executable, "-c", script, native_build / "libnvidia-ml.so.1").stdout.splitlines()
    assert texts[:4] == ["Success", "Uninitialized", "Invalid Argument", "Not Supported"]
    assert len(set(texts[:30])) == 30
    assert texts[30:] == ["Unknown Error"] * 3
