# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvml_info and gpu_profile declare of NVML is what NVIDIA's own header says: the compiler compares it."""

from __future__ import annotations

import re
from pathlib import Path

import cffi
import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _nvml_library as declared
from ansible_collections.mirage.accel.plugins.module_utils import _nvml_read as reading
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import nvml_board, nvml_calls, nvml_tables

CDEF = declared.CDEF + nvml_calls.CDEF


@pytest.fixture(scope="module")
def header(native_build: Path, cache: Path) -> Path:
    """The folder of the newest official nvml.h, which the build has fetched."""
    del native_build
    found = sorted((cache / "nvml-header").rglob("nvml.h"))
    assert found
    return found[-1].parent


@pytest.fixture(scope="module")
def ffi() -> cffi.FFI:
    made = cffi.FFI()
    made.cdef(CDEF)
    return made


@pytest.fixture
def compiles(header: Path, run, tmp_path: Path):
    def check(*statements: str) -> None:
        source = tmp_path / "check.c"
        lines = ["#define NVML_NO_UNVERSIONED_FUNC_DEFS", "#include <nvml.h>", "#include <stddef.h>", *statements]
        source.write_text("\n".join(lines) + "\n")
        done = run("cc", "-std=c11", "-Werror", "-Wno-deprecated-declarations", "-fsyntax-only", f"-I{header}", source)
        assert done.returncode == 0, done.stderr

    return check


def test_structures(ffi: cffi.FFI, compiles) -> None:
    typedefs, _, _ = ffi.list_types()
    structures = [name for name in typedefs if ffi.typeof(name).kind == "struct"]
    assert len(structures) >= 5
    statements = []
    for name in structures:
        statements.append(f'_Static_assert(sizeof({name}) == {ffi.sizeof(name)}, "{name}");')
        for field, about in ffi.typeof(name).fields:
            statements.append(f'_Static_assert(offsetof({name}, {field}) == {about.offset}, "{name}.{field}");')
            size = ffi.sizeof(about.type)
            statements.append(f'_Static_assert(sizeof((({name} *)0)->{field}) == {size}, "{name}.{field}");')
    compiles(*statements)


def test_functions(compiles) -> None:
    """A function of our declaration may call the header's with its own parameters: number and types are the same."""
    declarations = re.findall(r"^(nvmlReturn_t|const char \*)\s*(nvml\w+)\(([^)]*)\);", CDEF, re.MULTILINE)
    assert len(declarations) == CDEF.count("(")
    statements = []
    for returned, name, text in declarations:
        parameters = [] if text == "void" else [one.strip() for one in text.split(",")]
        # The header has enumerations where we have int; what points to one is compared by size below.
        own = ", ".join(re.sub(r"^int \*", "void *", one) for one in parameters) or "void"
        given = ", ".join(re.findall(r"\w+$", one)[0] for one in parameters)
        statements.append(f"static inline {returned} my_{name}({own}) {{ return {name}({given}); }}")
    for enumeration in ("EnableState", "ComputeMode", "Pstates", "Return"):
        statements.append(f'_Static_assert(sizeof(nvml{enumeration}_t) == sizeof(int), "{enumeration}");')
    compiles(*statements)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (declared.INVALID_ARGUMENT, "NVML_ERROR_INVALID_ARGUMENT"),
        (declared.NOT_SUPPORTED, "NVML_ERROR_NOT_SUPPORTED"),
        (declared.NOT_FOUND, "NVML_ERROR_NOT_FOUND"),
        (declared.INSUFFICIENT_SIZE, "NVML_ERROR_INSUFFICIENT_SIZE"),
        (declared.FUNCTION_NOT_FOUND, "NVML_ERROR_FUNCTION_NOT_FOUND"),
        (reading.NVLINK_MAX_LINKS, "NVML_NVLINK_MAX_LINKS"),
        (reading.PERFORMANCE_STATE_UNKNOWN, "NVML_PSTATE_UNKNOWN"),
        (reading.CLOCKS["graphics"], "NVML_CLOCK_GRAPHICS"),
        (reading.CLOCKS["sm"], "NVML_CLOCK_SM"),
        (reading.CLOCKS["memory"], "NVML_CLOCK_MEM"),
        (reading.CLOCKS["video"], "NVML_CLOCK_VIDEO"),
        (reading.THRESHOLDS["shutdown"], "NVML_TEMPERATURE_THRESHOLD_SHUTDOWN"),
        (reading.THRESHOLDS["slowdown"], "NVML_TEMPERATURE_THRESHOLD_SLOWDOWN"),
        (reading.THRESHOLDS["memory_max"], "NVML_TEMPERATURE_THRESHOLD_MEM_MAX"),
        (reading.THRESHOLDS["gpu_max"], "NVML_TEMPERATURE_THRESHOLD_GPU_MAX"),
        (0, "NVML_TEMPERATURE_GPU"),
        (nvml_calls.ARGUMENT_VERSION_MISMATCH, "NVML_ERROR_ARGUMENT_VERSION_MISMATCH"),
        (nvml_calls.DEPRECATED, "NVML_ERROR_DEPRECATED"),
        (nvml_calls.NOT_READY, "NVML_ERROR_NOT_READY"),
        (nvml_board.GPU_INSTANCE_PROFILES, "NVML_GPU_INSTANCE_PROFILE_COUNT"),
        (nvml_tables.GPU, "NVML_POWER_SCOPE_GPU"),
        (nvml_tables.MODULE, "NVML_POWER_SCOPE_MODULE"),
        (nvml_tables.MEMORY, "NVML_POWER_SCOPE_MEMORY"),
        *[(number, f"NVML_FI_DEV_{name}") for name, number in nvml_calls.FIELDS.items()],
        *[(number, f"NVML_COMPUTEMODE_{name.upper()}") for number, name in reading.COMPUTE_MODES.items()],
        *[
            (number, f"NVML_NVLINK_VERSION_{name.replace('.', '_')}")
            for number, name in reading.NVLINK_VERSIONS.items()
        ],
    ],
)
def test_numbers(compiles, ours: int, theirs: str) -> None:
    compiles(f'_Static_assert({theirs} == {ours}, "{theirs}");')


def test_text_is_never_cut_short(compiles) -> None:
    for size in ("NVML_DEVICE_UUID_V2", "NVML_DEVICE_NAME_V2", "NVML_DEVICE_SERIAL", "NVML_SYSTEM_DRIVER_VERSION"):
        compiles(f'_Static_assert({size}_BUFFER_SIZE <= {declared.TEXT_SIZE}, "{size}");')


def test_the_structure_version_is_nvmls(ffi: cffi.FFI, compiles) -> None:
    version = ffi.sizeof("nvmlMemory_v2_t") | 2 << 24
    compiles(f'_Static_assert(nvmlMemory_v2 == {version}, "version");')
