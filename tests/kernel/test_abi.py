# SPDX-License-Identifier: GPL-3.0-or-later
"""ABI.md and the running module say the same: all that is listed is there, and all that is there is listed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guest_module import Function, GuestModule

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MODES = {"r": "444", "rw": "644", "w": "200", "": "755"}
# By their ids, as the PCI Express specification numbers them.
EXTENDED_CAPABILITIES = {0x01: "AER", 0x10: "SR-IOV", 0x23: "DVSEC"}


@pytest.fixture(scope="module")
def tables(repo: Path) -> dict[str, list[list[str]]]:
    """The rows of each table by the name of its first column, without the backticks around what is a name."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in (repo / "native/mock_accel/ABI.md").read_text().splitlines():
        if not line.startswith("|"):
            rows = []
            continue
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        if not set(line) - set("|-"):
            continue
        if not rows:
            rows = found.setdefault(cells[0], [])
            rows.append(cells)
        else:
            rows.append([cell.strip("`") if cell.count("`") == 2 else cell for cell in cells])
    return {name: table[1:] for name, table in found.items()}


@pytest.fixture(scope="module")
def shown(accel: GuestModule) -> dict[str, Any]:
    accel.load()
    accel.set_vfs("mock0", 1)
    return accel.observe()


def number(text: str) -> int | str:
    match = re.fullmatch(r"(\d+|0x[0-9a-f]+)([KMGT]?)", text)
    return int(match[1], 0) * UNITS[match[2]] if match else text


def test_parameters(tables: dict[str, list[list[str]]], shown: dict[str, Any]) -> None:
    listed = {row[0]: number(row[1]) for row in tables["parameter"]}
    there = {name: number(value) for name, value in shown["parameters"].items()}
    # Without a seed, the random one is shown.
    assert len(there.pop("uuid_seed")) == 32 and listed.pop("uuid_seed") == ""
    assert there == listed


def test_every_parameter_is_described_by_the_module(tables, module: Path, accel: GuestModule) -> None:
    lines = accel.guest.must("modinfo --parameters /root/mock_accel.ko").splitlines()
    assert {line.split(":")[0] for line in lines} == {row[0] for row in tables["parameter"]}


def test_files_of_a_device(tables: dict[str, list[list[str]]], shown: dict[str, Any]) -> None:
    listed = {row[0]: row[2] for row in tables["file"]}
    assert set(shown["devices"]) == {"mock0", "mock0_vf0"}
    assert set(shown["devices"]["mock0"]["entries"]) == set(listed)
    assert set(shown["devices"]["mock0_vf0"]["entries"]) == {name for name, which in listed.items() if which == "all"}


def test_access_of_files(tables: dict[str, list[list[str]]], accel: GuestModule, shown: dict[str, Any]) -> None:
    output = accel.guest.must("cd /sys/class/mock-accel/mock0 && stat --dereference --format '%n %a' *")
    there = dict(line.split() for line in output.splitlines())
    assert there == {name: MODES[access] for name, access, *_ in tables["file"]}


def test_names_that_read_gives(tables: dict[str, list[list[str]]], shown: dict[str, Any]) -> None:
    for device in shown["devices"].values():
        assert [line.split(": ")[0] for line in device["text"].splitlines()] == [row[0] for row in tables["name"]]


def test_ioctls_and_registers_are_those_of_the_header(tables: dict[str, list[list[str]]], repo: Path) -> None:
    header = (repo / "native/mock_accel/mock_accel_uapi.h").read_text()
    assert {row[0] for row in tables["ioctl"]} == set(re.findall(r"#define (MOCK_ACCEL_IOC_\w+)", header))
    registers = dict(re.findall(r"#define MOCK_ACCEL_REG_(\w+) (0x\w+)", header))
    registers.pop("END")
    assert {row[0]: row[1] for row in tables["register"]} == registers


