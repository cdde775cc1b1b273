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
from nvidia_smi import Programs, without_time

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# The vendor's answer comes from an internal function that the public interface has no twin of.
NOT_COMPARED = {"timestamp", "pcie.link.gen.hostmax"}

BOARD = """\
    Init 0
    DeviceGetCount_v2 2
    SystemGetDriverVersion 550.163.01
    SystemGetNVMLVersion 12.550.163.01
    SystemGetCudaDriverVersion_v2 12040
    DeviceGetName NVIDIA A100-SXM4-40GB
    DeviceGetUUID@0 GPU-11111111-2222-3333-4444-555555555555
    DeviceGetUUID GPU-aaaaaaaa-2222-3333-4444-555555555555
    DeviceGetSerial@0 1650000000001
    DeviceGetSerial 1650000000002
    PciBusId@0 00000000:07:00.0
    PciBusId@1 00000000:BD:00.0
    PciBusId 00000008:01:00.0
    PciIds 0x20B010DE 0x144E10DE
    PciClass 3 2
    DeviceGetPersistenceMode 1
    DeviceGetDisplayActive 0
    DeviceGetTemperature 34
    DeviceGetPerformanceState 0
    DeviceGetPowerUsage 54321
    DeviceGetEnforcedPowerLimit 400000
    DeviceGetMemoryInfo 42949672960 600000000 42000000000 349672960
    DeviceGetUtilizationRates 12 3
    DeviceGetTotalEccErrors 0
    DeviceGetEccMode 1 1
    DeviceGetComputeMode 0
    DeviceGetMigMode 0 0
    ComputeProcesses\x20
    MpsProcesses\x20
    GraphicsProcesses\x20
"""

# What the base board leaves out, so that every field of --query-gpu has a value.
ALL_VALUES = """\
    DeviceGetCurrPcieLinkGeneration 4
    DeviceGetMaxPcieLinkGeneration 4
    DeviceGetGpuMaxPcieLinkGeneration 5
    HostPcieLinkGeneration 4
    DeviceGetCurrPcieLinkWidth 16
    DeviceGetMaxPcieLinkWidth 16
    DeviceGetDisplayMode 1
    DeviceGetAddressingMode 1
    DeviceGetAccountingMode 1
    DeviceGetAccountingBufferSize 4000
    DeviceGetVbiosVersion 92.00.45.00.03
    DeviceGetInforomImageVersion G506.0200.00.04
    DeviceGetInforomVersion(0) 2.0
    DeviceGetInforomVersion(1) 6.16
    DeviceGetInforomVersion(2) 1.0
    Field(226) 1 0
    Field(227) 1 1
    DeviceGetGpuOperationMode 0 1
    DeviceGetDriverModel 0 1
    DeviceGetFanSpeed 30
    DeviceGetSupportedClocksThrottleReasons 0x1ff
    DeviceGetCurrentClocksThrottleReasons 0x1
    DeviceGetCudaComputeCapability 8 0
    DeviceGetEncoderUtilization 5 1000
    DeviceGetDecoderUtilization 6 1000
    DeviceGetJpgUtilization 7 1000
    DeviceGetOfaUtilization 8 1000
    DeviceGetEncoderStats 1 2 3
    DeviceGetMemoryErrorCounter 42
    DeviceGetRetiredPages(0) 3
    DeviceGetRetiredPages(1) 4
    DeviceGetRetiredPagesPendingStatus 1
    DeviceGetMarginTemperature 50
    Field(82) 1 39
    DeviceGetPowerManagementMode 1
    Field(185) 1 61234
    Field(186) 1 71239
    DeviceGetPowerManagementLimit 400000
    DeviceGetPowerManagementDefaultLimit 400000
    DeviceGetPowerManagementLimitConstraints 100000 400555
    DeviceGetClockInfo(0) 210
    DeviceGetClockInfo(1) 1410
    DeviceGetClockInfo(2) 1215
    DeviceGetClockInfo(3) 585
    DeviceGetApplicationsClock 1095
    DeviceGetDefaultApplicationsClock 1095
    DeviceGetMaxClockInfo 1410
    DeviceGetGspFirmwareMode 1 1
    DeviceGetC2cModeInfoV 1
    DeviceGetConfComputeProtectedMemoryUsage 1048576600 600000000 848576000
    DeviceGetGpuFabricInfoV 3 0 7 0 170
    DeviceGetVgpuCapabilities 1
    GetVgpuDriverCapabilities 1
"""

