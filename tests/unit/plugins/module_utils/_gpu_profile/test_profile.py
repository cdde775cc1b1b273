# SPDX-License-Identifier: GPL-3.0-or-later
"""From facts to a profile: what most GPUs have, what some have otherwise, and what is nobody's business."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import keys as about
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import profile, words


def gpu(index: int, **more: t.Any) -> dict[str, t.Any]:
    flat = {"name": "NVIDIA T4", "memory.total_bytes": 1 << 34, **more.pop("keys", {})}
    return {
        "keys": words.nest(flat),
        "errors": {},
        "uuid": f"GPU-{index}0000000-0000-0000-0000-000000000000",
        "serial": f"132000000000{index}",
        "minor": index,
        "module_id": None,
        "bus_id": f"00000000:0{index}:00.0",
        "numa_node": None,
        "cpus": None,
        "levels": None,
        "nvlink": {"links": []},
        **more,
    }


def facts(*gpus: dict[str, t.Any], driver: str = "580.1") -> dict[str, t.Any]:
    return {"driver_version": driver, "nvml_version": f"13.{driver}", "cuda_version": "13.0", "gpus": list(gpus)}


def with_keys(*each: dict[str, t.Any]) -> dict[str, t.Any]:
    return facts(*(gpu(i, keys=own) for i, own in enumerate(each)))


def test_what_is_alike_is_a_default() -> None:
    made = profile.make(with_keys({"vbios_version": "1"}, {"vbios_version": "1"}), "it")
    assert made.profile == {
        "version": "1.0",
        "system": {"driver_version": "580.1", "nvml_version": "13.580.1", "cuda_version": "13.0", "num_devices": 2},
        "device_defaults": {
            "name": "NVIDIA T4",
            "vbios_version": "1",
            "memory": {"total_bytes": 1 << 34},
            "pci": {"slots": ["00:00.0", "01:00.0"]},
        },
    }
    assert made.notes == []


def test_the_most_common_value_is_the_default_and_the_first_of_equals() -> None:
    made = profile.make(with_keys(*({"vbios_version": one} for one in "abb")), "it").profile
    assert made["device_defaults"]["vbios_version"] == "b"
    assert made["devices"] == [{"index": 0, "vbios_version": "a"}]
    made = profile.make(with_keys(*({"vbios_version": one} for one in "ab")), "it").profile
    assert (made["device_defaults"]["vbios_version"], made["devices"]) == ("a", [{"index": 1, "vbios_version": "b"}])


def test_what_a_gpu_does_not_tell_is_taken_back() -> None:
    told = {"fan.speed_percent": 30, "persistence_mode": "enabled"}
    made = profile.make(with_keys(told, told, {}), "it").profile
    # The one key can be taken back by N/A; the other cannot and is said of those that have it.
    assert made["device_defaults"]["fan"] == {"speed_percent": 30}
    assert "persistence_mode" not in made["device_defaults"]
    assert made["devices"] == [
        {"index": 0, "persistence_mode": "enabled"},
        {"index": 1, "persistence_mode": "enabled"},
        {"index": 2, "fan": {"speed_percent": "N/A"}},
    ]


def test_what_one_gpu_alone_tells_is_its_own() -> None:
    made = profile.make(with_keys({}, {"fan.speed_percent": 30}, {}), "it").profile
    assert "fan" not in made["device_defaults"]
    assert made["devices"] == [{"index": 1, "fan": {"speed_percent": 30}}]


def test_gpus_that_are_chosen_are_numbered_anew() -> None:
    made = profile.make(with_keys(*({"vbios_version": one} for one in "abc")), "it", [2]).profile
    assert made["device_defaults"]["vbios_version"] == "c"
    assert made["system"]["num_devices"] == 1
    assert "devices" not in made


@pytest.mark.parametrize(
    ("found", "chosen", "message"),
    [
        (facts(), [], "Error while making a profile from it: it has no GPU"),
        (with_keys({}, {}), [2], "it has no GPU 2, only 0 to 1; set the option gpus to those"),
        (with_keys({}), [-1], "it has no GPU -1"),
        (facts(*(gpu(n) for n in range(129))), [], "it has 129 GPUs and a profile at most 128"),
        (facts(gpu(0, keys={"name": ""})), [], "it does not tell name and memory of GPU 0"),
    ],
)
def test_nothing_to_describe(found: dict[str, t.Any], chosen: list[int], message: str) -> None:
    with pytest.raises(profile.NoGpuError) as error:
        profile.make(found, "it", chosen)
    assert message in str(error.value)


IDENTITIES = {
    "platform.chassis_serial_number": "1820226002313",
    "fabric.state": "completed",
    "fabric.cluster_uuid": "f3a7b0c2-1111-2222-3333-444455556666",
    "processes": [{"pid": 17, "type": "C", "name": "/home/me/train.py", "used_memory_mib": 5}],
}


def test_who_they_are_is_scrubbed() -> None:
    gpus = [gpu(i, keys=IDENTITIES, bus_id=f"0000000{i + 1}:07:00.0", minor=i + 4) for i in range(2)]
    made = profile.make(facts(*gpus), "it")
    text = str(made.profile)
    for name in ("GPU-", "132000", "1820226002313", "f3a7b0c2", "/home/me", "0001:"):
        assert name not in text, name
    defaults = made.profile["device_defaults"]
    assert defaults["platform"]["chassis_serial_number"] == "0000000000001"
    assert defaults["fabric"]["cluster_uuid"] == "00000001-0000-0000-0000-000000000001"
    assert defaults["pci"]["slots"] == ["07:00.0"]
    # A device node's number is no secret.
    assert [device["minor_number"] for device in made.profile["devices"]] == [4, 5]


def test_who_they_are_is_kept_on_request() -> None:
    made = profile.make(facts(gpu(0, keys=IDENTITIES, bus_id="00000001:07:00.0")), "it", scrub=False).profile
    assert made["devices"] == [{"index": 0, "uuid": gpu(0)["uuid"], "serial": "1320000000000"}]
    assert made["device_defaults"]["pci"]["slots"] == ["0001:07:00.0"]
    assert made["device_defaults"]["processes"] == IDENTITIES["processes"]
    assert made["device_defaults"]["fabric"]["cluster_uuid"] == IDENTITIES["fabric.cluster_uuid"]


def test_names_that_are_no_names_stay() -> None:
    flat = {"fabric.cluster_uuid": "00000000-0000-0000-0000-000000000000", "platform.chassis_serial_number": "N/A"}
    made = words.flatten(profile.make(with_keys(flat), "it").profile["device_defaults"])
    assert {path: made[path] for path in flat} == flat


@pytest.mark.parametrize(
    ("serials", "count"), [("aabb", 2), ("aaaa", 4), ("abcd", None), ("abab", None), ("aab", None)]
)
def test_gpus_of_one_module_share_its_serial_number(serials: str, count: int | None) -> None:
    made = profile.make(facts(*(gpu(i, serial=one) for i, one in enumerate(serials))), "it")
    assert made.profile["device_defaults"].get("gpus_per_module") == count
    assert bool(made.notes) == (serials in ("abab", "aab"))


def test_module_numbers_by_index_or_one_by_one() -> None:
    made = profile.make(facts(gpu(0, module_id=2), gpu(1, module_id=1)), "it").profile
    assert made["device_defaults"]["platform"] == {"module_ids": [2, 1]}
    made = profile.make(facts(gpu(0, module_id=2), gpu(1)), "it").profile
    assert made["devices"] == [{"index": 0, "platform": {"module_id": 2}}]


def test_more_gpus_than_a_list_has_room_for() -> None:
    gpus = [gpu(0, bus_id=f"00000000:{i:02x}:00.0", module_id=i, serial=str(i), minor=i) for i in range(40)]
    made = profile.make(facts(*gpus), "it", scrub=False).profile
    assert "pci" not in made["device_defaults"]
    assert made["devices"][39]["pci"] == {"bus_id": "0000:27:00.0"}
    assert made["devices"][39]["platform"] == {"module_id": 39}


def test_memory_nodes_by_index_where_all_gpus_have_one() -> None:
    made = profile.make(facts(gpu(0, memory_node=2), gpu(1, memory_node=10)), "it").profile
    assert made["device_defaults"]["platform"] == {"memory_numa_nodes": [2, 10]}
    made = profile.make(facts(gpu(0, memory_node=2), gpu(1)), "it").profile
    assert "platform" not in made["device_defaults"]


def test_a_reading_above_its_highest_value_is_that() -> None:
    made = profile.make(with_keys({"clocks.sm_current": 2000, "clocks.sm_max": 1980}), "it")
    assert made.profile["device_defaults"]["clocks"] == {"sm_current": 1980, "sm_max": 1980}
    assert made.notes == ["clocks.sm_current of GPU 0 was 2000, above its highest value, and is 1980."]


def test_a_limit_beyond_what_can_be_set_is_the_end_of_it() -> None:
    limits = {"power.min_limit_mw": 100, "power.max_limit_mw": 300, "power.enforced_limit_mw": 50}
    made = profile.make(with_keys(limits), "it")
    assert made.profile["device_defaults"]["power"]["enforced_limit_mw"] == 100
    assert made.notes == ["power.enforced_limit_mw of GPU 0 was 50, below its lowest value, and is 100."]


def test_limits_that_contradict_each_other_are_left_out() -> None:
    limits = {"power.min_limit_mw": 100, "power.max_limit_mw": 300, "power.default_limit_mw": 400}
    made = profile.make(with_keys(limits), "it")
    assert made.profile["device_defaults"]["power"] == {"default_limit_mw": 400}
    assert made.notes == ["The range of power of GPU 0 is left out: lowest, default and highest were [100, 400, 300]."]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("thermal.temperature_gpu_c", 0xFFFFFFFF),
        ("pcie.max_link_gen", 0),
        ("vbios_version", "x" * 32),
        ("inforom.bbx_flush.timestamp", "yesterday"),
        ("retired_pages.single_bit_retirement.count", 65),
    ],
)
def test_what_no_board_has_is_left_out(path: str, value: t.Any) -> None:
    made = profile.make(with_keys({path: value}), "it")
    assert path not in words.flatten(made.profile["device_defaults"])
    assert made.notes == [f"{path} of GPU 0 is left out: no board has {value}."]


def test_a_long_name_of_a_process_is_cut() -> None:
    process = {"pid": 1, "type": "C", "name": "ä" * 70 + "/train.py"}
    made = profile.make(with_keys({"processes": [process] * 17}), "it", scrub=False)
    processes = made.profile["device_defaults"]["processes"]
    assert len(processes) == 16
    assert processes[0]["name"] == "ä" * 59 + "/train.py"
    assert made.notes == ["GPU 0 has 17 processes; the first 16 are kept."]


def test_device_nodes_that_cannot_be_are_not_written() -> None:
    for minors in ([3, 3], [0, None], [0, 255]):
        made = profile.make(facts(*(gpu(i, minor=minor) for i, minor in enumerate(minors))), "it").profile
        assert "devices" not in made


def test_the_firmware_of_the_driver_needs_no_version() -> None:
    def firmware(version: str) -> t.Any:
        return profile.make(with_keys({"gsp_firmware.version": version}), "it").profile["device_defaults"][
            "gsp_firmware"
        ]

    assert firmware("580.1") == {"mode": "enabled"}
    assert firmware("570.2") == {"mode": "enabled", "version": "570.2"}
    assert firmware("N/A") == {"version": "N/A"}


def test_counters_that_add_up_and_those_that_are_not_there_need_no_line() -> None:
    section = "ecc.errors.volatile.single_bit"
    flat = {f"{section}.sram": 2, f"{section}.l1_cache": "N/A", f"{section}.total": 2}
    made = profile.make(with_keys(flat), "it").profile["device_defaults"]
    assert made["ecc"]["errors"]["volatile"]["single_bit"] == {"sram": 2}
    made = profile.make(with_keys({**flat, f"{section}.total": 5}), "it").profile["device_defaults"]
    assert made["ecc"]["errors"]["volatile"]["single_bit"] == {"sram": 2, "total": 5}


def test_errors_of_the_library_are_notes() -> None:
    found = facts(gpu(0, errors={"mig": "nvmlDeviceGetMigMode: Unknown Error (999)"}))
    assert profile.make(found, "it").notes == ["mig of GPU 0 is left out: nvmlDeviceGetMigMode: Unknown Error (999)."]


def test_what_is_not_told_is_listed() -> None:
    made = profile.make(with_keys({path: 1 for path in about.WANTED if path != "num_gpu_cores"}), "it")
    assert made.untold == ["num_gpu_cores", "nvlink.version", "pcie_topology.root_complexes"]


def test_a_document_fills_what_the_library_leaves_open() -> None:
    library = facts(gpu(0, keys={"vbios_version": "library"}), gpu(1))
    document = facts(gpu(1, keys={"gpu_part_number": "b"}), gpu(0, keys={"gpu_part_number": "a", "vbios_version": "x"}))
    found = profile.fill(library, document, "it.xml")
    assert [one["keys"]["gpu_part_number"] for one in found["gpus"]] == ["a", "b"]
    assert found["gpus"][0]["keys"]["vbios_version"] == "library"
    with pytest.raises(profile.NoGpuError, match="it.xml: it has no GPU GPU-10000000-.*, which the library has"):
        profile.fill(library, facts(gpu(0)), "it.xml")


def test_at_rest_nothing_moves() -> None:
    flat = {"thermal.temperature_gpu_c": 33, "thermal.shutdown_threshold_c": 92, "utilization.gpu": 4}
    found = profile.at_rest(with_keys(flat))["gpus"][0]["keys"]
    assert found["thermal"] == {"shutdown_threshold_c": 92}
    assert "utilization" not in found