def test_ioctl_numbers_are_answered(tables: dict[str, list[list[str]]], accel: GuestModule, shown) -> None:
    program = """
import fcntl, sys
for request in range(int(sys.argv[1], 0) & 0xff00, (int(sys.argv[1], 0) & 0xff00) + 256):
    for size, direction in ((4, 2), (257, 3), (0, 0)):
        try:
            fcntl.ioctl(open("/dev/mock0"), direction << 30 | size << 16 | request, bytearray(257))
        except OSError as error:
            if error.errno == 25:
                continue
        print(hex(direction << 30 | size << 16 | request))
"""
    numbers = [row[1] for row in tables["ioctl"]]
    assert accel.guest.python(program, numbers[0]).split() == numbers


def test_pci_functions(tables: dict[str, list[list[str]]], shown: dict[str, Any]) -> None:
    listed = {row[0]: row[1:] for row in tables["what"]}
    for column, address in enumerate(("1000:00:00.0", "1000:00:00.1")):
        function = shown["functions"][address]
        ids = [function[name].removeprefix("0x") for name in ("vendor", "device")]
        assert ":".join(ids) == listed["vendor:device"][column]
        assert function["class"].removeprefix("0x") == listed["class"][column].split()[0]
        assert function["driver"] == listed["driver"][column]
        capabilities = extended_capabilities(bytes.fromhex(function["config"]))
        assert ", ".join(capabilities) == listed["extended capabilities"][column]


def extended_capabilities(config: bytes) -> list[str]:
    found, at = [], 0x100
    while at:
        found.append(EXTENDED_CAPABILITIES[int.from_bytes(config[at : at + 2], "little")])
        at = int.from_bytes(config[at + 2 : at + 4], "little") >> 4
    return found


@pytest.fixture
def folder(accel: GuestModule, shown: dict[str, Any]) -> Iterator[Function]:
    function = Function(accel, "example").make()
    yield function
    function.remove()


def test_attributes_in_configfs(tables: dict[str, list[list[str]]], accel: GuestModule, folder: Function) -> None:
    output = accel.guest.must(f"cd {folder.folder} && stat --format '%n %a' *")
    there = dict(line.split() for line in output.splitlines())
    assert there == {name: MODES[access] for name, access, *_ in tables["attribute"]}


def test_defaults_in_configfs(tables: dict[str, list[list[str]]], folder: Function) -> None:
    listed = {name: default for name, access, default, _ in tables["attribute"] if access != "w" and name != "uuid"}
    assert {name: folder.get(name) for name in listed} == listed


FAULTS = {"hang", "link", "errors", "inject_error", "surprise_remove"}


def test_attributes_that_can_be_set_are_refused_a_wrong_value(tables, accel: GuestModule, folder: Function) -> None:
    writable = [name for name, access, *_ in tables["attribute"] if "w" in access]
    settings = [name for name in writable if name not in FAULTS and name != "enable"]
    for name in settings:
        assert folder.refuses(name, "x") == "Invalid argument", name
    reasons = accel.new_warnings()
    assert [reason.split()[2] for reason in reasons] == settings
    assert all(" must be " in reason for reason in reasons)
    folder.set("enable", 1)
    for name in {*writable} - {*settings}:
        assert folder.refuses(name, "x") == "Invalid argument", name
    for name in settings:
        assert folder.refuses(name, folder.get(name)) == "Device or resource busy", name
    reasons = accel.new_warnings()
    assert reasons == [f"mock_accel: example: {name} can be set while enable is 0 only" for name in settings]
    folder.set("enable", 0)


def test_variables_of_uevents(tables: dict[str, list[list[str]]], accel: GuestModule, folder: Function) -> None:
    folder.set("enable", 1)
    settings = [("link", "down"), ("link", "up"), ("errors", "0x00"), ("errors", "0xff"), ("errors", "0")]
    settings += [("inject_error", severity) for severity in ("correctable", "nonfatal", "fatal")]
    there: dict[str, list[str]] = {}
    for name, value in settings:
        for event in json.loads(accel.script("events.py", f"{folder.folder}/{name}={value}")):
            for variable, text in event.items():
                if variable.startswith("MOCK_ACCEL_"):
                    there.setdefault(variable, []).append(text)
    assert {name: sorted(values) for name, values in there.items()} == {
        name: sorted(re.findall(r"\w+", values.partition(", as")[0].replace(" to ", " ")))
        for name, values in tables["variable"]
    }
