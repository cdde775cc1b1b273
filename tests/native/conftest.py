# SPDX-License-Identifier: GPL-3.0-or-later
"""What these tests share: the vendor's headers, programs that ask libcuda, and both nvidia-smi."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import building
import pytest
from cuda_program import PRELUDE
from nvidia_smi import NO_TWIN, Programs


def load_generator(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def nvml_header_file() -> Path:
    """The header that native/nvml/Makefile fetches."""
    return building.nvml_header()


@pytest.fixture(scope="session")
def nvml_header(nvml_header_file: Path, nvml_generator: ModuleType) -> str:
    """The header's text without its comments."""
    return nvml_generator.strip_comments(nvml_header_file.read_text())


@pytest.fixture(scope="session")
def nvml_generator(repo: Path) -> ModuleType:
    return load_generator(repo / "native" / "nvml" / "tools" / "gen_unsupported.py")


@pytest.fixture(scope="session")
def cuda_generator(repo: Path) -> ModuleType:
    return load_generator(repo / "native" / "nvml" / "tools" / "gen_libcuda.py")


@pytest.fixture(scope="session")
def cuda_runtime_file(cache: Path, run: Callable, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of the CUDA that the default driver has, out of a Python package, never committed."""
    name, version = "nvidia-cuda-runtime-cu12", "12.4.127"

    def fetch(wanted: str) -> Path:
        file = cache / "cuda-header" / f"{name}-{version}" / wanted
        if file.is_file():
            return file
        folder = tmp_path_factory.mktemp("cuda_runtime")
        done = run(
            *[sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"],
            *["--only-binary=:all:", "--platform=manylinux2014_x86_64", f"--dest={folder}", f"{name}=={version}"],
        )
        assert done.returncode == 0, done.stderr
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            member = next(entry for entry in wheel.namelist() if entry.endswith(f"/{wanted}"))
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(wheel.read(member))
            part.replace(file)
        return file

    return fetch


@pytest.fixture(scope="session")
def cuda_header(cuda_runtime_file: Callable[[str], Path]) -> Path:
    """The folder of the official cuda.h."""
    return cuda_runtime_file("cuda.h").parent


@pytest.fixture(scope="session")
def cuda_runtime(cuda_runtime_file: Callable[[str], Path]) -> Path:
    """The official CUDA runtime library."""
    return cuda_runtime_file("libcudart.so.12")


@pytest.fixture(scope="session")
def vendor_libcuda(cache: Path) -> Path:
    """NVIDIA's own library of the default driver version, unpacked aside; without a GPU it only tells its names."""
    from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

    unpacked = _deb_unpack.unpack(
        name="libcuda1", version="550.163.01", suite="trixie", components=["non-free"], cache_dir=cache
    )
    return next(path for path in Path(unpacked.path).rglob("libcuda.so.550.163.01") if path.is_file())


@pytest.fixture(scope="module", params=["a100", "gb200"])
def profile(request: pytest.FixtureRequest, repo: Path) -> Path:
    return repo / "charts" / "gpu-mock" / "profiles" / f"{request.param}.yaml"


@pytest.fixture(scope="module")
def node(native_build: Path, profile: Path, run: Callable) -> dict:
    return json.loads(run(native_build / "mock-nvml", "check", "--json", profile).stdout)


@pytest.fixture(scope="module")
def ask(native_build: Path, profile: Path, run: Callable) -> Callable[..., dict]:
    """Run the rest of a program that begins with cuda_program.PRELUDE."""

    def call(script: str, **more: str):
        env = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        env |= {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile), **more}
        done = run(sys.executable, "-c", PRELUDE + script, env=env)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    return call


@pytest.fixture
def mock(native_build: Path, root: Path, run) -> Callable[..., dict]:
    """Run mock-nvml with --json on the driver root of the test and give what it answers."""

    def call(*argv: object) -> dict:
        done = run(native_build / "mock-nvml", "--root", root, *map(str, argv), "--json")
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return json.loads(done.stdout)

    return call


@pytest.fixture(scope="session")
def ours(native_build: Path) -> Path:
    """Our own nvidia-smi."""
    return native_build / "nvidia-smi"


@pytest.fixture(scope="session")
def both(run, ours: Path, vendor_smi: Path) -> Programs:
    return Programs(run, ours, vendor_smi)


@pytest.fixture(scope="session")
def override_library(repo: Path, native_build: Path, run, tmp_path_factory) -> Path:
    """The folder of a libnvidia-ml.so.1 that passes calls on to the mock library but for what a file says."""
    folder = tmp_path_factory.mktemp("override_nvml")
    library = (native_build / "libnvidia-ml.so.1").resolve()
    of_its_own = {"nvmlErrorString", "nvmlDeviceGetFieldValues", "nvmlInternalGetExportTable"}
    exported = re.findall(r" T (nvml\w+)$", run("nm", "-D", "--defined-only", library).stdout, re.MULTILINE)
    names = " ".join(f"X({name.removeprefix('nvml')})" for name in exported if name not in of_its_own)
    done = run(
        *["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"],
        *[f"-DNAMES={names}", f'-DLIBRARY="{library}"', "-o", folder / "libnvidia-ml.so.1"],
        *[repo / "native" / "nvml" / "nvidia_smi" / "tests" / "override_nvml.c", "-ldl"],
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def overridden(repo: Path, override_library: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment of a program that finds a profile's boards, of which the text says what is otherwise.

    What the vendor's program takes from functions without a public twin is not supported, unless the text says so.
    """

    def make(text: str = "", profile: str | Path = "a100") -> dict[str, str]:
        file = tmp_path / "overrides"
        file.write_text(f"{NO_TWIN}{text}\n")
        config = profile if isinstance(profile, Path) else repo / "charts/gpu-mock/profiles" / f"{profile}.yaml"
        return {
            **os.environ,
            "LD_LIBRARY_PATH": str(override_library),
            "MOCK_NVML_CONFIG": str(config),
            "OVERRIDE_NVML": str(file),
            "OVERRIDE_NVML_LOG": str(tmp_path / "calls"),
            "TZ": "UTC",
        }

    return make


@pytest.fixture(scope="session")
def sanitized(repo: Path, nvml_header_file: Path, run, tmp_path_factory) -> Path:
    """The same program with address and undefined-behaviour sanitizers, and with the C library's own start-up code."""
    folder = repo / "native" / "nvml" / "nvidia_smi"
    program = tmp_path_factory.mktemp("sanitized") / "nvidia-smi"
    done = run(
        *["cc", "-std=gnu11", "-D_GNU_SOURCE", '-DDRIVER_VERSION="550.163.01"', "-Wno-deprecated-declarations"],
        *["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-I", folder],
        *["-isystem", nvml_header_file.parent],
        *["-o", program, *(path for path in sorted(folder.glob("*.c")) if path.name != "start.c")],
        *["-Wl,--no-as-needed", "-l:libdl.so.2"],
    )
    assert done.returncode == 0, done.stderr
    return program
