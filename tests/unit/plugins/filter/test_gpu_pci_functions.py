# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs of the mock NVML as PCI functions; fixtures/mock_nvml_check.json is what `mock-nvml check --json` has said."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from mock_accel_functions.__main__ import main

from ansible_collections.mirage.accel.plugins.filter.gpu_pci_functions import FilterModule, gpu_pci_functions


@pytest.fixture
def gpus(fixtures: Path) -> list[dict[str, t.Any]]:
    return json.loads((fixtures / "mock_nvml_check.json").read_text())["devices"]


def test_functions_have_the_ids_and_places_that_nvml_shows(gpus: list[dict]) -> None:
    found = FilterModule().filters()["gpu_pci_functions"](gpus, {"0000": False}, [0, 3])
    domain, bus, _rest = gpus[0]["pci_bus_id"].lower().split(":")
    assert found["functions"][0] == {
        "name": "gpu0",
        "registers": False,
        "total_vfs": 0,
        "vendor": "0x10de",
        "device": "0x20b0",
        "subsystem_vendor": "0x10de",
        "subsystem_device": "0x134f",
        "class": "0x030200",
        "revision": "0xa1",
        "root_bus": f"{domain[4:]}:{bus}",
        "slot": 0,
        "numa_node": 3,
        "link_speed": 4,
        "link_width": 16,
    }
    assert [function["name"] for function in found["functions"]] == ["gpu0", "gpu1"]
    assert found["domains"] == [domain[4:]]
    assert found["without_place"] == []


def test_the_command_on_the_host_takes_them(gpus: list[dict], tmp_path: Path) -> None:
    description = tmp_path / "functions.json"
    functions = gpu_pci_functions(gpus, {}, [3])["functions"]
    description.write_text(json.dumps({"version": 1, "functions": functions}))
    assert main(["--description", str(description), "judge"]) == 0


@pytest.mark.parametrize(
    ("address", "domains", "fits"),
    [
        pytest.param("00002F11:07:00.0", {}, True, id="free"),
        pytest.param("00002F11:07:00.0", {"2f11": True}, True, id="all-in-it-is-ours"),
        pytest.param("00002F11:07:00.0", {"2f11": False}, False, id="the-machines"),
        pytest.param("00002F11:07:00.1", {}, False, id="not-function-0"),
        pytest.param("00012F11:07:00.0", {}, False, id="domain-of-five-digits"),
    ],
)
def test_place(gpus: list[dict], address: str, domains: dict[str, bool], fits: bool) -> None:
    found = gpu_pci_functions([gpus[0], {**gpus[1], "pci_bus_id": address}], domains)
    assert [function["name"] for function in found["functions"]] == ["gpu0", *(["gpu1"] if fits else [])]
    assert found["without_place"] == ([] if fits else [1])


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("numa_node", 1, "numa_node"),
        ("numa_node", None, "numa_node"),
        ("pcie_link_gen", 7, "link_speed"),
        ("pcie_link_gen", None, "link_speed"),
        ("pcie_link_width", 12, "link_width"),
        ("pci_subsystem_id", None, "subsystem_device"),
    ],
)
def test_what_cannot_be_or_is_not_said_is_left_out(gpus: list[dict], key: str, value: t.Any, name: str) -> None:
    assert name not in gpu_pci_functions([{**gpus[0], key: value}], {}, [0, 3])["functions"][0]


def test_a_slot_is_hexadecimal_and_a_class_has_a_default(gpus: list[dict]) -> None:
    gpu = {**gpus[0], "pci_bus_id": "00002F11:0A:1F.0", "pci_class": None}
    function = gpu_pci_functions([gpu])["functions"][0]
    assert (function["slot"], function["root_bus"], function["class"]) == (31, "2f11:0a", "0x030200")


def test_a_host_without_gpus_has_none() -> None:
    assert gpu_pci_functions([]) == {"domains": [], "functions": [], "without_place": []}
