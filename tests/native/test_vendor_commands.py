# SPDX-License-Identifier: GPL-3.0-or-later
"""The less common commands of NVIDIA's own nvidia-smi, 550.163.01 and newer: each tells the truth about the profile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.native import machine

# What -q -d takes.
SECTIONS = [
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
    "ROW_REMAPPER",
    "VOLTAGE",
    "FBC_STATS",
    "GSP_FIRMWARE_VERSION",
]


# What `topo -p2p` says of two boards without NVLink: they reach each other over PCI Express, and nothing more.
NO_LINKS = {"r": "OK", "w": "OK", "n": "NS", "a": "NS"}


@pytest.fixture(scope="module", params=["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
def profile(request: pytest.FixtureRequest, repo: Path) -> Path:
    return repo / "charts/gpu-mock/profiles" / f"{request.param}.yaml"


@pytest.fixture(scope="module")
def described(profile: Path) -> dict:
    return {"nvlink": {"links_per_gpu": 0}, **yaml.safe_load(profile.read_text())}


@pytest.fixture(scope="module", params=["vendor_smi", "newer_smi"])
def smi(request: pytest.FixtureRequest, native_build: Path, profile: Path, run):
    program = request.getfixturevalue(request.param)
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}

    def call(*argv: str, rc: int = 0) -> str:
        done = run(program, *argv, env=env, timeout=60)
        assert done.returncode == rc, f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return call


def matrix(text: str) -> dict[tuple[int, int], str]:
    """Cells of a GPU by GPU table."""
    rows = [line.strip().split("\t") for line in text.splitlines() if re.match(r" ?GPU\d+\t", line)]
    return {(i, j): row[j + 1].strip() for i, row in enumerate(rows) for j in range(len(rows))}


@pytest.mark.parametrize("capability", ["r", "w", "n", "a"])
def test_peers_reach_each_other_over_nvlink(smi, described, capability):
    cells = matrix(smi("topo", "-p2p", capability))
    assert len(cells) == described["system"]["num_devices"] ** 2
    reached = "OK" if described["nvlink"]["links_per_gpu"] else NO_LINKS[capability]
    assert cells == {(i, j): "X" if i == j else reached for i, j in cells}


def test_topology_shows_cpus_and_numa_nodes(smi, described):
    lines = [line.split("\t") for line in smi("topo", "-m").splitlines() if re.match(r"GPU\d+\t", line)]
    count = described["system"]["num_devices"]
    expected = {}
    for root in described["pcie_topology"]["root_complexes"]:
        for index in root["indexes"]:
            cpus, node = machine.place(root)
            expected[index] = [machine.text_of(cpus), str(node)]
    assert {i: line[count + 1 : count + 3] for i, line in enumerate(lines)} == expected


def test_topology_shows_how_near_gpus_without_nvlink_are(smi, described):
    """With NVLink the vendor's program counts links instead."""
    cells = matrix(smi("topo", "-m"))
    links = described["nvlink"]["links_per_gpu"]
    near = {"single": "PIX", "multiple": "PXB", "hostbridge": "PHB"}
    expected = dict.fromkeys(cells, f"NV{links}" if links else "SYS")
    for root in described["pcie_topology"]["root_complexes"] if not links else []:
        expected |= {(i, j): near[root["level"]] for i in root["indexes"] for j in root["indexes"]}
    assert cells == expected | {(i, j): "X" for i, j in cells if i == j}


def test_nvlinks_run_at_their_speed(smi, described):
    links = described["nvlink"]["links_per_gpu"]
    speed = described["nvlink"].get("bandwidth_per_link_mbps", 0) / 1000
    lines = re.findall(r"Link (\d+): ([\d.]+) GB/s", smi("nvlink", "-s", "-i", "0"))
    assert [(int(n), float(value)) for n, value in lines] == [(n, speed) for n in range(links)]


def test_nvlinks_have_no_errors(smi, described):
    counters = re.findall(r"Link \d+: (\w+) Errors: (\d+)", smi("nvlink", "-e", "-i", "0"))
    assert len(counters) == 3 * described["nvlink"]["links_per_gpu"]
    assert {value for _, value in counters} <= {"0"}


def test_nvlinks_carry_peers(smi, described):
    lines = re.findall(r"Link (\d+), P2P is supported: (\w+)", smi("nvlink", "-c", "-i", "0"))
    assert lines == [(str(n), "true") for n in range(described["nvlink"]["links_per_gpu"])]


