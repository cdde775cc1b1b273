# SPDX-License-Identifier: GPL-3.0-or-later
"""Our nvidia-smi beside the vendor's, on the same library: what both print is equal, byte for byte.

The library is ours with each profile, and a fake one (native/nvml/nvidia_smi/tests/fake_nvml.c) for boards that no
profile describes: fans, missing values, errors, MIG devices, processes, names that are too long.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_boards import BOARD, BOARDS
from nvidia_smi import Programs, without_time

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# The vendor's answer comes from an internal function that the public interface has no twin of.
NOT_COMPARED = {"timestamp", "pcie.link.gen.hostmax"}

PROFILES = ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"]

COMMANDS = {
    "table": [],
    "table_of_one": ["-i", "1"],
    "table_by_uuid": ["--id=GPU-11111111-2222-3333-4444-555555555555"],
    "table_by_bus_id": ["-i", "bd:00.0"],
    "table_of_none": ["-i", "99"],
    "list": ["-L"],
    "list_long": ["--list-gpus"],
    "version": ["--version"],
    "no_header": ["--query-gpu=index,memory.total", "--format=csv,noheader"],
    "no_units": ["--query-gpu=memory.total,power.draw,fan.speed", "--format=noheader,csv,nounits"],
    "words_apart": ["--query-gpu", "index,name", "--format", "csv"],
    "format_first": ["--format=csv", "--query-gpu=uuid", "-i", "0,1"],
    "twice_the_same": ["--query-gpu=name,,name", "--format=csv"],
    "unknown_field": ["--query-gpu=index,foo,bar", "--format=csv"],
    "unknown_field_spaced": ["--query-gpu=index, name", "--format=csv"],
    "unknown_format": ["--query-gpu=index", "--format=csv,foo"],
    "no_csv": ["--query-gpu=index", "--format=noheader"],
    "query_of_none": ["--query-gpu=index", "--format=csv", "-i", "99"],
}


@pytest.fixture(scope="session")
def fake_library(repo: Path, cache: Path, native_build: Path, run: Run, tmp_path_factory) -> Path:
    """The folder of the fake libnvidia-ml.so.1. Its header is the one that the build fetched."""
    folder = tmp_path_factory.mktemp("fake_nvml")
    header = max((cache / "nvml-header").glob("*/nvml.h"), key=lambda path: path.stat().st_mtime)
    source = repo / "native" / "nvml" / "nvidia_smi" / "tests" / "fake_nvml.c"
    done = run(
        *["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"],
        *["-isystem", header.parent, "-o", folder / "libnvidia-ml.so.1", source],
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def fake_env(fake_library: Path, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    def make(answers: str) -> dict[str, str]:
        file = tmp_path / "answers"
        file.write_text("".join(line.strip(" ") for line in (BOARD + answers).splitlines(keepends=True)))
        return {**os.environ, "LD_LIBRARY_PATH": str(fake_library), "FAKE_NVML": str(file), "TZ": "UTC"}

    return make


@pytest.fixture(scope="session")
def fields(ours: Path, run: Run) -> list[str]:
    """Every name that our --query-gpu knows."""
    help_text = run(ours, "--help-query-gpu").stdout
    names = re.findall(r'^"([^"]+)"(?: or "([^"]+)")?$', help_text, re.MULTILINE)
    return [name for pair in names for name in pair if name]


def compare(run: Run, ours: Path, theirs: Path, argv: list[str], env: dict[str, str]) -> str:
    return Programs(run, ours, theirs).same(argv, env)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("argv", [[], ["-L"], ["-i", "1"], ["--version"]], ids=["table", "list", "one", "version"])
def test_same_as_vendor_on_profile(
    repo: Path, run: Run, native_build: Path, ours: Path, vendor_smi: Path, profile: str, argv: list[str]
):
    config = repo / "charts" / "gpu-mock" / "profiles" / f"{profile}.yaml"
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(config)}
    printed = compare(run, ours, vendor_smi, argv, env)
    assert "550.163.01" in printed or "GPU-" in printed


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("form", ["csv", "csv,noheader,nounits"])
def test_every_field_same_as_vendor_on_profile(
    repo: Path,
    run: Run,
    native_build: Path,
    ours: Path,
    vendor_smi: Path,
    fields: list[str],
    profile: str,
    form: str,
):
    config = repo / "charts" / "gpu-mock" / "profiles" / f"{profile}.yaml"
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(config)}
    asked = [name for name in fields if name not in NOT_COMPARED]
    compare(run, ours, vendor_smi, [f"--query-gpu={','.join(asked)}", f"--format={form}"], env)


@pytest.mark.parametrize("board", BOARDS)
def test_table_and_list_same_as_vendor(run: Run, ours: Path, vendor_smi: Path, fake_env, board: str):
    env = fake_env(BOARDS[board])
    compare(run, ours, vendor_smi, [], env)
    compare(run, ours, vendor_smi, ["-L"], env)


@pytest.mark.parametrize("board", BOARDS)
def test_every_field_same_as_vendor(run: Run, ours: Path, vendor_smi: Path, fake_env, fields: list[str], board: str):
    env = fake_env(BOARDS[board])
    asked = [name for name in fields if name not in NOT_COMPARED]
    if board in ("unknown_error", "no_permission", "gpu_is_lost"):
        asked = [name for name in asked if not name.startswith(("clocks_event_reasons.", "clocks_throttle_reasons."))]
    for form in ("csv", "csv,nounits,noheader"):
        compare(run, ours, vendor_smi, [f"--query-gpu={','.join(asked)}", f"--format={form}"], env)


@pytest.mark.parametrize("argv", COMMANDS.values(), ids=COMMANDS)
def test_command_line_same_as_vendor(run: Run, ours: Path, vendor_smi: Path, fake_env, argv: list[str]):
    compare(run, ours, vendor_smi, argv, fake_env(""))


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["--bogus"], 255),
        (["bogus"], 255),
        (["-i"], 255),
        (["--format=csv"], 255),
        (["--query-gpu", "--format=csv"], 255),
        (["--query-gpu=index"], 2),
        (["--query-gpu=index", "--format=csv", "--bogus"], 2),
        (["-L", "-i", "1"], 2),
        (["-L", "foo"], 2),
        (["-L", "-L"], 2),
        (["-h", "-L"], 2),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else str(value),
)
def test_wrong_command_line(run: Run, ours: Path, vendor_smi: Path, fake_env, argv: list[str], status: int):
    env = fake_env("")
    compare(run, ours, vendor_smi, argv, env)
    assert run(ours, *argv, env=env).returncode == status


@pytest.mark.parametrize("board", BOARDS)
def test_no_memory_error_on_any_board(run: Run, ours: Path, sanitized: Path, fake_env, fields: list[str], board: str):
    env = {**fake_env(BOARDS[board]), "ASAN_OPTIONS": "detect_leaks=0"}
    for argv in (
        [],
        ["-L"],
        ["--version"],
        ["-q", "-d", "ECC"],
        [f"--query-gpu={','.join(fields[1:])}", "--format=csv"],
    ):
        done = run(sanitized, *argv, env=env)
        assert done.stderr == ""
        assert without_time(done.stdout) == without_time(run(ours, *argv, env=env).stdout)


@pytest.mark.parametrize("count", [1, 128])
def test_few_and_many_gpus(
    repo: Path, run: Run, native_build: Path, ours: Path, vendor_smi: Path, tmp_path: Path, count: int
):
    config = repo / "charts" / "gpu-mock" / "profiles" / "a100.yaml"
    root = tmp_path / "driver"
    done = run(native_build / "mock-nvml", "--root", root, "apply", "--count", str(count), config)
    assert done.returncode == 0, done.stderr
    env = {**os.environ, "LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(root / "config/config.yaml")}
    assert compare(run, ours, vendor_smi, ["-L"], env).count("\n") == count
    compare(run, ours, vendor_smi, [], env)
    compare(run, ours, vendor_smi, ["-i", str(count - 1), "--query-gpu=index,uuid", "--format=csv"], env)


def test_ids_of_nothing(run: Run, ours: Path, vendor_smi: Path, fake_env):
    env = fake_env("")
    done = run(ours, "-i", ",", env=env)
    assert done.stdout == "Failed to parse device string on command line\n"
    assert done.returncode == run(vendor_smi, "-i", ",", env=env).returncode


def test_vendor_does_not_know_a_field_of_ours_less(run: Run, ours: Path, vendor_smi: Path, fake_env, fields):
    """Every field of the vendor's help is one of ours."""
    env = fake_env("")
    lines = run(vendor_smi, "--help-query-gpu", env=env).stdout.splitlines()
    theirs = [
        name
        for line in lines
        if re.fullmatch(r'"[^"]+"(?: or "[^"]+")*', line)
        for name in re.findall(r'"([^"]+)"', line)
    ]
    assert len(theirs) > 150
    assert set(theirs) == set(fields)