OTHER_VALUES = """\
    DeviceGetName A, B "C"
    DeviceGetDisplayMode 0
    DeviceGetAddressingMode 2
    DeviceGetAccountingMode 0
    Field(226) 1 1
    Field(227) 1 0
    DeviceGetGpuOperationMode 2 7
    DeviceGetDriverModel 2 9
    DeviceGetFanSpeed 0
    DeviceGetCurrentClocksThrottleReasons 0xfe
    DeviceGetCudaComputeCapability 10 0
    DeviceGetRetiredPagesPendingStatus 0
    DeviceGetMarginTemperature -3
    Field(82) 1 0
    DeviceGetPowerManagementMode 0
    Field(186) 1 999
    DeviceGetPowerManagementLimit 400004
    DeviceGetPowerManagementDefaultLimit 400005
    DeviceGetPowerManagementLimitConstraints 100006 400009
    DeviceGetGspFirmwareMode 0 1
    DeviceGetC2cModeInfoV 0
    DeviceGetConfComputeProtectedMemoryUsage 0 0 0
    DeviceGetGpuFabricInfoV 2 999 7 0 170
    DeviceGetVgpuCapabilities 0
    GetVgpuDriverCapabilities 0
    DeviceGetComputeMode 3
    DeviceGetMigMode 1 0
    DeviceGetEccMode 0 1
    DeviceGetPersistenceMode 0
    DeviceGetDisplayActive 1
    DeviceGetPerformanceState 8
    DeviceGetPowerUsage 4
    DeviceGetMemoryInfo 198674743296 700000000 1048575 1048577
    DeviceGetUtilizationRates 100 0
    DeviceGetTemperature -5
"""

STRANGE_VALUES = """\
    DeviceGetAddressingMode 0
    DeviceGetGpuOperationMode 1 2
    DeviceGetDriverModel 1 1
    DeviceGetGpuFabricInfoV 0 0 7 0 170
    DeviceGetComputeMode 2
    DeviceGetPerformanceState 32
    DeviceGetSupportedClocksThrottleReasons 0x1
    DeviceGetCurrentClocksThrottleReasons 0x1ff
    DeviceGetAccountingMode 9
    DeviceGetPersistenceMode 9
    DeviceGetEccMode 9 9
    DeviceGetMigMode 9 9
    DeviceGetPowerManagementMode 7
    DeviceGetDisplayMode 7
    DeviceGetRetiredPagesPendingStatus 7
    DeviceGetGspFirmwareMode 2 7
"""

ODD_ROWS = """\
    DeviceGetCount_v2 8
    PciBusId@2 00010001:19:00.0
    SystemGetDriverVersion 580.95.05
    SystemGetCudaDriverVersion_v2 13000
    DeviceGetName@0 NVIDIA RTX PRO 6000 Blackwell Server Edition
    DeviceGetName@1 ABCDEFGHIJKLMNOPQRSTUVWXYZA
    DeviceGetName@2 ABCDEFGHIJKLMNOPQRSTUVWXYZAB
    DeviceGetName@6 Tesla T4
    DeviceGetPersistenceMode@0 0
    DeviceGetPersistenceMode@1 !15
    DeviceGetPersistenceMode@2 !3
    DeviceGetDisplayActive@1 1
    DeviceGetDisplayActive@2 !999
    DeviceGetDisplayActive@3 !3
    DeviceGetFanSpeed@0 30
    DeviceGetFanSpeed@1 100
    DeviceGetFanSpeed@2 !999
    DeviceGetFanSpeed@4 0
    DeviceGetTemperature@0 !3
    DeviceGetTemperature@1 105
    DeviceGetTemperature@2 !999
    DeviceGetTemperature@3 4
    DeviceGetTemperature@4 -6
    DeviceGetPerformanceState@0 8
    DeviceGetPerformanceState@1 12
    DeviceGetPerformanceState@2 !3
    DeviceGetPerformanceState@3 !999
    DeviceGetPerformanceState@4 32
    DeviceGetPowerUsage@0 !3
    DeviceGetPowerUsage@1 1234567
    DeviceGetPowerUsage@2 !999
    DeviceGetPowerUsage@3 9500
    DeviceGetPowerUsage@4 0
    DeviceGetPowerUsage@5 54999
    DeviceGetEnforcedPowerLimit@0 !3
    DeviceGetEnforcedPowerLimit@1 10000000
    DeviceGetEnforcedPowerLimit@2 !999
    DeviceGetEnforcedPowerLimit@3 70900
    DeviceGetEnforcedPowerLimit@4 0
    DeviceGetMemoryInfo@0 !3
    DeviceGetMemoryInfo@1 !999
    DeviceGetMemoryInfo@2 0 0 0 0
    DeviceGetMemoryInfo@3 10000000000000 5 5 9000000000000
    DeviceGetMemoryInfo@4 198674743296 0 0 1048575
    DeviceGetMemoryInfo@5 !4
    DeviceGetUtilizationRates@0 !3
    DeviceGetUtilizationRates@1 100 100
    DeviceGetUtilizationRates@2 !999
    DeviceGetTotalEccErrors@1 12345678901234567890
    DeviceGetTotalEccErrors@2 !999
    DeviceGetTotalEccErrors@6 5
    DeviceGetEccMode@0 !3
    DeviceGetEccMode@3 0 1
    DeviceGetEccMode@4 0 0
    DeviceGetEccMode@5 !999
    DeviceGetEccMode@6 1 0
    DeviceGetComputeMode@0 !3
    DeviceGetComputeMode@1 1
    DeviceGetComputeMode@2 2
    DeviceGetComputeMode@3 3
    DeviceGetComputeMode@4 !999
    DeviceGetComputeMode@5 9
    DeviceGetMigMode@0 !3
    DeviceGetMigMode@1 1 1
    DeviceGetMigMode@2 0 1
    DeviceGetMigMode@3 1 0
    DeviceGetMigMode@4 !999
    DeviceValidateInforom@4 !14
"""

