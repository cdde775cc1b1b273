# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document of nvidia-smi -q -x tells, and how its numbers and words become those of a profile."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import smi_elements, smi_source, words

CAPTURES = Path(__file__).parents[5] / "tests/native/fixtures/nvidia-smi-q-x"


def facts(name: str, *edits: tuple[str, str]) -> dict[str, t.Any]:
    document = (CAPTURES / f"{name}.xml").read_text()
    for old, new in edits:
        assert old in document
        document = document.replace(old, new)
    return smi_source.read(document, name)


def keys(name: str, *edits: tuple[str, str]) -> dict[str, t.Any]:
    return words.flatten(facts(name, *edits)["gpus"][0]["keys"])


def test_the_system_and_the_identities() -> None:
    found = facts("gb200")
    assert (found["driver_version"], found["cuda_version"], found["nvml_version"]) == ("580.173.02", "13.0", None)
    assert [gpu["bus_id"] for gpu in found["gpus"]] == [f"00000000:{bus}:00.0" for bus in ("29", "3F", "9C", "B2")]
    assert [gpu["module_id"] for gpu in found["gpus"]] == [2, 1, 4, 3]
    assert [gpu["minor"] for gpu in found["gpus"]] == [0, 1, 2, 3]
    assert [gpu["serial"] for gpu in found["gpus"]] == ["1650000000001"] * 2 + ["1650000000002"] * 2
    assert found["gpus"][3]["uuid"] == "GPU-00000003-0000-0000-0000-000000000003"
    assert found["gpus"][0]["nvlink"] == {"c2c_enabled": True}


def test_keys_of_a_superchip() -> None:
    found = keys("gb200")
    wanted = {
        "name": "NVIDIA GB200",
        "architecture": "blackwell",
        "addressing_mode": "ats",
        "virtualization.mode": "pass_through",
        "pci.device_id": 0x294110DE,
        "pci.class": 0x030200,
        "pcie.atomics_outbound": "N/A",
        "pcie.atomics_inbound": ["FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64", "CAS_32", "CAS_64"],
        "memory.total_bytes": 189471 << 20,
        # 742 and 188730 are printed, which is one more than there is: both had a half.
        "memory.reserved_bytes": 777519104,
        "power.current_draw_mw": 165930,
        "power.module.average_draw_mw": 467170,
        "thermal.tlimit.shutdown_c": -5,
        "inforom.bbx_flush.timestamp": "2026/08/20 23:33:00.497",
        "inforom.bbx_flush.duration_us": 61655,
        "clocks_throttle_reasons.gpu_idle": True,
        "clocks_throttle_reasons.counters.sw_power_cap_us": 2354613,
        "platform.peer_type": "switch_connected",
        "fabric.state": "completed",
        "fabric.status": 0,
        "fabric.cluster_uuid": "00000001-0000-0000-0000-000000000001",
        "fabric.health.degraded_bandwidth": False,
        "ecc.errors.aggregate.double_bit.sram": 0,
        "remapped_rows.availability_histogram.max": 3968,
        "retired_pages.single_bit_retirement.count": "N/A",
        # That there is a MIG mode is all that the document says.
        "mig.max_gpu_instances": 1,
    }
    assert {path: found.get(path) for path in wanted} == wanted
    # Deprecated there: it says nothing of the board.
    assert "display.mode" not in found
    clocks = found["supported_clocks.memory_clocks"]
    assert [(one["freq_mhz"], len(one["graphics_clocks"])) for one in clocks] == [(3996, 260)]


def test_a_board_without_a_fabric_has_no_word_of_it() -> None:
    assert not [path for path in keys("a100") if path.startswith("fabric")]


@pytest.mark.parametrize(
    ("old", "new", "path", "value"),
    [
        ("<fan_speed>N/A<", "<fan_speed>33 %<", "fan.count", 1),
        ("<current_mig>Disabled<", "<current_mig>N/A<", "mig.max_gpu_instances", None),
        ("<product_brand>NVIDIA<", "<product_brand>NVIDIA RTX<", "brand", "nvidia_rtx"),
        ("<product_brand>NVIDIA<", "<product_brand>Novelty<", "brand", None),
        ("<compute_mode>Default<", "<compute_mode>Exclusive_Process<", "compute_mode", "exclusive_process"),
        ("<current_gom>N/A<", "<current_gom>Low Double Precision<", "gpu_operation_mode.current", "low_dp"),
        ("<host_vgpu_mode>N/A<", "<host_vgpu_mode>Non SR-IOV<", "virtualization.host_vgpu_mode", "non_sriov"),
        ("<graphics_volt>N/A<", "<graphics_volt>712.500 mV<", "power.voltage_uv", 712500),
        ("<performance_state>P0<", "<performance_state>Unknown Error<", "performance_state", None),
        ("<sram_uncorrectable_parity>0<", "<sram_uncorrectable_parity>2<", "ecc.errors.volatile.double_bit.sram", 2),
        ("<gpu_temp>33 C<", "<gpu_temp>GPU is lost<", "thermal.temperature_gpu_c", None),
        ("<used>0 MiB<", "<used>1024 MiB<", "bar1_memory.used_bytes", 1 << 20),
    ],
)
def test_other_words(old: str, new: str, path: str, value: t.Any) -> None:
    assert keys("a100", (old, new)).get(path) == value


