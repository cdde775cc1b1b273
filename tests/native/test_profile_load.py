# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles that load: what the real boards say is said, and what NVML cannot show is named."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

BOARDS = ["a100", "gb200"]
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("board", BOARDS)
def test_profile_of_a_real_board(repo: Path, native_build: Path, run, board: str) -> None:
    """The capture is the truth for what mock-nvml can say; the API's tests compare all of it."""
    real = ElementTree.parse(FIXTURES / "nvidia-smi-q-x" / f"{board}.xml").getroot().findall("gpu")
    profile = repo / "charts/gpu-mock/profiles" / f"{board}.yaml"
    done = run(native_build / "mock-nvml", "check", "--json", "--node-name", "n", profile)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["ignored"] == []
    assert said["name"] == real[0].findtext("product_name")
    assert said["device_count"] == {"a100": 8, "gb200": 4}[board]
    assert f"{said['memory_total_bytes'] >> 20} MiB" == real[0].findtext("fb_memory_usage/total")
    for gpu, device in zip(real, said["devices"], strict=False):
        assert str(device["module_id"]) == gpu.findtext("platformInfo/module_id")
        if board == "gb200":
            assert device["pci_bus_id"][9:] == gpu.findtext("pci/pci_bus_id")[9:]


def test_profile_of_the_other_mock_loads_unchanged(native_build: Path, run) -> None:
    done = run(native_build / "mock-nvml", "check", "--json", FIXTURES / "nvml-mock-shape.yaml")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [device["uuid"] for device in said["devices"]] == [
        f"GPU-12345678-1234-1234-1234-12345678000{i}" for i in range(2)
    ]
    assert [device["pci_bus_id"] for device in said["devices"]] == ["00000000:1B:00.0", "00000000:43:00.0"]
    assert [device["serial"] for device in said["devices"]] == ["1320000000001", "1320000000002"]
    assert [device["numa_node"] for device in said["devices"]] == [0, 1]
    # Nothing is dropped in silence: what NVML cannot show is named.
    ignored = {line.split(": ")[1] for line in said["ignored"]}
    assert {"device_defaults.features", "device_defaults.failure", "infiniband"} <= ignored
    assert all(line.endswith(": has no effect on what NVML answers") for line in said["ignored"])