PROCESSES = """\
    DeviceGetCount_v2 5
    ComputeProcesses@0 1234 1048576000 -1 -1 /usr/bin/python3;77 18446744073709551615 -1 -1 python
    GraphicsProcesses@0 1234 1048576000 -1 -1 /usr/bin/python3
    ComputeProcesses@1 4194304 1048575 -1 -1 /usr/local/lib/python3.12/site-packages/bin/python3 -m train;9 9 -1 -1 x
    GraphicsProcesses@1 1500 5242880 -1 -1 /usr/lib/xorg/Xorg
    ComputeProcesses@2 55 1572865 -1 -1 client
    MpsProcesses@2 55 1572865 -1 -1 client;56 1 -1 -1 nvidia-cuda-mps-server
    ComputeProcesses@3 !999
    GraphicsProcesses@3 12 1 -1 -1 not shown
    ComputeProcesses@4 123456789 100048576000000 -1 -1 x
"""

MIG = """\
    DeviceGetMigMode 1 1
    DeviceGetMaxMigDeviceCount 7
    MigDevices@0 5
    DeviceGetName@0.0 NVIDIA A100-SXM4-40GB MIG 3g.20gb
    DeviceGetName@0.1 NVIDIA A100-SXM4-40GB MIG 1g.5gb
    DeviceGetName@0.2 NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb
    DeviceGetName@0.3 NVIDIA A100-SXM4-40GB MIG 1g.5gb+me
    DeviceGetName@0.4 NVIDIA A100-SXM4-40GB MIG 1g.5gb
    DeviceGetUUID@0.0 MIG-01111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.1 MIG-11111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.2 MIG-21111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.3 MIG-31111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.4 MIG-41111111-2222-3333-4444-555555555555
    DeviceGetGpuInstanceId@0.0 1
    DeviceGetGpuInstanceId@0.1 13
    DeviceGetGpuInstanceId@0.2 1
    DeviceGetGpuInstanceId@0.3 7
    DeviceGetGpuInstanceId@0.4 8
    DeviceGetComputeInstanceId 0
    DeviceGetComputeInstanceId@0.2 1
    DeviceGetAttributes_v2 14 1 0 0 1 1 1 1 4864
    DeviceGetAttributes_v2@0.0 42 3 2 1 0 0 3 3 19968
    DeviceGetMemoryInfo@0.0 20937965569 0 0 39845887
    DeviceGetMemoryInfo@0.1 20938965569 0 0 39845889
    DeviceGetMemoryInfo@0.3 5100273664 0 0 13631488
    DeviceGetMemoryInfo@0.4 2093906556900 0 0 391000000000
    DeviceGetBAR1MemoryInfo 34359738367 0 1048575
    DeviceGetBAR1MemoryInfo@0.1 34359738369 0 1048577
    DeviceGetMemoryErrorCounter(1,0,7)@0.0 123456
    DeviceGetMemoryErrorCounter(1,0,7)@0.1 12
    DeviceGetMemoryErrorCounter(1,0,7)@0.3 0
    DeviceGetUtilizationRates !3
    ComputeProcesses@0.0 1234 1048576000 1 0 /usr/bin/python3
    ComputeProcesses@0.1 77 18446744073709551615 13 0 python
"""


def failing(values: str, error: int) -> str:
    """The same answers, each of them this error; what the program cannot do without stays."""
    needed = ("Init", "DeviceGetCount", "PciBusId", "PciIds", "PciClass", "SystemGet", "DeviceGetUUID")
    # Of the clocks' reasons the vendor then prints what happens to lie in memory.
    left_out = (*needed, "DeviceGetSupportedClocks", "DeviceGetCurrentClocks", "Compute", "Mps", "Graphics")
    names = [line.split()[0] for line in values.splitlines() if line.strip() and not line.strip().startswith(left_out)]
    return "\n".join(f"{name} !{error}" for name in names)


PROFILES = ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"]
BOARDS = {
    "plain": "",
    "all_values": ALL_VALUES,
    "other_values": ALL_VALUES + OTHER_VALUES,
    "strange_values": ALL_VALUES + STRANGE_VALUES,
    "odd_rows": ODD_ROWS,
    "processes": PROCESSES,
    "mig": ALL_VALUES + MIG,
    "unknown_error": ALL_VALUES + failing(BOARD + ALL_VALUES, 999),
    "no_permission": ALL_VALUES + failing(BOARD + ALL_VALUES, 4),
    "gpu_is_lost": ALL_VALUES + failing(BOARD + ALL_VALUES, 15),
}

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
