# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of our nvidia-smi (-q, -q -x, -q -d) beside the vendor's, byte for byte, on boards of every kind."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from nvidia_smi import Programs, without_time

Environment = Callable[..., dict[str, str]]

PROFILES = ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"]

DISPLAYS = [
    "MEMORY",
    "UTILIZATION",
    "ECC",
    "TEMPERATURE",
    "POWER",
    "CLOCK",
    "COMPUTE",
    "PIDS",
    "PERFORMANCE",
    "SUPPORTED_CLOCKS",
    "PAGE_RETIREMENT",
    "ACCOUNTING",
    "ENCODER_STATS",
    "SUPPORTED_GPU_TARGET_TEMP",
    "VOLTAGE",
    "FBC_STATS",
    "ROW_REMAPPER",
    "RESET_STATUS",
    "GSP_FIRMWARE_VERSION",
    "memory,ecc",
    "VOLTAGE,FBC_STATS,COMPUTE,POWER,ACCOUNTING,PIDS",
    ",",
    "ECC,",
    "",
]

# What a page list, a fabric, a MIG device and so on look like to the program: see override_nvml.c.
RETIRED = """\
DeviceGetRetiredPages_v2 a1=0 : w2=2 q3=0x1234 q3+8=0x99999 q4=1700000000
DeviceGetRetiredPages_v2 a1=1 : w2=0
DeviceGetRetiredPages a1=0 : w2=2 q3=0x1234 q3+8=0x99999
DeviceGetRetiredPages a1=1 : w2=0
DeviceGetRetiredPagesPendingStatus : w1=1
"""

ACCOUNTED = """\
DeviceGetAccountingPids : w1=2 w2=77 w2+4=99
DeviceGetAccountingPids d1=0 : !7 w1=2
DeviceGetAccountingStats : w2=12 w2+4=3 q2+8=1048576000 q2+16=5000 q2+24=1700000000000000 w2+32=1
DeviceGetAccountingStats a1=99 : !6
DeviceGetAccountingMode : w1=1
"""

MIG = """\
DeviceGetMigMode : w1=1 w2=1
DeviceGetMaxMigDeviceCount : w1=7
DeviceGetMigDeviceHandleByIndex : !6
DeviceGetMigDeviceHandleByIndex a1=0 : q2=0x10000
DeviceGetMigDeviceHandleByIndex a1=1 : q2=0x20000
DeviceGet* a0=0x10000 : !3
DeviceGet* a0=0x20000 : !3
DeviceGetUUID a0=0x10000 : s1=MIG-01111111-2222-3333-4444-555555555555
DeviceGetUUID a0=0x20000 : s1=MIG-11111111-2222-3333-4444-555555555555
DeviceGetName a0=0x10000 : s1=NVIDIA_A100-SXM4-40GB_MIG_3g.20gb
DeviceGetName a0=0x20000 : s1=NVIDIA_A100-SXM4-40GB_MIG_1g.5gb
DeviceGetGpuInstanceId a0=0x10000 : w1=1
DeviceGetGpuInstanceId a0=0x20000 : w1=13
DeviceGetComputeInstanceId a0=0x10000 : w1=0
DeviceGetComputeInstanceId a0=0x20000 : w1=1
DeviceGetIndex a0=0x10000 : w1=0
DeviceGetIndex a0=0x20000 : w1=1
DeviceIsMigDeviceHandle a0=0x10000 : w1=1
DeviceIsMigDeviceHandle a0=0x20000 : w1=1
DeviceGetAttributes_v2 a0=0x10000 : w1=42 w1+4=3 w1+8=2 w1+12=1 w1+16=5 w1+20=6 w1+24=3 w1+28=3 q1+32=19968
DeviceGetAttributes_v2 a0=0x20000 : w1=14 w1+4=1 w1+8=0 w1+12=0 w1+16=0 w1+20=0 w1+24=1 w1+28=1 q1+32=4864
DeviceGetMemoryInfo_v2 a0=0x10000 : q1+8=20937965569 q1+16=1000 q1+24=20000000000 q1+32=39845887
DeviceGetMemoryInfo_v2 a0=0x20000 : q1+8=2093796556 q1+16=1000 q1+24=2000000000 q1+32=39845887
DeviceGetBAR1MemoryInfo a0=0x10000 : q1=34359738367 q1+8=34358689792 q1+16=1048575
DeviceGetBAR1MemoryInfo a0=0x20000 : q1=34359738367 q1+8=34358689792 q1+16=1048575
DeviceGetMemoryErrorCounter a0=0x10000 a1=1 a2=0 a3=7 : q4=123
DeviceGetMemoryErrorCounter a0=0x20000 a1=1 a2=0 a3=7 : q4=0
slot213 a0=0x10000 : w1=1 w2=4001 q2+8=1048576000 w2+16=1 w2+20=0 s2+32=/usr/bin/python
slot21[345] a0=0x20000 : w1=0
slot21[45] a0=0x10000 : w1=0
DeviceGet*RunningProcesses_v3 a0=0x10000 : w1=0
DeviceGet*RunningProcesses_v3 a0=0x20000 : w1=0
DeviceGetComputeRunningProcesses_v3 a0=0x10000 d1=0 : !7 w1=1
DeviceGetComputeRunningProcesses_v3 a0=0x10000 d1=10 : w1=1 w2=4001 q2+8=1048576000 w2+16=1 w2+20=0
SystemGetProcessName a0=4001 : s1=/usr/bin/python
"""

