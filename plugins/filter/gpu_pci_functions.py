# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for the GPUs of the mock NVML as PCI functions of the kernel module mock_accel."""

from __future__ import annotations

import typing as t

# Of real boards, where a description does not say it.
CLASS = 0x030200
REVISION = "0xa1"
LINK_SPEEDS = (1, 2, 3, 4, 5, 6)
LINK_WIDTHS = (1, 2, 4, 8, 16, 32)

Gpu = t.Mapping[str, t.Any]


class Place(t.NamedTuple):
    """Where a GPU is on the bus."""

    domain: str
    bus: str
    slot: int
    function: int


def read_place(address: str) -> Place:
    """The parts of an address as NVML writes it, of which the domain has eight digits."""
    domain, bus, rest = address.lower().split(":")
    slot, function = rest.split(".")
    return Place(f"{int(domain, 16):04x}", bus, int(slot, 16), int(function, 16))


def has_place(place: Place, domains: t.Mapping[str, bool]) -> bool:
    """Whether a function can be there: not in a domain that the machine uses itself."""
    return place.function == 0 and len(place.domain) == 4 and domains.get(place.domain, True)


def pair(ids: int, first: str, second: str) -> dict[str, str]:
    """Two ids that NVML gives as one number, the vendor's in its lower half."""
    return {first: f"0x{ids & 0xFFFF:04x}", second: f"0x{ids >> 16:04x}"}


def describe(gpu: Gpu, place: Place, numa_nodes: t.Container[int]) -> dict[str, t.Any]:
    function = {
        "name": f"gpu{gpu['index']}",
        "registers": False,
        "total_vfs": 0,
        **pair(gpu["pci_device_id"], "vendor", "device"),
        "class": f"0x{gpu.get('pci_class') or CLASS:06x}",
        "revision": REVISION,
        "root_bus": f"{place.domain}:{place.bus}",
        "slot": place.slot,
    }
    if gpu.get("pci_subsystem_id") is not None:
        function |= pair(gpu["pci_subsystem_id"], "subsystem_vendor", "subsystem_device")
    for key, name, allowed in (
        ("numa_node", "numa_node", numa_nodes),
        ("pcie_link_gen", "link_speed", LINK_SPEEDS),
        ("pcie_link_width", "link_width", LINK_WIDTHS),
    ):
        if gpu.get(key) is not None and gpu[key] in allowed:
            function[name] = gpu[key]
    return function


def gpu_pci_functions(
    gpus: t.Sequence[Gpu], domains: t.Mapping[str, bool] | None = None, numa_nodes: t.Sequence[int] = ()
) -> dict[str, t.Any]:
    """GPUs as functions, those that can be none by index, and the domains of all."""
    places = [(gpu, read_place(gpu["pci_bus_id"])) for gpu in gpus]
    fitting = {gpu["index"]: has_place(place, domains or {}) for gpu, place in places}
    return {
        "domains": sorted({place.domain for _gpu, place in places}),
        "functions": [describe(gpu, place, numa_nodes) for gpu, place in places if fitting[gpu["index"]]],
        "without_place": [index for index, fits in fitting.items() if not fits],
    }


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"gpu_pci_functions": gpu_pci_functions}