@pytest.mark.parametrize(("error", "status"), [(2, 2), (4, 4), (9, 9), (13, 13), (15, 15), (999, 255)])
def test_library_that_does_not_start(run: Run, ours: Path, vendor_smi: Path, fake_env, error: int, status: int):
    env = fake_env(f"Init !{error}")
    done = run(ours, env=env)
    assert done.returncode == status == run(vendor_smi, env=env).returncode
    assert re.match(r"Failed to initialize NVML: \w|NVIDIA-SMI has failed because it couldn't communicate", done.stdout)


def test_no_gpus_at_all(run: Run, ours: Path, vendor_smi: Path, fake_env):
    env = fake_env("DeviceGetCount_v2 0")
    for argv in ([], ["-L"], ["--query-gpu=index", "--format=csv"]):
        compare(run, ours, vendor_smi, argv, env)


def test_no_library_says_what_to_do(run: Run, ours: Path, tmp_path: Path):
    program = shutil.copy(ours, tmp_path / "nvidia-smi")
    env = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    done = run(program, env=env)
    assert done.returncode == 12
    assert "libnvidia-ml.so.1" in done.stdout
    assert "LD_LIBRARY_PATH" in done.stdout


def test_library_of_its_own_driver_root(run: Run, ours: Path, fake_library: Path, fake_env, tmp_path: Path):
    """Beside the program first, unless LD_LIBRARY_PATH names another."""
    root = tmp_path / "driver"
    for name in ("usr/bin", "usr/lib64"):
        (root / name).mkdir(parents=True)
    program = shutil.copy(ours, root / "usr/bin/nvidia-smi")
    shutil.copy(fake_library / "libnvidia-ml.so.1", root / "usr/lib64/libnvidia-ml.so.1")
    env = fake_env("")
    del env["LD_LIBRARY_PATH"]
    listed = run(program, "-L", env=env)
    assert listed.returncode == 0
    assert listed.stdout.count("\n") == 2


