# SPDX-License-Identifier: GPL-3.0-or-later
"""The library's face: every name of NVIDIA's own and of the newest header, and nothing that could hurt its process."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def library(native_build: Path) -> Path:
    return native_build / "libnvidia-ml.so.1"


@pytest.fixture(scope="module")
def exported(library: Path, run) -> set[str]:
    done = run("nm", "--dynamic", "--defined-only", "--format=posix", library)
    assert done.returncode == 0, done.stderr
    return {line.split()[0] for line in done.stdout.splitlines()}


@pytest.fixture(scope="module")
def imported(library: Path, run) -> dict[str, str]:
    """Names taken from other libraries, with their symbol version."""
    done = run("objdump", "-T", library)
    return {m[2]: m[1] for m in re.finditer(r"\*UND\*\s+\S+\s+\(?([\w.]+)\)?\s+(\w+)", done.stdout)}


def test_every_name_of_the_550_library_is_there(repo, exported):
    wanted = (repo / "native/nvml/tools/nvml-exports-550.txt").read_text().split()
    assert len(wanted) == 350
    assert sorted(set(wanted) - exported) == []


def test_every_function_of_the_newest_header_is_there(nvml_header, exported):
    declared = set(re.findall(r"DECLDIR\s+(?:char\s*\*\s*)?(nvml\w+)\s*\(", nvml_header))
    assert len(declared) > 430
    assert sorted(declared - exported) == []


def test_nothing_else_is_exported(exported):
    assert {name for name in exported if not name.startswith("nvml")} == set()


def test_version_script_is_what_its_generator_writes(repo, nvml_header, nvml_generator):
    text = nvml_generator.render_sym(nvml_generator.all_names(nvml_header))
    assert (repo / "native/nvml/libnvidia-ml.sym").read_text() == text


def test_generator_names_what_the_version_script_lacks(repo, tmp_path, run):
    header = tmp_path / "nvml.h"
    header.write_text("nvmlReturn_t DECLDIR nvmlDeviceGetNews(nvmlDevice_t device, unsigned int *news);\n")
    done = run(repo / "native/nvml/tools/gen_unsupported.py", header, "--out", tmp_path / "out.c")
    assert done.returncode == 1
    assert "nvmlDeviceGetNews, which libnvidia-ml.sym does not export; write it anew with:" in done.stderr
    assert not (tmp_path / "out.c").exists()


def test_soname_and_needs(library, run):
    dynamic = run("objdump", "-p", library).stdout
    assert re.search(r"SONAME\s+libnvidia-ml\.so\.1$", dynamic, re.MULTILINE)
    assert re.findall(r"NEEDED\s+(\S+)", dynamic) == ["libc.so.6"]


def test_old_c_libraries_can_load_it(imported):
    versions = {tuple(map(int, v[6:].split("."))) for v in imported.values() if v.startswith("GLIBC_")}
    assert max(versions) <= (2, 17)


def test_it_makes_no_thread_and_no_signal_handler(imported):
    forbidden = {"pthread_create", "signal", "sigaction", "atexit", "fork", "system", "setlocale", "environ"}
    assert forbidden & imported.keys() == set()


def test_it_is_small(library):
    assert library.stat().st_size < 400 * 1024
