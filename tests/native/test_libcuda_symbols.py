# SPDX-License-Identifier: GPL-3.0-or-later
"""libcuda's face: every function of the driver API that NVIDIA's own has, with the official header's types."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

# Called in the answers of cuGetProcAddress_v2: CUDA_SUCCESS with a status that says what was found.
FOUND, NO_SYMBOL, TOO_OLD = 0, 1, 2

# What either library finds, as [name, version, kind of stream, result, status, name of the function found].
FIND_ALL = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
wanted = json.load(sys.stdin)
names = {ctypes.cast(getattr(library, name), ctypes.c_void_p).value: name for name in wanted["symbols"]}
found = []
for name in wanted["names"]:
    for flags in (0, 1, 2):
        for version in wanted["versions"]:
            address, status = ctypes.c_void_p(1), ctypes.c_int(-1)
            result = library.cuGetProcAddress_v2(
                name.encode(), ctypes.byref(address), version, ctypes.c_uint64(flags), ctypes.byref(status))
            found.append([name, version, flags, result, status.value, names.get(address.value)])
print(json.dumps(found))
"""


def exported_names(library: Path, run) -> set[str]:
    done = run("nm", "--dynamic", "--defined-only", "--format=posix", library)
    assert done.returncode == 0, done.stderr
    return {line.split()[0] for line in done.stdout.splitlines()}


@pytest.fixture(scope="module")
def library(native_build: Path) -> Path:
    return (native_build / "libcuda.so.1").resolve()


@pytest.fixture(scope="module")
def exports(repo: Path, cuda_generator) -> list:
    return cuda_generator.read_exports((repo / "native/nvml/tools/libcuda-exports-550.txt").read_text())


def test_it_exports_what_the_list_says_and_nothing_else(library, exports, run):
    assert exported_names(library, run) == {export.symbol for export in exports}


def test_every_function_of_the_header_is_there(cuda_header, library, run):
    text = (cuda_header / "cuda.h").read_text()
    declared = set(re.findall(r"CUresult\s+CUDAAPI\s+(cu\w+)\(", text))
    newest = set(re.findall(r"^\s*#define\s+cu\w+\s+(?:__CUDA_API_PT[DS][SZ]\()?(cu\w+)\)?", text, re.MULTILINE))
    assert len(declared) > 450
    assert len(newest) > 100
    # The header itself defines this one, for its programs.
    assert "static inline CUresult cuGetProcAddress_v2_ptsz(" in text
    newest -= {"cuGetProcAddress_v2_ptsz"}
    assert sorted((declared | newest) - exported_names(library, run)) == []


def test_the_list_is_what_the_vendor_exports(vendor_libcuda, exports, run):
    """But for what a debugger asks (cudbg*), which is no part of the driver API."""
    vendor = {name for name in exported_names(vendor_libcuda, run) if not name.startswith("cudbg")}
    assert vendor == {export.symbol for export in exports}
    assert len(exports) == 628


def test_names_are_found_as_in_the_vendors_library(vendor_libcuda, library, exports, run):
    """Each name for each version of CUDA in which something changed, and the one before."""
    since = sorted({export.since for export in exports if export.since})
    wanted = json.dumps(
        {
            "symbols": [export.symbol for export in exports],
            "names": sorted({export.name for export in exports}),
            "versions": sorted({version - 1 for version in since if version > 2000} | set(since) | {12080}),
        }
    )
    theirs, ours = (
        json.loads(run(sys.executable, "-c", FIND_ALL, path, input=wanted).stdout) for path in (vendor_libcuda, library)
    )
    assert len(theirs) > 10000
    # Two names of ours can be one function, where forms mean the same here.
    same = [row[:5] for row in theirs] == [row[:5] for row in ours]
    assert same, [pair for pair in zip(theirs, ours, strict=True) if pair[0][:5] != pair[1][:5]][:5]
    addresses = {export.symbol: export for export in exports}
    for mine, other in zip(ours, theirs, strict=True):
        if other[5] is not None:
            assert mine[5] in addresses
            assert addresses[mine[5]].name == addresses[other[5]].name