FABRIC = "DeviceGetGpuFabricInfoV : s1+4=abcdefghijklmnop w1+20={status} w1+24=7 w1+28={state} w1+32={mask}"

BOARDS = {
    "older_than_turing": "DeviceGetArchitecture : w1=5",
    "older_than_turing_without_ecc": "DeviceGetArchitecture : w1=5\nDeviceGetEccMode : w1=0 w2=1",
    "turing": "DeviceGetArchitecture : w1=6",
    "no_architecture": "DeviceGetArchitecture : !999",
    "ecc_off": "DeviceGetEccMode : w1=0 w2=1",
    "ecc_strange": "DeviceGetEccMode : w1=7 w2=9",
    "no_ecc": "DeviceGetEccMode : !3",
    "no_sram_status": "DeviceGetSramEccErrorStatus : !999",
    "bridge_chips": "DeviceGetBridgeChipInfo : w1=2 w1+4=1 w1+8=17 w1+12=0 w1+16=3",
    "bridge_chip_unknown": "DeviceGetBridgeChipInfo : w1=1 w1+4=7 w1+8=0",
    "bridge_chip_none": "DeviceGetBridgeChipInfo : w1=0",
    "black_box": "DeviceGetLastBBXFlushTime : q1=1700000000123456 q2=77",
    "virtual": "DeviceGetVirtualizationMode : w1=2\nDeviceGetHostVgpuMode : w1=1\n"
    "DeviceGetVgpuHeterogeneousMode : w1+4=1",
    "hardly_any_power": "field a1=185 : w3+24=1 w3+32=7\nfield a1=186 : w3+24=1 w3+32=12\n"
    "field a1=190 : w3+24=1 w3+32=12",
    "powers_of_a_module": "field a2=1 : w3+24=1 w3+32=400555",
    "odd_memory": "DeviceGetMemoryInfo_v2 : q1+8=20937965569 q1+16=1000 q1+24=20000000000 q1+32=39845887\n"
    "DeviceGetBAR1MemoryInfo : q1=34359738369 q1+8=3435868979 q1+16=1048575\n"
    "DeviceGetConfComputeProtectedMemoryUsage : q1=1048576600 q1+8=600000000 q1+16=848576000",
    "fan": "DeviceGetFanSpeed : w1=30\nDeviceGetFanSpeed_v2 : w2=30",
    "strange_states": "DeviceGetPerformanceState : w1=32\nDeviceGetPowerState : w1=32\n"
    "DeviceGetPersistenceMode : w1=9\nDeviceGetMigMode : w1=9 w2=1\n"
    "DeviceGetDisplayMode : w1=0\nDeviceGetDisplayActive : w1=1\n"
    "DeviceGetComputeMode : w1=3\nDeviceGetBrand : w1=99\nDeviceGetAccountingMode : w1=8",
    "windows": "DeviceGetDriverModel* : w1=0 w2=1\nDeviceGetGpuOperationMode : w1=0 w2=2",
    "no_histogram": "DeviceGetRowRemapperHistogram : !999",
    "no_remapper": "DeviceGetRemappedRows : !999",
    "remapped": "DeviceGetRemappedRows : w1=1 w2=2 w3=7 w4=1",
    "no_clocks": "DeviceGetSupportedMemoryClocks : !999",
    "no_graphics_clocks": "DeviceGetSupportedGraphicsClocks : !999",
    "cold": "DeviceGetTemperature : w2=-3\nDeviceGetTemperatureThreshold : w2=77",
    "no_reasons": "DeviceGetSupportedClocksThrottleReasons : !999",
    "no_reasons_now": "DeviceGetCurrentClocksThrottleReasons : !999",
    "few_reasons": "DeviceGetSupportedClocksThrottleReasons : q1=0x48\nDeviceGetCurrentClocksThrottleReasons : q1=0x8",
    "retired_pages": RETIRED,
    "accounted_processes": ACCOUNTED,
    "no_accounted_processes": "DeviceGetAccountingPids : !999",
    "mig": MIG,
    "no_processes": "slot213 : !999\nDeviceGetComputeRunningProcesses_v3 : !999",
    "auto_boost": "DeviceGetAutoBoostedClocksEnabled : w1=1 w2=0",
    "damaged": "DeviceGetSerial : !14",
    "no_address": "DeviceGetPciInfo* : !999",
    "t_limit": "slot240 : w1=-2\nDeviceGetMarginTemperature : w1+4=-2\nfield a1=193 : w3+24=0 w3+32=-7",
    **{f"fabric_{n}": FABRIC.format(status=5 * (n != 3), state=n, mask=n) for n in range(5)},
    "fabric_degraded": FABRIC.format(status=0, state=3, mask=1),
}


