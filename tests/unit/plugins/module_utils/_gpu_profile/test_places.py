# SPDX-License-Identifier: GPL-3.0-or-later
"""PCI addresses by index, host bridges and NVLinks."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import links, places


def gpu(index: int, bus_id: str | None, **more: t.Any) -> dict[str, t.Any]:
    plain = {"numa_node": None, "cpus": None, "levels": None, "nvlink": {"links": []}, "keys": {"name": f"GPU {index}"}}
    return {"index": index, "bus_id": bus_id, **plain, **more}


def host(*bus_ids: str | None, **more: list[t.Any]) -> list[dict[str, t.Any]]:
    return [gpu(i, bus_id, **{name: value[i] for name, value in more.items()}) for i, bus_id in enumerate(bus_ids)]


@pytest.mark.parametrize(
    ("bus_ids", "slots", "bare"),
    [
        (["00000000:07:00.0", "00000000:0F:00.0"], ["07:00.0", "0f:00.0"], True),
        # The next domain repeats the list, as the format does for GPUs beyond it.
        (["0000CE69:07:00.0", "0000CE6A:07:00.0", "0000CE6B:07:00.0"], ["07:00.0"], True),
        # Only the domains tell these apart, and the format cannot derive 0x18 from 8.
        (["00000008:01:00.0", "00000018:01:00.0"], ["0008:01:00.0", "0018:01:00.0"], False),
        (["00000000:07:00.0", None], [], True),
    ],
)
def test_slots_without_domains(bus_ids: list[str | None], slots: list[str], bare: bool) -> None:
    assert places.slots(host(*bus_ids), scrub=True) == (slots, bare)


def test_slots_repeat_only_with_their_cpus() -> None:
    gpus = host("0000CE69:07:00.0", "0000CE6A:07:00.0", numa_node=[0, 1])
    assert places.slots(gpus, scrub=True) == (["ce69:07:00.0", "ce6a:07:00.0"], False)


def test_slots_as_they_are() -> None:
    assert places.slots(host("0000CE69:07:00.0"), scrub=False) == (["ce69:07:00.0"], False)


def test_host_bridges_by_nearness_and_numa_node() -> None:
    gpus = host(
        *["00000000:07:00.0"] * 5,
        numa_node=[0, 0, 1, 1, None],
        cpus=[[0, 1, 2, 3, 8], [0, 1, 2, 3, 8], [4], None, None],
        levels=[[0, 20, 50, 50, 50], [20, 0, 50, 50, 50], [50, 50, 0, 40, 50], [50, 50, 40, 0, 50], [50] * 5],
    )
    roots = places.root_complexes(gpus)
    assert roots == [
        {"numa_node": 0, "level": "multiple", "indexes": [0, 1], "cpu_affinity": "0-3,8"},
        {"numa_node": 1, "indexes": [2], "cpu_affinity": "4"},
        {"numa_node": 1, "indexes": [3]},
    ]
    assert places.is_told_exactly(gpus, roots)
    gpus[2]["levels"][0] = 40
    assert not places.is_told_exactly(gpus, roots)


def test_gpus_behind_two_switches_of_one_bridge_are_not_told_exactly() -> None:
    levels = [[0, 10, 30, 30], [10, 0, 30, 30], [30, 30, 0, 10], [30, 30, 10, 0]]
    gpus = host(*["00000000:07:00.0"] * 4, numa_node=[0] * 4, levels=levels)
    roots = places.root_complexes(gpus)
    assert [(root["level"], root["indexes"]) for root in roots] == [("hostbridge", [0, 1, 2, 3])]
    assert not places.is_told_exactly(gpus, roots)


def test_the_one_nearness_of_gpus_without_numa_nodes() -> None:
    gpus = host("00000000:07:00.0", "00000000:08:00.0", levels=[[0, 30], [30, 0]])
    assert places.default_level(gpus) == "hostbridge"
    assert places.default_level(host("00000000:07:00.0")) is None
    assert places.default_level(host("00000000:07:00.0", "00000000:08:00.0", levels=[[0, 50], [50, 0]])) is None


def switched(count: int, *addresses: str) -> dict[str, t.Any]:
    return {
        "version": 4,
        "links": [
            {"link": n, "active": True, "type": "switch", "bus_id": addresses[n % len(addresses)]} for n in range(count)
        ],
    }


def test_switches_of_the_host() -> None:
    nvlink = switched(6, "00000000:C4:00.0", "00000000:C5:00.0")
    gpus = host("00000000:07:00.0", "00000000:08:00.0", nvlink=[nvlink, nvlink])
    found = links.section(gpus, bare=True)
    assert found == {"version": 4, "links_per_gpu": 6, "switches": [{"bdf": "c4:00.0"}, {"bdf": "c5:00.0"}]}
    assert links.section(gpus, bare=False)["switches"] == [{"bdf": "0000:c4:00.0"}, {"bdf": "0000:c5:00.0"}]


def test_switches_elsewhere_are_one() -> None:
    found = links.section(host("00000000:07:00.0", nvlink=[switched(18, "00000000:00:00.0")]), bare=True)
    assert found == {"version": 4, "links_per_gpu": 18, "external_switches": 1}


def test_links_one_by_one() -> None:
    def peer(link: int, bus_id: str) -> dict[str, t.Any]:
        return {"link": link, "active": True, "type": "gpu", "bus_id": bus_id}

    down = {"link": 1, "active": False}
    gpus = host(
        "00000000:07:00.0",
        "00000000:08:00.0",
        nvlink=[
            {"version": 2, "links": [peer(0, "00000000:08:00.0"), down]},
            {"version": 2, "links": [peer(0, "00000000:07:00.0"), {**peer(1, "00000000:09:00.0"), "type": "ibmnpu"}]},
        ],
    )
    found = links.section(gpus, bare=True)
    up = {"link": 0, "state": "active", "remote_device_type": "gpu"}
    assert found["device_links"] == [
        {"index": 0, "links": [{**up, "remote_index": 1}, {"link": 1, "state": "inactive"}]},
        {
            "index": 1,
            "links": [
                {**up, "remote_index": 0},
                {"link": 1, "state": "active", "remote_device_type": "ibmnpu", "remote_pci_bus_id": "09:00.0"},
            ],
        },
    ]


def test_links_that_are_all_down_lead_nowhere() -> None:
    nvlink = {"version": 3, "links": [{"link": n, "active": False} for n in range(12)]}
    assert links.section(host("00000000:07:00.0", nvlink=[nvlink]), bare=True) == {"version": 3, "links_per_gpu": 12}


def test_models_with_other_links_are_refused() -> None:
    gpus = host("00000000:07:00.0", "00000000:08:00.0", nvlink=[switched(2, "00000000:C4:00.0"), {"links": []}])
    told = r"GPU 0 \(GPU 0\) and GPU 1 \(GPU 1\) differ in their NVLinks.*option gpus"
    with pytest.raises(links.SeveralModelsError, match=told):
        links.section(gpus, bare=True)
