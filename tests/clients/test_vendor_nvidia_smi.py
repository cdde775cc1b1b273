# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's own nvidia-smi, 550.163.01 and newer: each command ends with 0 and shows every GPU of the profile."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest


@pytest.fixture(scope="session", params=["vendor_smi", "newer_smi"])
def smi(request, client):
    program = request.getfixturevalue(request.param)
    return lambda *argv: client(program, *argv)


def test_table_has_a_row_for_every_gpu(smi, node):
    rows = re.findall(r"^\| +(\d+)  (.{27}) .*?\| +([0-9A-F]{8}:[0-9A-F:.]+) ", smi(), re.MULTILINE)
    assert [(int(index), name.rstrip(), bus) for index, name, bus in rows] == [
        (gpu["index"], gpu["name"], gpu["pci_bus_id"]) for gpu in node["devices"]
    ]


def test_table_names_the_versions(smi, node):
    header = smi().splitlines()[2]
    assert f"Driver Version: {node['driver_version']} " in header
    assert f"CUDA Version: {node['cuda_version']} " in header


def test_list_is_exact(smi, node):
    assert smi("-L").splitlines() == [
        f"GPU {gpu['index']}: {gpu['name']} (UUID: {gpu['uuid']})" for gpu in node["devices"]
    ]


def test_query_of_chosen_fields_is_exact(smi, node):
    fields = "index,uuid,serial,pci.bus_id,memory.total,power.limit,enforced.power.limit,driver_version,count"
    lines = smi(f"--query-gpu={fields}", "--format=csv,noheader,nounits").splitlines()
    assert [line.split(", ") for line in lines] == [
        [
            str(gpu["index"]),
            gpu["uuid"],
            gpu["serial"],
            gpu["pci_bus_id"],
            str(gpu["memory_total_bytes"] >> 20),
            f"{gpu['power_limit_mw'] / 1000:.2f}",
            f"{gpu['power_limit_mw'] / 1000:.2f}",
            node["driver_version"],
            str(node["device_count"]),
        ]
        for gpu in node["devices"]
    ]


def test_every_field_of_its_own_help_can_be_asked(smi, node):
    fields = [
        name
        for line in smi("--help-query-gpu").splitlines()
        if re.fullmatch(r'"[^"]+"(?: or "[^"]+")*', line)
        for name in re.findall(r'"([^"]+)"', line)
    ]
    assert len(fields) > 150
    header, *lines = smi(f"--query-gpu={','.join(fields)}", "--format=csv").splitlines()
    assert len(lines) == node["device_count"]
    assert {len(line.split(", ")) for line in [header, *lines]} == {len(fields)}
    assert "Error" not in "".join(lines)


def test_gpu_is_found_by_bus_id_and_by_uuid(smi, node):
    gpu = node["devices"][1]
    for key in (gpu["pci_bus_id"], gpu["pci_bus_id"].lower(), gpu["uuid"], gpu["serial"], "1"):
        # The GPUs of one module have one serial number, so that may find more than one.
        found = smi("-i", key, "--query-gpu=uuid", "--format=csv,noheader").splitlines()
        assert gpu["uuid"] in found
        assert key == gpu["serial"] or found == [gpu["uuid"]]


def test_report_as_text(smi, node):
    report = smi("-q")
    assert f"Attached GPUs                             : {node['device_count']}" in report
    assert re.findall(r"^    GPU UUID +: (.*)$", report, re.MULTILINE) == [gpu["uuid"] for gpu in node["devices"]]


def graphics_clocks(env: dict[str, str]) -> int:
    script = """
import pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
memory = nv.nvmlDeviceGetSupportedMemoryClocks(gpu)
print(max(len(nv.nvmlDeviceGetSupportedGraphicsClocks(gpu, clock)) for clock in memory))
"""
    return int(
        subprocess.run([sys.executable, "-c", script], env=env, text=True, capture_output=True, check=True).stdout
    )


def test_report_as_xml(smi, node, client_env):
    log = ElementTree.fromstring(smi("-q", "-x"))
    assert log.findtext("attached_gpus") == str(node["device_count"])
    assert log.findtext("driver_version") == node["driver_version"]
    assert [
        (gpu.get("id"), gpu.findtext("product_name"), gpu.findtext("uuid"), gpu.findtext("serial"))
        for gpu in log.findall("gpu")
    ] == [(gpu["pci_bus_id"], gpu["name"], gpu["uuid"], gpu["serial"]) for gpu in node["devices"]]
    # What the tool prints where a call fails has no place in a report.
    assert not [element.tag for element in log.iter() if (element.text or "").strip() == "Unknown Error"]
    # It has room for 256 clocks; the library gives it the highest ones of a longer list.
    clocks = log.findall("gpu[1]/supported_clocks/supported_mem_clock[1]/supported_graphics_clock")
    assert len(clocks) == min(graphics_clocks(client_env), 256)


def test_topology_joins_all_by_nvlink(smi, node):
    """Boards without NVLink meet at switches, bridges or sockets."""
    lines = re.sub(r"\x1b\[\d*m", "", smi("topo", "-m")).splitlines()
    rows = [line.split("\t") for line in lines if re.match(r"GPU\d+\t", line)]
    names = [f"GPU{gpu['index']}" for gpu in node["devices"]]
    assert [row[0].strip() for row in rows] == names
    links = node["devices"][0]["nvlinks"]
    for i, row in enumerate(rows):
        cells = [cell.strip() for cell in row[1 : len(names) + 1]]
        if links:
            assert cells == ["X" if i == j else f"NV{links}" for j in range(len(names))]
        else:
            assert cells[i] == "X"
            assert set(cells[:i] + cells[i + 1 :]) <= {"PIX", "PXB", "PHB", "NODE", "SYS"}


def test_device_monitor(smi, node):
    lines = [line.split() for line in smi("dmon", "-c", "1").splitlines() if not line.startswith("#")]
    assert [int(line[0]) for line in lines] == [gpu["index"] for gpu in node["devices"]]
    # Power, temperature and both clocks are known of every board.
    assert all(line[column].isdigit() for line in lines for column in (1, 2, -2, -1))


def test_process_monitor(smi, node):
    lines = [line.split() for line in smi("pmon", "-c", "1").splitlines() if not line.startswith("#")]
    assert {int(line[0]) for line in lines} == {gpu["index"] for gpu in node["devices"]}