def test_chip_to_chip_links(smi, described):
    nvlink = described["nvlink"]
    if not nvlink.get("c2c_enabled"):
        assert "No Devices support C2C." in smi("c2c", "-s", rc=3)
        return
    lines = re.findall(r"C2C Link (\d+): ([\d.]+) GB/s", smi("c2c", "-s", "-i", "0"))
    speed = nvlink["c2c_bandwidth_per_link_mbps"] / 1000
    assert [(int(n), float(value)) for n, value in lines] == [(n, speed) for n in range(nvlink["c2c_links"])]


def test_remapped_rows(smi, described):
    fields = (
        "gpu_uuid,remapped_rows.correctable,remapped_rows.uncorrectable,remapped_rows.pending,remapped_rows.failure"
    )
    lines = smi(f"--query-remapped-rows={fields}", "--format=csv,noheader").splitlines()
    assert len(lines) == described["system"]["num_devices"]
    rows = ("0",) * 4 if "remapped_rows" in described["device_defaults"] else ("[N/A]",) * 4
    assert {tuple(line.split(", ")[1:]) for line in lines} == {rows}


def test_supported_clocks_are_all_of_the_profile(smi, described):
    lines = smi("--query-supported-clocks=mem,gr", "--format=csv,noheader,nounits", "-i", "0").splitlines()
    clocks = [tuple(map(int, line.split(", "))) for line in lines]
    defaults = described["device_defaults"]
    assert {memory for memory, _ in clocks} == {m["freq_mhz"] for m in defaults["supported_clocks"]["memory_clocks"]}
    assert clocks[0][1] == defaults["clocks"]["graphics_max"]
    assert clocks == sorted(set(clocks), reverse=True)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_of_the_report(smi, described, section):
    report = smi("-q", "-d", section)
    assert len(re.findall(r"^GPU [0-9A-F:.]+$", report, re.MULTILINE)) == described["system"]["num_devices"]


def test_samples_of_utilization(smi):
    report = smi("-q", "-d", "UTILIZATION", "-i", "0")
    assert re.search(r"GPU Utilization Samples\n\s+Duration +: \d+\.\d+ sec\n\s+Number of Samples +: \d{2,}\n", report)


def test_confidential_computing_is_off(smi, described):
    if described["device_defaults"]["architecture"] == "turing":
        assert smi("conf-compute", "-f", rc=6).strip() == "No CC capable devices found."
        return
    assert smi("conf-compute", "-f").strip() == "CC status: OFF"


def test_lists_of_processes_are_empty(smi):
    assert smi("--query-compute-apps=pid,name,used_memory", "--format=csv,noheader") == ""
    assert smi("--query-accounted-apps=pid,gpu_name", "--format=csv,noheader") == ""


def test_wrong_gpu_is_refused(smi):
    assert "No devices were found" in smi("-i", "0000:ff:1f.0", "--query-gpu=uuid", "--format=csv", rc=6)


PROCESSES = [
    {"pid": 4001, "name": "train", "type": "C", "used_memory_mib": 1024, "sm_util": 55, "mem_util": 20},
    {"pid": 4002, "name": "Xorg", "type": "G", "used_memory_mib": 64},
    {"pid": 4003, "name": "served", "type": "M+C", "used_memory_mib": 256, "sm_util": 10},
]


@pytest.fixture
def busy(smi, described, tmp_path, vendor_smi, native_build, run):
    """The same boards with processes on each."""
    described = {**described, "device_defaults": {**described["device_defaults"], "processes": PROCESSES}}
    file = tmp_path / "busy.yaml"
    file.write_text(yaml.safe_dump(described))
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(file)}

    def call(*argv: str) -> str:
        done = run(vendor_smi, *argv, env=env, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def test_processes_are_in_the_table(busy):
    rows = re.findall(r"^\|    0   N/A  N/A +(\d+) +(\S+)   (\S+) +(\d+)MiB \|$", busy("-i", "0"), re.MULTILINE)
    assert rows == [(str(p["pid"]), p["type"], p["name"], str(p["used_memory_mib"])) for p in PROCESSES]


def test_process_monitor_shows_what_each_uses(busy):
    lines = [line.split() for line in busy("pmon", "-c", "1", "-i", "0").splitlines() if not line.startswith("#")]
    assert [(line[1], line[2], line[3], line[4], line[9]) for line in lines] == [
        (str(p["pid"]), p["type"], str(p.get("sm_util", 0)), str(p.get("mem_util", 0)), p["name"]) for p in PROCESSES
    ]


def test_compute_processes_as_csv(busy):
    lines = busy("--query-compute-apps=pid,name,used_memory", "--format=csv,noheader,nounits", "-i", "0").splitlines()
    compute = [p for p in PROCESSES if "C" in p["type"]]
    assert lines == [f"{p['pid']}, {p['name']}, {p['used_memory_mib']}" for p in compute]
