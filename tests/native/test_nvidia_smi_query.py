# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries of our nvidia-smi that list something of each GPU, beside the vendor's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import building
import pytest
import yaml
from nvidia_smi import Programs

Environment = Callable[..., dict[str, str]]

PROFILES = ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"]
QUERIES = ["supported-clocks", "compute-apps", "accounted-apps", "retired-pages", "remapped-rows"]

ACCOUNTED = "DeviceGetAccountingPids : w1=2 w2=77 w2+4=55\n"
EXCLUDED = (
    "GetExcludedDeviceCount : w0=2\n"
    "GetExcludedDeviceInfoByIndex : w1+16=31 w1+20=10 w1+24=11 s1+68=GPU-1\n"
    "GetExcludedDeviceInfoByIndex a0=1 : w1+16=0 w1+20=200 w1+24=0 s1+68=GPU-2\n"
)
MAX32, MAX64 = 2**32 - 1, 2**64 - 1


def fields_of(both: Programs, program: Path, query: str, env: dict[str, str]) -> list[str]:
    """The names in a query's help."""
    lines = both.run(program, f"--help-query-{query}", env=env).stdout.splitlines()
    names = [line for line in lines if re.fullmatch(r'"[^"]+"(?: or "[^"]+")*', line)]
    return [name for line in names for name in re.findall(r'"([^"]+)"', line)]


def everything(both: Programs, query: str, env: dict[str, str]) -> str:
    names = [name for name in fields_of(both, both.ours, query, env) if name != "timestamp"]
    return f"--query-{query}={','.join(names)}"


@pytest.mark.parametrize("query", QUERIES)
def test_no_field_is_missing(both: Programs, overridden: Environment, query: str):
    env = overridden()
    theirs = fields_of(both, both.theirs, query, env)
    assert len(theirs) > 6
    assert set(fields_of(both, both.ours, query, env)) == set(theirs)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("query", QUERIES)
def test_query_same_as_vendor_on_profile(both: Programs, overridden: Environment, query: str, profile: str):
    env = overridden(profile=profile)
    for form in ("csv", "csv,noheader,nounits"):
        both.same([everything(both, query, env), f"--format={form}"], env)
    both.same([f"--query-{query}=gpu_name", "--format=csv", "-i", "0"], env)


@pytest.mark.parametrize("profile", ["a100", "h100"])
@pytest.mark.parametrize("fields", ["mem", "gr", "gr,gpu_name,gr", "mem,gr", "mem,mem", "gpu_name", "gpu_uuid,mem"])
def test_clocks_are_listed_once_same_as_vendor(both: Programs, overridden: Environment, fields: str, profile: str):
    both.same([f"--query-supported-clocks={fields}", "--format=csv"], overridden(profile=profile))


@pytest.mark.parametrize("getter", ["DeviceGetSupportedGraphicsClocks", "DeviceGetSupportedMemoryClocks"])
@pytest.mark.parametrize("error", [3, 4, 999])
@pytest.mark.parametrize("fields", ["mem", "gr", "mem,gr", "gpu_name"])
def test_clocks_that_fail_same_as_vendor(both: Programs, overridden: Environment, getter: str, error: int, fields: str):
    both.same([f"--query-supported-clocks={fields}", "--format=csv"], overridden(f"{getter} : !{error}"))


def test_graphics_clocks_of_several_memory_clocks_same_as_vendor(both: Programs, overridden: Environment):
    graphics = "DeviceGetSupportedGraphicsClocks"
    env = overridden(
        f"{graphics} a1=2619 : w2=3 w3=7 w3+4=345 w3+8=8\n"
        f"{graphics} a1=1593 : w2=3 w3=3 w3+4=345 w3+8=9\n"
        f"{graphics} d2=0 : w2=3 !7",
        profile="h100",
    )
    printed = both.same(["--query-supported-clocks=gr", "--format=csv,noheader,nounits", "-i", "0"], env)
    assert printed.split() == ["345", "9", "8", "7", "3"]


