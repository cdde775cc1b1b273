# SPDX-License-Identifier: GPL-3.0-or-later
"""What NVML tells about the ways between GPUs, their CPUs and their links agrees with itself, over all pairs."""

from __future__ import annotations

import json
import re
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.native import machine

SURVEY = """
import json, pynvml as nv
nv.nvmlInit()
gpus = [nv.nvmlDeviceGetHandleByIndex(i) for i in range(nv.nvmlDeviceGetCount())]
LEVELS = (0, 10, 20, 30, 40, 50)
def answer(call, *arguments):
    try:
        return call(*arguments)
    except nv.NVMLError as error:
        return -error.value
def index(gpu):
    return nv.nvmlDeviceGetIndex(gpu)
def link(gpu, number):
    pci = answer(nv.nvmlDeviceGetNvLinkRemotePciInfo, gpu, number)
    field = nv.nvmlDeviceGetFieldValues(gpu, [(nv.NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID, number)])[0]
    return {
        "active": nv.nvmlDeviceGetNvLinkState(gpu, number),
        "type": nv.nvmlDeviceGetNvLinkRemoteDeviceType(gpu, number),
        "pci": pci if isinstance(pci, int) else [pci.busId, pci.domain, pci.bus, pci.device, pci.pciDeviceId],
        "link": -field.nvmlReturn or field.value.uiVal,
    }
def links(gpu):
    count = nv.nvmlDeviceGetFieldValues(gpu, [nv.NVML_FI_DEV_NVLINK_LINK_COUNT])[0].value.uiVal
    beyond = answer(nv.nvmlDeviceGetNvLinkState, gpu, count)
    assert beyond == -nv.NVML_ERROR_NOT_SUPPORTED, beyond
    return [link(gpu, number) for number in range(count)]
def bits(words):
    return [n for n in range(64 * len(words)) if words[n // 64] >> n % 64 & 1]
def describe(gpu):
    pci = nv.nvmlDeviceGetPciInfo(gpu)
    return {
        "pci": [pci.busId, pci.domain, pci.bus, pci.device, pci.pciDeviceId],
        "cpus": bits(nv.nvmlDeviceGetCpuAffinity(gpu, 16)),
        "socket": bits(nv.nvmlDeviceGetCpuAffinityWithinScope(gpu, 16, nv.NVML_AFFINITY_SCOPE_SOCKET)),
        "nodes": bits(nv.nvmlDeviceGetMemoryAffinity(gpu, 1, nv.NVML_AFFINITY_SCOPE_NODE)),
        "memory_node": answer(nv.nvmlDeviceGetNumaNodeId, gpu),
        "ancestor": [nv.nvmlDeviceGetTopologyCommonAncestor(gpu, other) for other in gpus],
        "nearest": {level: [index(g) for g in nv.nvmlDeviceGetTopologyNearestGpus(gpu, level)] for level in LEVELS},
        "p2p": [[nv.nvmlDeviceGetP2PStatus(gpu, other, kind) for other in gpus] for kind in range(5)],
        "board": [nv.nvmlDeviceOnSameBoard(gpu, other) for other in gpus],
        "links": links(gpu),
    }
def of_cpu(cpu):
    return [index(gpu) for gpu in nv.nvmlSystemGetTopologyGpuSet(cpu)]
devices = [describe(gpu) for gpu in gpus]
cpus = sorted({cpu for device in devices for cpu in device["cpus"]})
print(json.dumps({"devices": devices, "of_cpu": [[cpu, of_cpu(cpu)] for cpu in cpus], "of_none": of_cpu(1023)}))
"""

# Two GPUs with two links to each other, a third with one to the first; each at CPUs of its own.
DIRECT = """
version: "1.0"
device_defaults:
  name: Direct
  architecture: ampere
  memory: {total_bytes: 16 GiB}
  pci: {slots: ["10:00.0", "20:00.0", "30:00.0"]}
devices: [{index: 0}, {index: 1}, {index: 2}]
nvlink:
  version: 3
  links_per_gpu: 3
  device_links:
    - {index: 0, links: [{link: 0, remote_device_type: gpu, remote_index: 1},
                         {link: 1, remote_device_type: gpu, remote_index: 1},
                         {link: 2, remote_device_type: gpu, remote_index: 2}]}
    - {index: 1, links: [{link: 0, remote_device_type: gpu, remote_index: 0},
                         {link: 1, remote_device_type: gpu, remote_index: 0},
                         {link: 2, state: inactive}]}
    - {index: 2, links: [{link: 0, remote_device_type: gpu, remote_index: 0},
                         {link: 1, state: inactive}, {link: 2, state: inactive}]}
pcie_topology:
  root_complexes:
    - {numa_node: 0, indexes: [0, 1], level: multiple, cpu_affinity: "FIRST"}
    - {numa_node: 0, indexes: [2], cpu_affinity: "LAST"}
"""

