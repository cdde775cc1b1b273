# SPDX-License-Identifier: GPL-3.0-or-later
"""The build for aarch64: made by a cross compiler, run by qemu's user emulation, and equal to the machine's own."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DRIVER = "550.163.01"
COMPILER = "aarch64-linux-gnu-gcc"
# Debian's C library of that architecture (libc6-arm64-cross).
GUEST = "/usr/aarch64-linux-gnu"
OUTPUTS = [f"libnvidia-ml.so.{DRIVER}", f"libcuda.so.{DRIVER}", "mock-nvml", "nvidia-smi"]


@pytest.fixture(scope="session")
def libyaml(cache: Path) -> Path:
    """Debian's static libyaml of that architecture, unpacked aside."""
    from ansible_collections.mirage.accel.plugins.module_utils import _deb_unpack

    unpacked = _deb_unpack.unpack(name="libyaml-dev", suite="bookworm", architecture="arm64", cache_dir=cache)
    return next(Path(unpacked.path).rglob("libyaml.a"))


@pytest.fixture(scope="session")
def make_aarch64(repo: Path, libyaml: Path, run) -> Callable:
    def call(*words: str | Path):
        # Beside the machine's own build, where make finds again what is not stale.
        where = f"BUILD={repo / 'native/nvml/build/aarch64'}"
        return run("make", "-C", repo / "native/nvml", f"CC={COMPILER}", f"LIBYAML={libyaml}", where, *words)

    return call


@pytest.fixture(scope="session")
def aarch64_build(repo: Path, native_build: Path, make_aarch64: Callable) -> Path:
    done = make_aarch64()
    assert done.returncode == 0, done.stdout + done.stderr
    return repo / "native/nvml/build/aarch64"


@pytest.fixture
def emulate(run) -> Callable:
    """Run a program of that architecture with these variables."""

    def call(program: Path, *arguments: str | Path, **variables: str | Path):
        given = [word for name, value in variables.items() for word in ("-E", f"{name}={value}")]
        return run("qemu-aarch64", "-L", GUEST, *given, program, *arguments)

    return call


@pytest.fixture(scope="session", params=["a100", "gb300", "t4"])
def profile(request: pytest.FixtureRequest, repo: Path) -> Path:
    return repo / "charts/gpu-mock/profiles" / f"{request.param}.yaml"


@pytest.mark.parametrize("output", OUTPUTS)
def test_it_is_for_that_architecture_and_old_c_libraries(aarch64_build, run, output):
    """2.17 is the first glibc that knows the architecture."""
    header = run("readelf", "--file-header", aarch64_build / output).stdout
    assert re.search(r"Machine:\s+AArch64", header)
    needs = run("readelf", "--version-info", "--wide", aarch64_build / output).stdout
    assert set(re.findall(r"Name: (GLIBC_[\d.]+)", needs)) == {"GLIBC_2.17"}


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_machines_own_build_is_for_old_c_libraries_too(native_build, run, output):
    needs = run("readelf", "--version-info", "--wide", native_build / output).stdout
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"Name: GLIBC_([\d.]+)", needs)}
    assert versions
    assert max(versions) <= (2, 17)


@pytest.mark.parametrize("output", OUTPUTS[:2])
def test_it_exports_the_same_names(aarch64_build, native_build, run, output):
    def names(tool: str, build: Path) -> list[str]:
        return run(tool, "--dynamic", "--defined-only", "--format=just-symbols", build / output).stdout.split()

    native = names("nm", native_build)
    assert len(native) > 400
    assert names("aarch64-linux-gnu-nm", aarch64_build) == native


def test_it_reads_a_description_alike(aarch64_build, native_build, profile, emulate, run):
    theirs = emulate(aarch64_build / "mock-nvml", "check", "--json", profile)
    assert theirs.returncode == 0, theirs.stderr
    assert json.loads(theirs.stdout) == json.loads(run(native_build / "mock-nvml", "check", "--json", profile).stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-L"],
        [],
        ["--query-gpu=name,uuid,serial,pci.bus_id,memory.total,clocks.max.sm,power.limit", "--format=csv"],
    ],
    ids=["list", "table", "query"],
)
def test_nvidia_smi_says_the_same(aarch64_build, native_build, profile, emulate, run, arguments):
    """But for what moves with the time."""
    theirs = emulate(aarch64_build / "nvidia-smi", *arguments, LD_LIBRARY_PATH=aarch64_build, MOCK_NVML_CONFIG=profile)
    assert theirs.returncode == 0, theirs.stderr
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}
    ours = run(native_build / "nvidia-smi", *arguments, env=env).stdout
    still = [re.compile(r"^\w{3} \w{3} +\d+ [\d:]+ \d{4} *$", re.MULTILINE), re.compile(r"\d+C|\d+W /|\d+%")]
    for moving in still:
        theirs.stdout, ours = moving.sub("", theirs.stdout), moving.sub("", ours)
    assert theirs.stdout == ours
    assert len(ours.splitlines()) >= 4