@pytest.mark.parametrize(
    "answers",
    [
        "",
        "DeviceGetAccountingStats : w2=12 w2+4=34 q2+8=1572864 q2+16=5000 q2+24=99 w2+32=1",
        f"DeviceGetAccountingStats : w2={MAX32} w2+4={MAX32} q2+8={MAX64} q2+16={MAX64}",
        "DeviceGetAccountingPids : w1=0",
        *(
            f"DeviceGetAccounting{what} : !{error}"
            for what in ("Stats", "Pids", "BufferSize")
            for error in (3, 4, 6, 999)
        ),
    ],
)
def test_accounted_processes_same_as_vendor(both: Programs, overridden: Environment, answers: str):
    env = overridden(ACCOUNTED + answers)
    both.same([everything(both, "accounted-apps", env), "--format=csv", "-i", "0"], env)


@pytest.fixture
def retired(repo: Path, tmp_path: Path) -> Path:
    described = yaml.safe_load((repo / "charts/gpu-mock/profiles/t4.yaml").read_text())
    described["device_defaults"]["retired_pages"] = {
        "single_bit_retirement": {"count": 2, "addresses": ["0x1234", "0xabcdef012"]},
        "double_bit_retirement": {"count": 1, "addresses": ["0x77"]},
    }
    file = tmp_path / "retired.yaml"
    file.write_text(yaml.safe_dump(described))
    return file


@pytest.mark.parametrize(
    "answer",
    ["", *(f"DeviceGetRetiredPages{cause} : !{error}" for cause in ("", " a1=1") for error in (3, 4, 999))],
)
def test_retired_pages_same_as_vendor(both: Programs, overridden: Environment, retired: Path, answer: str):
    env = overridden(answer, profile=retired)
    printed = both.same([everything(both, "retired-pages", env), "--format=csv", "-i", "0"], env)
    assert ("0x0000000abcdef012" in printed) == (not answer or "a1" in answer)


def test_retired_pages_without_memory_are_no_shorter_list(
    repo: Path, native_build: Path, ours: Path, run, retired: Path, tmp_path: Path
) -> None:
    source, preload = repo / "native/nvml/nvidia_smi/tests/fail_realloc.c", tmp_path / "fail_realloc.so"
    flags = ["-D_GNU_SOURCE", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    done = run("cc", *flags, "-o", preload, source, "-ldl")
    assert done.returncode == 0, done.stderr
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(retired), "LD_PRELOAD": str(preload)}
    # Each page of the three is a call.
    for number in (1, 2, 3):
        query = [ours, "--query-retired-pages=retired_pages.address", "--format=csv,noheader", "-i", "0"]
        lines = run(*query, env={**env, "FAIL_REALLOC": str(number)}).stdout.splitlines()
        assert "[Insufficient Memory]" in lines, (number, lines)


@pytest.mark.parametrize("answer", ["w1=3 w2=4 w3=1 w4=2", "!3", "!4", "!999"])
def test_remapped_rows_same_as_vendor(both: Programs, overridden: Environment, answer: str):
    env = overridden(f"DeviceGetRemappedRows : {answer}")
    both.same([everything(both, "remapped-rows", env), "--format=csv", "-i", "0"], env)


@pytest.mark.parametrize("option", ["-B", "--list-excluded-gpus"])
@pytest.mark.parametrize(
    "answer",
    [
        "",
        EXCLUDED,
        f"{EXCLUDED}GetExcludedDeviceInfoByIndex a0=1 : !999",
        "GetExcludedDeviceCount : !999",
        "GetExcludedDeviceCount : !3",
    ],
)
def test_excluded_gpus_same_as_vendor(both: Programs, overridden: Environment, option: str, answer: str):
    both.same([option], overridden(answer))