MODELS = ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"]
NEAR = {10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
NOT_SUPPORTED = -3
SWITCH = 2


@pytest.fixture(scope="module", params=[*MODELS, "direct"])
def profile(request: pytest.FixtureRequest, repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param != "direct":
        return repo / "charts/gpu-mock/profiles" / f"{request.param}.yaml"
    file = tmp_path_factory.mktemp("direct") / "direct.yaml"
    cpus = sorted(set().union(*machine.nodes().values()))
    file.write_text(DIRECT.replace("FIRST", str(cpus[0])).replace("LAST", str(cpus[-1])))
    return file


@pytest.fixture(scope="module")
def environment(profile: Path, native_build: Path) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}


@pytest.fixture(scope="module")
def survey(environment: dict[str, str], run) -> dict:
    done = run(sys.executable, "-c", SURVEY, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def devices(survey: dict) -> list[dict]:
    return survey["devices"]


def pairs(devices: list[dict]) -> list[tuple[int, int]]:
    return list(product(range(len(devices)), repeat=2))


def test_ways_are_as_long_in_both_directions(devices):
    for i, j in pairs(devices):
        assert devices[i]["ancestor"][j] == devices[j]["ancestor"][i]
        assert (devices[i]["ancestor"][j] == 0) == (i == j)
        assert devices[i]["board"][j] == devices[j]["board"][i] == (i == j)
        for kind in range(5):
            assert devices[i]["p2p"][kind][j] == devices[j]["p2p"][kind][i]


def test_no_way_round_is_shorter_than_the_way(devices):
    """Levels are nested: two GPUs that are near a third are as near to each other."""
    for i, j in pairs(devices):
        for k in range(len(devices)):
            assert devices[i]["ancestor"][k] <= max(devices[i]["ancestor"][j], devices[j]["ancestor"][k])


def test_nearest_gpus_are_those_of_the_level(devices):
    for i, device in enumerate(devices):
        for level, nearest in device["nearest"].items():
            assert nearest == [j for j, way in enumerate(device["ancestor"]) if way == int(level) and j != i]


def test_gpus_below_one_bridge_share_cpus_and_node(devices):
    for i, j in pairs(devices):
        if devices[i]["ancestor"][j] <= 30:
            assert devices[i]["cpus"] == devices[j]["cpus"]
        if devices[i]["ancestor"][j] <= 40:
            assert devices[i]["nodes"] == devices[j]["nodes"]


def test_cpus_lead_back_to_their_gpus(survey, devices):
    assert survey["of_cpu"]
    for cpu, gpus in survey["of_cpu"]:
        assert gpus == [i for i, device in enumerate(devices) if cpu in device["cpus"]]
    assert survey["of_none"] == [i for i, device in enumerate(devices) if 1023 in device["cpus"]]


def test_cpus_and_nodes_are_the_machines(devices, profile):
    described = yaml.safe_load(profile.read_text())
    for root in described["pcie_topology"]["root_complexes"]:
        cpus, node = machine.place(root)
        for index in root["indexes"]:
            assert set(devices[index]["cpus"]) == set(devices[index]["socket"]) == cpus
            assert devices[index]["nodes"] == [node]


def test_links_lead_back(devices):
    """The far end of a link between GPUs names this GPU and this link; no two links share a port of a switch."""
    by_address = {device["pci"][0]: device for device in devices}
    ports = set()
    for device in devices:
        for number, link in enumerate(device["links"]):
            if not link["active"]:
                assert link["pci"] == link["link"] == NOT_SUPPORTED
            elif link["type"] == SWITCH:
                # A switch that is no PCI device of the node has no address; its links lead to one switch each.
                port = (link["pci"][0], number if not link["pci"][2] else None, link["link"])
                assert port not in ports
                ports.add(port)
            else:
                peer = by_address[link["pci"][0]]
                assert link["pci"] == peer["pci"]
                back = peer["links"][link["link"]]
                assert back["active"] and back["pci"] == device["pci"] and back["link"] == number


def links_between(devices: list[dict], i: int, j: int) -> int:
    switched = [sum(link["active"] and link["type"] == SWITCH for link in devices[k]["links"]) for k in (i, j)]
    return min(switched) + sum(link["pci"] == devices[j]["pci"] for link in devices[i]["links"])


def test_peers_have_nvlink_where_links_lead(devices):
    nvlink, read, write = 2, 0, 1
    for i, j in pairs(devices):
        if i == j:
            continue
        linked = links_between(devices, i, j) > 0
        assert (devices[i]["p2p"][nvlink][j] == 0) == linked
        if linked:
            assert devices[i]["p2p"][read][j] == devices[i]["p2p"][write][j] == 0


def test_vendor_nvidia_smi_draws_the_same(devices, environment, vendor_smi, run):
    done = run(vendor_smi, "topo", "-m", env=environment)
    assert done.returncode == 0, done.stderr
    rows = [[c.strip() for c in line.split("\t")] for line in done.stdout.splitlines() if re.match(r"GPU\d+\t", line)]
    assert len(rows) == len(devices)
    for i, (device, row) in enumerate(zip(devices, rows, strict=True)):
        for j, cell in enumerate(row[1 : len(devices) + 1]):
            links = links_between(devices, i, j) if i != j else 0
            assert cell == ("X" if i == j else f"NV{links}" if links else NEAR[device["ancestor"][j]])
        cpus, node, memory = [cell for cell in row[len(devices) + 1 :] if cell][:3]
        assert cpus == machine.text_of(set(device["cpus"]))
        assert node == machine.text_of(set(device["nodes"]))
        assert memory == ("N/A" if device["memory_node"] == NOT_SUPPORTED else str(device["memory_node"]))