def everything_fails(error: int) -> str:
    """The addresses alone can be had."""
    return (
        f"DeviceGet* : !{error}\nfield : !{error}\nslot226 : !{error}\nslot24[0-9] : !{error}\nslot249 : !3\n"
        f"slot21[345] : !{error}\nDeviceGetCount_v2 : >\nDeviceGetHandle* : >\nDeviceGetPciInfo* : >"
    )


BOARDS |= {f"everything_fails_{error}": everything_fails(error) for error in (3, 4, 15, 999)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("argv", [["-q"], ["-q", "-x"]], ids=["text", "xml"])
def test_same_as_vendor_on_profile(both: Programs, overridden: Environment, profile: str, argv: list[str]):
    assert both.same(argv, overridden(profile=profile)).count("MHz") > 100 * ("-x" in argv)


@pytest.mark.parametrize("display", DISPLAYS)
def test_displays_same_as_vendor(both: Programs, overridden: Environment, display: str):
    for profile in ("a100", "gb200"):
        both.same(["-q", "-d", display], overridden(profile=profile))


@pytest.mark.parametrize("board", BOARDS)
def test_same_as_vendor_on_board(both: Programs, overridden: Environment, board: str):
    env = overridden(BOARDS[board])
    both.same(["-q", "-i", "0"], env)
    both.same(["-q", "-x", "-i", "0"], env)


@pytest.mark.parametrize(
    "samples",
    [
        "w3=1 w4=2 q5=1000000 w5+8=50 q5+16=3500000 w5+24=101",
        "w3=1 w4=3 q5=1000000 w5+8=50 q5+16=3500000 w5+24=101 q5+32=3600000 w5+40=3",
        "w3=1 w4=0",
        "!6",
        "!999",
    ],
)
def test_samples_same_as_vendor(both: Programs, overridden: Environment, samples: str):
    env = overridden(f"DeviceGetSamples : {samples}")
    report = both.same(["-q", "-d", "POWER,UTILIZATION,CLOCK", "-i", "0"], env)
    assert report.count("Number of Samples") == 9


@pytest.mark.parametrize("display", ["ACCOUNTING", "SUPPORTED_CLOCKS", "PAGE_RETIREMENT"])
@pytest.mark.parametrize("board", ["accounted_processes", "no_accounted_processes", "no_clocks", "retired_pages"])
def test_lists_same_as_vendor(both: Programs, overridden: Environment, display: str, board: str):
    both.same(["-q", "-d", display, "-i", "0"], overridden(BOARDS[board]))


PROCESSES = [
    {"pid": 4001, "name": '/usr/bin/<train> & "co" it\'s', "type": "C", "used_memory_mib": 1024, "sm_util": 55},
    {"pid": 4002, "name": "Xorg", "type": "G", "used_memory_mib": 64},
    {"pid": 4003, "name": "served", "type": "M+C", "used_memory_mib": "N/A"},
    {"pid": 4004, "name": "both", "type": "C+G", "used_memory_mib": 5},
]


@pytest.fixture
def busy(repo: Path, tmp_path: Path) -> Path:
    """A profile whose boards have processes."""
    described = yaml.safe_load((repo / "charts/gpu-mock/profiles/a100.yaml").read_text())
    described["device_defaults"]["processes"] = PROCESSES
    file = tmp_path / "busy.yaml"
    file.write_text(yaml.safe_dump(described))
    return file


def test_processes_same_as_vendor(both: Programs, overridden: Environment, busy: Path):
    env = overridden(profile=busy)
    both.same(["-q", "-d", "PIDS"], env)
    report = ElementTree.fromstring(both.same(["-q", "-x"], env))
    assert [e.text for e in report.iterfind("gpu[1]/processes/process_info/process_name")] == [
        process["name"] for process in PROCESSES
    ]


def test_compute_processes_same_as_vendor(both: Programs, overridden: Environment, busy: Path):
    fields = "pid,process_name,used_gpu_memory,gpu_name,gpu_uuid,gpu_bus_id,gpu_serial"
    env = overridden(profile=busy)
    assert both.same([f"--query-compute-apps={fields}", "--format=csv"], env).count("\n") == 1 + 8 * 3
    both.same(["--query-compute-apps=pid,name,used_memory", "--format=csv,noheader,nounits", "-i", "1"], env)
    env = overridden(BOARDS["no_processes"], profile=busy)
    both.same([f"--query-compute-apps={fields}", "--format=csv", "-i", "0"], env)


@pytest.mark.parametrize("board", ["", "no_clocks", "no_graphics_clocks"])
def test_clocks_same_as_vendor(both: Programs, overridden: Environment, board: str):
    env = overridden(BOARDS.get(board, ""))
    fields = "mem,graphics,gpu_name,gpu_uuid,gpu_bus_id,gpu_serial"
    both.same([f"--query-supported-clocks={fields}", "--format=csv"], env)
    both.same(["--query-supported-clocks=memory,gr", "--format=csv,nounits,noheader", "-i", "1"], env)


COMMANDS = {
    "unknown_display": ["-q", "-d", "FOO"],
    "one_unknown_display": ["-q", "-d", "ECC,FOO"],
    "display_twice": ["-q", "-d", "ECC", "-d", "POWER", "-i", "0"],
    "display_without_value": ["-q", "-d"],
    "display_without_query": ["-d", "MEMORY"],
    "xml_without_query": ["-x"],
    "xml_and_display": ["-q", "-x", "-d", "ECC"],
    "everything_twice": ["-q", "-x", "-q", "--xml-format", "-i", "0"],
    "long": ["--query", "--display=ECC", "--id=1"],
    "no_such_gpu": ["-q", "-i", "99"],
    "no_such_gpu_xml": ["-q", "-x", "-i", "99"],
    "list_too": ["-q", "-x", "-L", "-i", "0"],
    "list_before": ["-L", "-d", "ECC", "-i", "0"],
    "help_too": ["-q", "-h"],
    "unknown_word": ["-q", "bogus"],
    "format": ["-q", "--format=csv"],
    "fields_too": ["--query-gpu=index", "-q", "--format=csv"],
    "two_queries": ["--query-gpu=index", "--query-compute-apps=pid", "--format=csv"],
    "query_twice": ["--query-gpu=index", "--query-gpu=name", "--format=csv"],
    "unknown_process_field": ["--query-compute-apps=foo", "--format=csv"],
    "no_format": ["--query-supported-clocks=mem"],
}


@pytest.mark.parametrize("argv", COMMANDS.values(), ids=COMMANDS)
def test_command_line_same_as_vendor(both: Programs, overridden: Environment, argv: list[str]):
    both.same(argv, overridden())


def test_report_into_a_file(both: Programs, overridden: Environment, tmp_path: Path):
    env = overridden()
    shown = both.run(both.ours, "-q", "-x", "-i", "0", env=env).stdout
    done = both.run(both.ours, "-q", "-x", "-i", "0", "-f", tmp_path / "report.xml", env=env)
    assert (done.returncode, done.stdout) == (0, "")
    assert without_time((tmp_path / "report.xml").read_text()) == without_time(shown)
    done = both.run(both.ours, "-q", "-f", tmp_path / "none" / "report", env=env)
    assert done.returncode == 255
    assert "No such file or directory" in done.stdout


def test_what_has_no_public_function_is_not_available(both: Programs, overridden: Environment):
    """The documented differences, and no others."""
    labels = {"GPU Part Number", "FRU Part Number", "Host Max", "Sparse Operation Mode", "Graphics", "Memory"}
    env = overridden(
        "slot209 : w1=850000\nslot230 : w1=4\nslot231 : s1=2330-885-A1\nslot237 : s1=900-21001\n"
        "slot232 : w1=1215000\nslot249 : w1=1"
    )
    ours = both.run(both.ours, "-q", "-i", "0", env=env).stdout.splitlines()
    theirs = both.run(both.theirs, "-q", "-i", "0", env=env).stdout.splitlines()
    differing = [i for i, line in enumerate(theirs) if line != ours[i] and "Timestamp" not in line]
    assert len(ours) == len(theirs)
    assert {ours[i].split(" : ")[1] for i in differing} == {"N/A"}
    found = {ours[i].split(" : ")[0].strip() for i in differing}
    assert found == labels


@pytest.mark.parametrize("board", BOARDS)
def test_no_memory_error_on_any_board(both: Programs, overridden: Environment, sanitized: Path, board: str):
    env = {**overridden(BOARDS[board]), "ASAN_OPTIONS": "detect_leaks=0"}
    samples = ["-q", "-d", "POWER,CLOCK,ACCOUNTING,SUPPORTED_CLOCKS", "-i", "0"]
    for argv in (["-q", "-i", "0"], ["-q", "-x", "-i", "0"], samples, ["topo", "-m"], ["dmon", "-c", "1"]):
        done = both.run(sanitized, *argv, env=env)
        assert done.stderr == ""
        assert without_time(done.stdout) == without_time(both.run(both.ours, *argv, env=env).stdout)