def test_an_answer_says_why_nothing_was_found(ask):
    found = ask(
        """
def find(name, version, flags=0):
    address, status = c_void_p(1), c_int(-1)
    return [cuda.cuGetProcAddress_v2(name, byref(address), version, c_uint64(flags), byref(status)), status.value,
            address.value is not None]
def find_first_form(name, version):
    address = c_void_p(1)
    return [cuda.cuGetProcAddress(name, byref(address), version, c_uint64(0)), address.value is not None]
say({
    "found": find(b"cuDeviceTotalMem", 12040),
    "too old": find(b"cuGetProcAddress", 11020),
    "unknown": find(b"cuMakeCoffee", 12040),
    "a form is no name": find(b"cuMemAlloc_v2", 12040),
    "flags": find(b"cuInit", 12040, 4)[0],
    "first form": [find_first_form(b"cuInit", 12040), find_first_form(b"cuGetProcAddress", 11020)],
    "null": cuda.cuGetProcAddress_v2(None, None, 12000, c_uint64(0), None),
    "no status": cuda.cuGetProcAddress_v2(b"cuMakeCoffee", byref(c_void_p()), 12000, c_uint64(0), None),
})
"""
    )
    assert found == {
        "found": [0, FOUND, True],
        "too old": [0, TOO_OLD, False],
        "unknown": [0, NO_SYMBOL, False],
        "a form is no name": [0, NO_SYMBOL, False],
        "flags": 1,
        "first form": [[0, True], [500, False]],
        "null": 1,
        "no status": 0,
    }


def test_what_it_cannot_do_says_so_after_the_usual_checks(ask, repo, exports, cuda_generator):
    sources = list((repo / "native/nvml/libcuda").glob("*.c"))
    defined = cuda_generator.defined_symbols(sources)
    left = [export for export in exports if export.symbol not in defined]
    assert len(left) > 400
    found = ask(
        f"""
functions = {{name: getattr(cuda, name) for name in {[export.symbol for export in left]!r}}}
room = ctypes.create_string_buffer(4096)
before = {{function(room, 0, 0, 0, 0, 0) for function in functions.values()}}
cuda.cuInit(0)
say([sorted(before), {{name: [function(room, 0, 0, 0, 0, 0), function(None, 0, 0, 0, 0, 0)]
                       for name, function in functions.items()}}])
"""
    )
    assert found[0] == [3]
    assert found[1] == {export.symbol: [801, 1 if export.has_answer else 801] for export in left}


@pytest.mark.parametrize("name", ["cuModuleLoad", "cuModuleLoadData", "cuDeviceGetDefaultMemPool", "cuDeviceGetLuid"])
def test_what_would_compute_is_not_supported(ask, name):
    assert ask(f"cuda.cuInit(0); say(cuda.{name}(byref(c_uint64()), 0, 0))") == 801


@pytest.mark.parametrize(("variable", "mode"), [("", 2), ("LAZY", 2), ("EAGER", 1)])
def test_how_modules_would_be_loaded(ask, variable, mode):
    script = "before = integer(cuda.cuModuleGetLoadingMode)[0]; cuda.cuInit(0); "
    script += "say([before, integer(cuda.cuModuleGetLoadingMode), cuda.cuModuleGetLoadingMode(None)])"
    assert ask(script, CUDA_MODULE_LOADING=variable) == [3, [0, mode], 1]


def test_the_runtime_library_says_that_it_is_not_supported(cuda_runtime, ask):
    """It needs internal tables of NVIDIA's own driver."""
    found = ask(
        f"""
runtime = ctypes.CDLL({str(cuda_runtime)!r})
runtime.cudaGetErrorName.restype = ctypes.c_char_p
result, count = integer(runtime.cudaGetDeviceCount)
say([runtime.cudaGetErrorName(result).decode(), integer(runtime.cudaDriverGetVersion)])
"""
    )
    assert found[0] == "cudaErrorNotSupported"
    assert found[1][0] == 0 and found[1][1] >= 12040


