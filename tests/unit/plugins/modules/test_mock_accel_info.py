# SPDX-License-Identifier: GPL-3.0-or-later
"""mock_accel_info on a made-up host: its answer, its filters, and hosts without the kernel module."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from accel_host import AccelHost

from ansible_collections.mirage.accel.plugins.modules import mock_accel_info

PF = "1000:00:00.0"


@pytest.fixture
def host(tmp_path: Path) -> AccelHost:
    host = AccelHost(tmp_path)
    host.load(uuid_seed="test")
    host.add_pf(0, PF, vfs=2)
    host.add_function("2000:07:00.0", vendor="0x10de", device="0x20b2")
    return host


@pytest.fixture
def info(run_module, tmp_path: Path):
    def call(**options):
        return run_module(mock_accel_info, sysfs=str(tmp_path / "sys"), dev=str(tmp_path / "dev"), **options)

    return call


def test_the_answer_has_what_is_documented(host: AccelHost, info) -> None:
    answer = info()
    documented = yaml.safe_load(mock_accel_info.RETURN)
    assert set(documented) <= set(answer)
    assert (answer["loaded"], answer["version"], answer["parameters"]["uuid_seed"]) == (True, None, "test")
    assert not answer["changed"]
    assert len(answer["functions"]) == 4
    for function in answer["functions"]:
        assert sorted(function) == sorted(documented["functions"]["contains"])


def test_values(host: AccelHost, info) -> None:
    (function,) = info(functions=["mock0_vf1"])["functions"]
    node = function.pop("node")
    assert node["path"].endswith("/dev/mock0_vf1")
    assert (node["major"], node["minor"], node["mode"], node["owner"]) == (240, 2, "0600", "root")
    assert len(function.pop("uuid")) == 36
    assert function == {
        "address": "1000:00:00.2",
        "name": "mock0_vf1",
        "kind": "virtual",
        "path": "devices/pci1000:00/1000:00:00.2",
        "pcie_root": "pci1000:00",
        "numa_node": 0,
        "vendor": "0x1de5",
        "device": "0x0002",
        "class": "0x120000",
        "subsystem_vendor": "0x1de5",
        "subsystem_device": "0x0001",
        "revision": "0x01",
        "driver": "mock-accel",
        "parent": {"address": PF, "name": "mock0"},
        "total_vfs": None,
        "num_vfs": None,
        "vfs": [],
        "link_speed": "16.0 GT/s PCIe",
        "link_width": 16,
        "max_link_speed": "16.0 GT/s PCIe",
        "max_link_width": 16,
        "memory_size": 2 << 30,
        "capabilities": ["vf", "passphrase"],
        "status": "free",
        "errors": None,
        "responding": True,
    }


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        ({}, [PF, "1000:00:00.1", "1000:00:00.2", "2000:07:00.0"]),
        ({"kind": "physical"}, [PF, "2000:07:00.0"]),
        ({"kind": "virtual"}, ["1000:00:00.1", "1000:00:00.2"]),
        ({"functions": ["mock0"]}, [PF]),
        ({"functions": ["2000:07:00.0", "mock0_vf0"]}, ["1000:00:00.1", "2000:07:00.0"]),
        ({"functions": ["mock0_vf0"], "kind": "physical"}, []),
        ({"functions": ["mock7", ""]}, []),
        ({"functions": []}, []),
    ],
    ids=["all", "physical", "virtual", "name", "both ways", "name and kind", "not there", "none"],
)
def test_filters(host: AccelHost, info, options: dict, addresses: list[str]) -> None:
    assert [function["address"] for function in info(**options)["functions"]] == addresses


def test_a_parent_has_its_name_although_it_is_not_listed(host: AccelHost, info) -> None:
    assert {one["parent"]["name"] for one in info(kind="virtual")["functions"]} == {"mock0"}


@pytest.mark.parametrize("folder", ["sys", "sys/bus", "sys/module", "sys/devices"])
def test_hosts_without_it(host: AccelHost, info, tmp_path: Path, folder: str) -> None:
    """Nothing of it is an error: no sysfs at all, no PCI, no module."""
    (tmp_path / folder).rename(tmp_path / "away")
    answer = info()
    assert not answer["failed"]
    assert answer["loaded"] == (folder in ("sys/bus", "sys/devices"))
    assert all(one["name"] is None for one in answer["functions"])


def test_a_function_that_hangs(host: AccelHost, info) -> None:
    host.hang(PF)
    (function,) = info(functions=["mock0"])["functions"]
    assert (function["responding"], function["status"], function["link_width"]) == (False, None, None)


def test_check_mode_is_the_same(host: AccelHost, info) -> None:
    assert info(_ansible_check_mode=True) == info()


def test_another_kind_is_refused(host: AccelHost, info) -> None:
    assert "kind must be one of: physical, virtual" in info(kind="gpu")["msg"]