@pytest.mark.parametrize(
    "command",
    [
        *["--query-remapped-rows=gpu_uuid", "--query-remapped-rows=pid --format=csv", "--query-remapped-rows"],
        *["--query-retired-pages=gpu_uuid --query-accounted-apps=pid --format=csv"],
        *["--query-gpu=index --query-remapped-rows=gpu_uuid --format=csv", "-q --query-remapped-rows=gpu_uuid"],
        *["--query-remapped-rows=gpu_uuid --format=csv -x", "-L --query-retired-pages=gpu_uuid"],
        *["-B -L", "-L -B", "-L --list-gpus", "-B --list-excluded-gpus", "-B -B", "-B -x", "-B -i 0", "-B foo"],
        *["--version -B", "--help-query-gpu -L", "-L --help-query-retired-pages", "-L --id=0", "-L -pl=3"],
    ],
)
def test_wrong_command_line_same_as_vendor(both: Programs, overridden: Environment, command: str):
    both.same(command.split(), overridden())


PROCESSES = [
    *[(1, 97, 100, "C", ()), (1, 96, 101, "C", ()), (1, 98, 150, "G", ()), (1, 95, 102, "M", ())],
    *[(0, 199, 3000, "C", (2, 0)), (0, 197, 30, "C", (7, 0)), (0, 198, 10, "C", (2, 0)), (0, 196, 10, "G", (7, 0))],
]


@pytest.fixture(scope="module")
def divided(repo: Path, native_build: Path, run, tmp_path_factory) -> dict[str, str]:
    """Two boards of a driver root, the first divided, with processes on both that were not added by their ids."""
    root = tmp_path_factory.mktemp("root")
    env = {"LD_LIBRARY_PATH": str(root / "usr/lib64"), "TZ": "UTC"}
    mock_nvml, smi = [native_build / "mock-nvml", "--root", root], native_build / "nvidia-smi"
    building.make_native("install", f"DESTDIR={root}")
    commands = [
        [*mock_nvml, "apply", "--count", "2", repo / "charts/gpu-mock/profiles/a100.yaml"],
        [smi, "-mig", "1", "-i", "0"],
        [smi, "mig", "-cgi", "9,19", "-C", "-i", "0"],
    ]
    for gpu, pid, memory, kind, instance in PROCESSES:
        options = ["--pid", str(pid), "--memory", str(memory), "--type", kind, "--name", "train"]
        if instance:
            options += ["--gpu-instance", str(instance[0]), "--compute-instance", str(instance[1])]
        commands.append([*mock_nvml, "process", "add", "-i", str(gpu), *options])
    for command in commands:
        done = run(*command, env=env if command[0] == smi else None)
        assert done.returncode == 0, done.stdout + done.stderr
    return env


def test_order_of_compute_processes_same_as_vendor(both: Programs, divided: dict[str, str]):
    printed = both.same(["--query-compute-apps=pid,gpu_bus_id,used_memory", "--format=csv,noheader"], divided)
    assert [int(line.split(",")[0]) for line in printed.splitlines()] == [199, 197, 198, 97, 96]


@pytest.mark.parametrize(
    "command",
    [
        *["", "-L", "-q -d PIDS", "-q -d MEMORY", "dmon -c 1 -s m", "dmon -c 1 -s pucmet", "pmon -c 1 -s m"],
        *["--query-gpu=memory.used,memory.free --format=csv", "-am 1 -i 0", "-am 0 -i 0", "-am 1 -eow -i 0"],
    ],
)
def test_divided_gpu_same_as_vendor(both: Programs, divided: dict[str, str], command: str):
    both.same(command.split(), divided)


def test_accounting_of_divided_gpu_is_refused(both: Programs, divided: dict[str, str]):
    printed = both.run(both.ours, "-am", "1", "-i", "0", env=divided).stdout
    assert printed.startswith("Setting accounting mode to Enabled is not supported on a MIG-enabled device.\nUnable to")


@pytest.mark.parametrize("used", [0, 1, 1048575, 1048576, 1048577])
def test_used_memory_is_rounded_same_as_vendor(both: Programs, overridden: Environment, used: int):
    both.same(["dmon", "-c", "1", "-s", "m", "-i", "0"], overridden(f"DeviceGetMemoryInfo_v2 : > q1+32={used}"))