def test_help_names_every_option(run: Run, ours: Path):
    done = run(ours, "--help")
    assert done.returncode == 0
    for option in ("-L, --list-gpus", "-i, --id=", "--query-gpu=", "--format=", "--help-query-gpu", "--version"):
        assert option in done.stdout
    for option in ("-q, --query", "-x, --xml-format", "-d, --display=", "-f, --filename=", "-eow, --error-on-warning"):
        assert option in done.stdout
    for option in (
        "-pm",
        "-c",
        "-pl",
        "-lgc",
        "-rgc",
        "-lmc",
        "-rmc",
        "-ac",
        "-rac",
        "-e",
        "-p",
        "-mig",
        "-am",
        "-caa",
        "-r",
    ):
        assert f"\n{option}, --" in done.stdout
    for command in ("mig", "topo", "compute-policy"):
        assert f"\nnvidia-smi {command} " in done.stdout
    assert run(ours, "-h").stdout == done.stdout


def test_output_that_cannot_be_written_is_a_failure(ours: Path, fake_env):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([ours, "-L"], env=fake_env(""), stdout=full, check=False)
    assert done.returncode == 255


def test_runs_on_glibc_2_17(run: Run, ours: Path):
    """The driver's tools are mounted into containers of any age."""
    symbols = run("objdump", "-T", ours).stdout
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([\d.]+)", symbols)}
    assert versions
    assert max(versions) <= (2, 17)
    assert textwrap.dedent(run("objdump", "-p", ours).stdout).count("NEEDED") == 2