@pytest.mark.parametrize(
    ("parts", "reserved", "used"),
    [
        ((40960, 518, 0, 40443), 517.5, 0),
        ((40960, 518, 0, 40442), 518, 0),
        ((40960, 518, 100, 40341), 518 + 1 / 3, 100 + 1 / 3),
        ((40960, None, 100, 40860), None, 100),
    ],
)
def test_memory_is_as_before_it_was_rounded(parts: tuple[int, ...], reserved: float | None, used: float) -> None:
    found = smi_source.unrounded(*parts)
    assert found == (reserved and int(reserved * (1 << 20)), int(used * (1 << 20)))
    if found[0] is not None:
        total, *printed = parts
        rest = (total << 20) - sum(found)
        assert [int(part / (1 << 20) + 0.5) for part in (*found, rest)] == printed


def test_older_documents() -> None:
    """The names of 515: one section for power, throttle reasons, and one counter for each location."""
    document = (CAPTURES / "a100.xml").read_text()
    document = document.replace("gpu_power_readings", "power_readings").replace("instant_power_draw", "power_draw")
    document = document.replace("current_power_limit", "enforced_power_limit").replace(
        "requested_power_limit", "power_limit"
    )
    document = document.replace("clocks_event_reason", "clocks_throttle_reason")
    document = re.sub(
        r"(<ecc_errors>\s*<volatile>).*?(</volatile>)",
        r"\1<single_bit><device_memory>3</device_memory><l2_cache>1</l2_cache><total>4</total></single_bit>\2",
        document,
        flags=re.DOTALL,
    )
    found = words.flatten(smi_source.read(document, "older")["gpus"][0]["keys"])
    assert found["power.current_draw_mw"] == 49680
    assert (found["power.enforced_limit_mw"], found["power.requested_limit_mw"]) == (400000, 400000)
    assert found["clocks_throttle_reasons.gpu_idle"] is True
    single = {path: value for path, value in found.items() if path.startswith("ecc.errors.volatile.single_bit")}
    assert single == {
        "ecc.errors.volatile.single_bit.device_memory": 3,
        "ecc.errors.volatile.single_bit.l2_cache": 1,
        "ecc.errors.volatile.single_bit.total": 4,
    }


def test_processes_and_retired_pages() -> None:
    process = (
        "<processes><process_info><pid>17</pid><type>C</type><process_name>/bin/x</process_name>"
        "<used_memory>412 MiB</used_memory></process_info></processes>"
    )
    pages = "<retired_count>1</retired_count><retired_pagelist><retired_page_address>0x1a</retired_page_address>"
    document = (CAPTURES / "a100.xml").read_text()
    document = re.sub(r"<processes>\s*</processes>", process, document)
    document = re.sub(r"<retired_count>N/A</retired_count>\s*<retired_pagelist>N/A", pages, document, count=1)
    found = words.flatten(smi_source.read(document, "it")["gpus"][0]["keys"])
    assert found["processes"] == [{"pid": 17, "type": "C", "name": "/bin/x", "used_memory_mib": 412}]
    assert found["retired_pages.single_bit_retirement.addresses"] == [26]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"nvidia-smi: command not found", "it is no XML"),
        (b"\x00\xff", "it is no XML"),
        (b"<html/>", "its first element is <html> and not <nvidia_smi_log>"),
    ],
)
def test_what_is_no_document_is_refused(document: bytes, reason: str) -> None:
    with pytest.raises(smi_source.DocumentError, match=reason) as error:
        smi_source.read(document, "it.xml")
    assert str(error.value).startswith("Error while reading the document it.xml: ")


def test_every_element_is_one_that_a_real_document_has() -> None:
    known = set()
    for path in CAPTURES.glob("*.xml"):
        known.update(re.findall(r"<(\w+)>", path.read_text()))
    # Words of other drivers than those of the captures.
    known.update({"power_readings", "enforced_power_limit", "power_limit", "power_draw"})
    for elements, _ in smi_elements.ELEMENTS.values():
        assert set(re.split(r"[/ ]", elements)) <= known, elements
