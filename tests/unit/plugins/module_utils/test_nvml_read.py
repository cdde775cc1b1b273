# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from a library: in a process of its own, as always, since even a test library may crash."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils import _nvml_child as nvml_child
from ansible_collections.mirage.accel.plugins.module_utils._errors import LibraryError
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import CallError
from ansible_collections.mirage.accel.plugins.module_utils._nvml_read import READERS, Fields

BuildLibrary = Callable[..., Path]


@pytest.fixture(scope="module")
def answer(fake_nvml: BuildLibrary) -> dict[str, t.Any]:
    return nvml_child.read(str(fake_nvml()), 20, {})


def test_versions(answer: dict[str, t.Any]) -> None:
    assert {key: value for key, value in answer.items() if key != "gpus"} == {
        "driver_version": "550.163.01",
        "nvml_version": "12.550.163.01",
        "cuda_version": "12.4",
    }


def test_a_gpu_that_answers_everything(answer: dict[str, t.Any]) -> None:
    nothing = {"gpu_instance_id": None, "compute_instance_id": None}
    assert answer["gpus"][0] == {
        "index": 0,
        # Not "not supported", so it is told and not just null.
        "errors": {"power.limit": "nvmlDeviceGetPowerManagementLimit: Insufficient Permissions (4)"},
        "uuid": "GPU-00000000-0000-0000-0000-000000000000",
        "name": "NVIDIA Full",
        "serial": "1320000000001",
        "minor": 5,
        "compute_capability": "8.6",
        "memory": {"total": 1000, "reserved": 50, "used": 300, "free": 650},
        "pci": {
            "bus_id": "00000001:0A:03.0",
            "domain": 1,
            "bus": 10,
            "device": 3,
            "vendor_id": "0x10de",
            "device_id": "0x20b0",
            "subsystem_vendor_id": "0x10de",
            "subsystem_device_id": "0x144e",
            "link_generation": 1,
            "link_generation_max": 4,
            "link_width": 8,
            "link_width_max": 16,
        },
        "clocks": {
            "graphics": {"current": 100, "max": 1000},
            "sm": {"current": 101, "max": 1001},
            "memory": {"current": 102, "max": 1002},
            "video": {"current": 103, "max": 1003},
        },
        "power": {
            "usage": 57.34,
            "limit": None,
            "limit_enforced": 380.0,
            "limit_default": 400.0,
            "limit_min": 100.0,
            "limit_max": 400.0,
        },
        "performance_state": 2,
        "temperature": {"gpu": 33, "shutdown": 95, "slowdown": 94, "memory_max": 93, "gpu_max": 92},
        "utilization": {"gpu": 91, "memory": 0, "encoder": 12, "decoder": 13},
        "nvlinks": [
            {"link": 0, "active": True, "version": "2.2", "remote_bus_id": "00000001:C4:03.0"},
            {"link": 2, "active": False, "version": "2.2", "remote_bus_id": None},
        ],
        "processes": [
            {
                "pid": 17,
                "name": "/usr/bin/python3",
                "type": "C",
                "used_memory": 2048,
                "gpu_instance_id": 1,
                "compute_instance_id": 0,
            },
            {"pid": 18, "name": "/usr/bin/python3", "type": "M+C", "used_memory": 4096, **nothing},
            {"pid": 19, "name": "/usr/bin/python3", "type": "G", "used_memory": 512, **nothing},
            {"pid": 4242, "name": None, "type": "C", "used_memory": None, **nothing},
        ],
        "mig_mode": {"current": False, "pending": True},
        "ecc_mode": {"current": True, "pending": False},
        "persistence_mode": True,
        "compute_mode": "exclusive_process",
    }


def test_a_gpu_that_supports_nothing_is_all_null(answer: dict[str, t.Any]) -> None:
    gpu = answer["gpus"][1]
    assert (gpu["index"], gpu["uuid"], gpu["name"]) == (1, "GPU-11111111-0000-0000-0000-000000000000", "NVIDIA Bare")
    assert gpu["errors"] == {}
    assert gpu["nvlinks"] == []
    assert gpu["processes"] == []
    flat = {name: gpu[name] for name in READERS if name not in ("uuid", "name", "nvlinks", "processes")}
    assert leaves(flat) == {None}
    # Nested fields keep their shape, so that a play can go through them without asking.
    assert set(gpu["clocks"]["sm"]) == {"current", "max"}
    assert set(gpu["power"]) == set(answer["gpus"][0]["power"])


def leaves(value: t.Any) -> set[t.Any]:
    if isinstance(value, dict):
        return set().union(*map(leaves, value.values()))
    return {value}


def test_a_gpu_that_is_lost_keeps_its_place(answer: dict[str, t.Any]) -> None:
    assert answer["gpus"][2] == {
        "index": 2,
        "errors": {"handle": "nvmlDeviceGetHandleByIndex_v2: GPU is lost (15)"},
        **dict.fromkeys(READERS),
    }


def test_an_old_driver_without_reserved_memory(fake_nvml: BuildLibrary) -> None:
    gpu = nvml_child.read(str(fake_nvml("OLD_DRIVER")), 20, {})["gpus"][0]
    assert gpu["memory"] == {"total": 1000, "reserved": None, "used": 300, "free": 700}
    assert "memory" not in gpu["errors"]


def test_a_link_that_fails_is_told(fake_nvml: BuildLibrary) -> None:
    gpu = nvml_child.read(str(fake_nvml()), 20, {"FAKE_NVML": "link-unknown"})["gpus"][0]
    assert [link["link"] for link in gpu["nvlinks"]] == [0, 2]
    assert gpu["errors"]["nvlinks[3]"] == "nvmlDeviceGetNvLinkState: Unknown Error (999)"
    assert "nvlinks[4]" not in gpu["errors"]


@pytest.mark.parametrize(
    ("mode", "code"), [("list-stuck", "Some other error (7)"), ("list-fails", "Unknown Error (999)")]
)
def test_a_process_list_that_fails_ends(fake_nvml: BuildLibrary, mode: str, code: str) -> None:
    """Neither a library that asks for ever more room, nor one that fails and counts on, is asked for ever."""
    gpu = nvml_child.read(str(fake_nvml()), 20, {"FAKE_NVML": mode})["gpus"][0]
    assert gpu["processes"] == []
    assert gpu["errors"]["processes.C"] == f"nvmlDeviceGetComputeRunningProcesses_v3: {code}"


def test_no_gpu(fake_nvml: BuildLibrary) -> None:
    assert nvml_child.read(str(fake_nvml()), 20, {"FAKE_NVML": "none"})["gpus"] == []


def test_a_library_that_fails_later(fake_nvml: BuildLibrary) -> None:
    library = fake_nvml()
    with pytest.raises(LibraryError) as caught:
        nvml_child.read(str(library), 20, {"FAKE_NVML": "no-version"})
    assert str(caught.value) == (
        f"Error while reading the NVML library {library}: nvmlSystemGetDriverVersion: Unknown Error (999)"
    )


@pytest.mark.parametrize(("code", "kept"), [(3, False), (13, False), (2, True), (15, True), (999, True)])
def test_only_what_a_board_does_not_have_is_silent(code: int, kept: bool) -> None:
    def fail() -> t.NoReturn:
        raise CallError("nvmlX", code, "words")

    fields = Fields()
    assert fields.get("x", fail) is None
    assert fields.errors == ({"x": f"nvmlX: words ({code})"} if kept else {})