def test_a_driver_root_of_that_architecture_serves_a_program(
    make_aarch64, aarch64_build, repo, profile, nvml_header_file, cuda_header, emulate, run, tmp_path
):
    """Installed, described by its own mock-nvml, and asked by a program that is linked with both libraries."""
    root = tmp_path / "driver"
    done = make_aarch64("install", f"DESTDIR={root}")
    assert done.returncode == 0, done.stderr
    done = emulate(root / "usr/bin/mock-nvml", "--root", root, "apply", profile)
    assert done.returncode == 0, done.stderr
    source, program = Path(__file__).parent / "fixtures/both_libraries.c", tmp_path / "program"
    libraries = [root / "usr/lib64/libnvidia-ml.so.1", root / "usr/lib64/libcuda.so.1"]
    includes = ["-isystem", nvml_header_file.parent, "-isystem", cuda_header]
    done = run(COMPILER, "-Wall", "-Werror", *includes, "-o", program, source, *libraries)
    assert done.returncode == 0, done.stderr
    done = emulate(program, LD_LIBRARY_PATH=root / "usr/lib64")
    assert done.returncode == 0, done.stderr
    described = json.loads(run(repo / "native/nvml/build/mock-nvml", "check", "--json", profile).stdout)
    gpu, count = described["devices"][0], described["device_count"]
    major = described["compute_capability"].partition(".")[0]
    assert done.stdout == f"{count} {gpu['name']} {gpu['uuid']} {count} {major} {1 << 30}\n"
    # Its context is gone, and so is what it had.
    listed = emulate(root / "usr/bin/nvidia-smi", LD_LIBRARY_PATH=root / "usr/lib64").stdout
    assert "No running processes found" in listed


ROLE = """\
- hosts: localhost
  gather_facts: false
  vars:
    mock_nvml_compiler: aarch64-linux-gnu-gcc
    mock_nvml_nvidia_smi: own
  tasks:
    - name: Have a host of that architecture
      ansible.builtin.set_fact:
        architecture: aarch64
        cacheable: true
    - name: Build on the controller
      ansible.builtin.include_role:
        name: mirage.accel.mock_nvml
        tasks_from: build
        public: true
    - name: Say where it is
      ansible.builtin.copy:
        dest: "{{ answer }}"
        content: "{{ _mock_nvml_variables.LIBYAML }}\\n{{ _mock_nvml_built_dir }}"
        mode: "0644"
"""


def test_the_role_builds_it_for_a_host_of_that_architecture(libyaml, repo, ansible_env, run, tmp_path):
    play, answer = tmp_path / "play.yml", tmp_path / "answer"
    play.write_text(ROLE)
    command = [Path(sys.executable).with_name("ansible-playbook"), play, "-e", f"answer={answer}"]
    for _ in range(2):
        done = run(sys.executable, *command, cwd=repo, env=ansible_env)
        assert done.returncode == 0, done.stdout + done.stderr
    # A second run builds nothing.
    assert "Build the mock NVML library" not in done.stdout
    assert "changed=0" in done.stdout
    used, built = answer.read_text().splitlines()
    assert Path(used) == libyaml
    assert "AArch64" in run("readelf", "--file-header", Path(built) / "usr/lib64" / OUTPUTS[0]).stdout


def test_a_compiler_without_its_libyaml_is_told_so(repo, run, tmp_path):
    command = ["make", "-C", repo / "native/nvml", f"CC={COMPILER}", f"BUILD={tmp_path / 'build'}"]
    done = run(*command)
    assert done.returncode == 2
    assert "libyaml.a is missing: install the Debian package libyaml-dev" in done.stderr
    assert f"or name one that {COMPILER} can link by LIBYAML=" in done.stderr
    done = run(*command, "LIBYAML=/nonexistent/libyaml.a")
    assert done.returncode == 2
    assert (
        f"there is no file /nonexistent/libyaml.a: set LIBYAML to a libyaml.a that {COMPILER} can link" in done.stderr
    )