def test_generator_refuses_what_it_does_not_know(tmp_path, repo, run):
    source = tmp_path / "cuda_news.c"
    source.write_text("CUresult cuNews(void)\n{\n}\n")
    done = run(repo / "native/nvml/tools/gen_libcuda.py", "--out", tmp_path / "out.c", source)
    assert done.returncode == 1
    assert "cuNews is defined, and libcuda-exports-550.txt does not list it" in done.stderr
    assert not (tmp_path / "out.c").exists()


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


def test_types_are_the_official_headers(cuda_header, repo, run, tmp_path):
    """The prototypes of cuda_api.h after the official header in one program: the compiler refuses any that differs."""
    ours = (repo / "native/nvml/libcuda/cuda_api.h").read_text()
    prototypes = re.findall(r"^CUresult cu\w+\([^;]*\);", ours, re.MULTILINE)
    assert len(prototypes) > 80
    # CUdeviceptr_v1 had 32 bits, and a number of an attribute is an int to us.
    text = "\n".join(prototypes).replace("int attribute,", "CUdevice_attribute attribute,")
    source = tmp_path / "types.c"
    # With this the header declares all forms under their own names, as for the build of the driver.
    source.write_text(f'#define __CUDA_API_VERSION_INTERNAL\n#include "cuda.h"\n{text}\n')
    command = [
        "cc",
        "-std=gnu11",
        "-Wno-deprecated-declarations",
        "-I",
        cuda_header,
        "-o",
        tmp_path / "o",
        "-c",
        source,
    ]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    source.write_text(source.read_text().replace("cuCtxGetDevice(CUdevice *", "cuCtxGetDevice(long *"))
    assert "conflicting types for" in run(*command).stderr


def test_numbers_of_types_are_the_official_headers(cuda_header, repo, run, tmp_path):
    numbers = enumerated((repo / "native/nvml/libcuda/cuda_types.h").read_text(), "CU(?:DA)?_")
    assert len(numbers) > 60
    source = tmp_path / "numbers.c"
    asserts = "\n".join(f'_Static_assert({name} == {value}, "{name}");' for name, value in numbers.items())
    source.write_text(f'#include "cuda.h"\n{asserts}\n')
    done = run("cc", "-std=gnu11", "-I", cuda_header, "-o", tmp_path / "o", "-c", source)
    assert done.returncode == 0, done.stderr


def test_structures_are_the_official_headers(cuda_header, repo, run, tmp_path):
    source = tmp_path / "sizes.c"
    types = [
        "CUdevprop",
        "CUuuid",
        "CUdeviceptr",
        "CUdevice",
        "CUcontext",
        "CUlimit",
        "CUpointer_attribute",
        "CUresult",
    ]
    sizes = []
    for header in (f"{cuda_header / 'cuda.h'}", f"{repo / 'native/nvml/libcuda/cuda_types.h'}"):
        lines = "".join(f'printf("{name} %zu\\n", sizeof({name}));' for name in types)
        source.write_text(f'#include <stdio.h>\n#include "{header}"\nint main(void) {{ {lines} return 0; }}\n')
        assert run("cc", "-o", tmp_path / "sizes", source).returncode == 0
        sizes.append(run(tmp_path / "sizes").stdout)
    assert sizes[0] == sizes[1]
    assert len(sizes[0].splitlines()) == len(types)


def test_library_file(library, run):
    dynamic = run("objdump", "-p", library).stdout
    assert re.search(r"SONAME\s+libcuda\.so\.1$", dynamic, re.MULTILINE)
    # Each thread's stack of contexts lies in the thread's storage, which the dynamic linker hands out.
    assert set(re.findall(r"NEEDED\s+(\S+)", dynamic)) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    symbols = run("objdump", "-T", library).stdout
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([\d.]+)", symbols)}
    assert (2, 2, 5) <= max(versions) <= (2, 17)
    assert library.stat().st_size < 400 * 1024
