# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the owner, signs of a real driver, and which folders go with their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _driver_root as driver_root
from ansible_collections.mirage.accel.plugins.module_utils._driver_root import DriverRootError, Owner
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file

RECORD = Owner("mirage.accel/mock_nvml", "a100", 8, "550.163.01", "0" * 64, ("/r/usr/lib64/libnvidia-ml.so.1",))


def test_record_survives_writing_and_reading(tmp_path: Path) -> None:
    path = driver_root.owner_file(tmp_path)
    write_file(path, RECORD.as_json().encode(), 0o644)
    assert driver_root.read_owner(tmp_path) == RECORD
    assert json.loads(path.read_text())["version"] == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["owner.json"]


def test_no_record_is_no_owner(tmp_path: Path) -> None:
    assert driver_root.read_owner(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "it is damaged", id="not-json"),
        pytest.param("[]", "it is damaged", id="not-an-object"),
        pytest.param('{"version": 1, "owner": "x"}', r"it is damaged \(KeyError", id="key-missing"),
        pytest.param('{"version": 2}', "its format is 2, this collection knows 1", id="newer-format"),
    ],
)
def test_a_record_that_cannot_be_trusted_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(DriverRootError, match=rf"Error while reading /r/owner\.json: {reason}"):
        driver_root.parse_owner(text, "/r/owner.json")


@pytest.mark.parametrize(
    ("devices", "version", "expected"),
    [
        pytest.param("Character devices:\n  1 mem\n", False, "", id="none"),
        pytest.param("Character devices:\n195 nvidia\n", False, "devices (195 nvidia)", id="registered"),
        pytest.param("Character devices:\n195 nvidia-frontend\n", False, "devices (195 nvidia-frontend)", id="old"),
        pytest.param("", True, "driver/nvidia/version", id="version"),
        pytest.param(None, False, "", id="no-proc"),
    ],
)
def test_signs_of_a_real_driver(tmp_path: Path, devices: str | None, version: bool, expected: str) -> None:
    if devices is not None:
        (tmp_path / "devices").write_text(devices)
    if version:
        (tmp_path / "driver/nvidia").mkdir(parents=True)
        (tmp_path / "driver/nvidia/version").write_text("NVRM version: ...\n")
    found = driver_root.real_driver(tmp_path)
    assert found == (f"{tmp_path}/{expected}" if expected else "")


def pci_device(devices: Path, address: str, vendor: str, driver: str = "") -> None:
    (devices / address).mkdir(parents=True)
    (devices / address / "vendor").write_text(f"{vendor}\n")
    if driver:
        (devices / address / "driver").symlink_to(f"../../drivers/{driver}")


def test_a_domain_is_taken_by_all_but_our_mock_gpus(tmp_path: Path) -> None:
    pci_device(tmp_path, "0000:00:01.0", "0x8086", "e1000")
    pci_device(tmp_path, "1000:00:00.0", "0x1de5", "mock-accel")
    pci_device(tmp_path, "2000:07:00.0", "0x10de", "mock-accel")
    pci_device(tmp_path, "3000:07:00.0", "0x10de")
    assert driver_root.taken_domains(tmp_path) == {0, 0x1000, 0x3000}
    # One that nobody has bound is ours all the same; an accelerator of ours is no GPU.
    assert driver_root.taken_domains(tmp_path, ["3000:07:00.0", "1000:00:00.0"]) == {0, 0x1000}
    assert driver_root.taken_domains(tmp_path / "nowhere") == set()


@pytest.mark.parametrize(
    ("domains", "taken", "free"),
    [
        pytest.param({0x2000}, {0x2000}, 0x2001, id="next"),
        pytest.param({0x2000, 0x2001}, {0x2001, 0x2003}, 0x2004, id="room-for-all"),
        pytest.param({0xFFFF}, {0xFFFF}, 0x1000, id="round-the-end"),
        pytest.param({0}, {0}, 0x1000, id="never-the-machines-own"),
        pytest.param({0x2000}, set(range(0x1000, 0x10000)), 0, id="none"),
    ],
)
def test_free_domain(domains: set[int], taken: set[int], free: int) -> None:
    assert driver_root.free_domain(domains, taken) == free


@pytest.mark.parametrize(
    ("config", "domain"),
    [
        ('site:\n  node_name: "n"\n  num_devices: 8\n  driver_version: "1"\n  pci_domain: 0x2f11\n', 0x2F11),
        ('  site:\n    node_name: "n"\n    pci_domain: 0x1000\n', 0x1000),
        ('site:\n  node_name: "n"\n', 0),
        ("", 0),
        ("device_defaults:\n  pci_domain: 0x2000\n", 0),
    ],
)
def test_the_domain_chosen_before_is_read_again(config: str, domain: int) -> None:
    assert driver_root.chosen_domain(config) == domain


@pytest.mark.parametrize(
    ("chosen", "taken", "fixed", "domain"),
    [
        pytest.param(0, {0}, [], 0, id="derived-and-free"),
        pytest.param(0, {0x5000}, [], 0x5001, id="derived-and-taken"),
        pytest.param(0x6000, {0x5000}, [], 0x6000, id="chosen-before"),
        pytest.param(0x6000, {0x6000}, [], 0x6001, id="taken-since"),
        pytest.param(0, {0}, [0], 0, id="the-description-says-so"),
    ],
)
def test_choice_of_the_domain(chosen: int, taken: set[int], fixed: list[int], domain: int) -> None:
    wanted = driver_root.Description("text", 2, "1.0", "n")

    def ask(asked: driver_root.Description) -> dict:
        domains = [*fixed, asked.pci_domain or 0x5000]
        return {"devices": [{"pci_bus_id": f"{one:08X}:07:00.0"} for one in domains]}

    assert driver_root.choose_domain(wanted, chosen, taken, ask).pci_domain == domain


def test_only_folders_that_hold_nothing_else_go(tmp_path: Path) -> None:
    top = tmp_path / "top"
    for name in ("a/b/one", "a/two", "c/three"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("")
    gone = [str(top / "a/b/one"), str(top / "c/three")]
    assert driver_root.empty_folders(gone, gone, top) == [top / "a/b", top / "c"]
    everything = [*gone, str(top / "a/two")]
    assert driver_root.empty_folders(everything, everything, top)[-1] == top
    # A folder that is emptied already goes too, but nothing above the top.
    (top / "c/three").unlink()
    assert driver_root.empty_folders(everything, gone, top / "c") == [top / "c"]


def test_files_and_links_are_described(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("nowhere")
    names = [str(tmp_path / name) for name in ("file", "link", "missing")]
    assert driver_root.describe(names) == {
        names[0]: "0640 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        names[1]: "link nowhere",
    }
