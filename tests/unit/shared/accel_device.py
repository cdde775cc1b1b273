# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices as the DRA driver's inventory describes them, for tests that need no sysfs."""

from __future__ import annotations

import typing as t

from mock_accel_dra.inventory import AccelDevice

GI = 1 << 30


def pf(number: int = 0, **changes: t.Any) -> AccelDevice:
    values: dict[str, t.Any] = {
        "name": f"mock{number}",
        "kind": "pf",
        "parent": None,
        "uuid": f"uuid-{number}",
        "memory": 16 * GI,
        "numa_node": 0,
        "capabilities": 5,
        "allocated": False,
        "errors": 0,
        "responding": True,
        "pci_address": f"1000:00:{number:02x}.0",
        "pcie_root": "pci1000:00",
        "physfn": None,
        "device_node": f"/dev/mock{number}",
        "major": 240,
        "minor": number * 8,
        "total_vfs": 4,
        "num_vfs": 0,
    }
    return AccelDevice(**{**values, **changes})


def vf(number: int, part: int, **changes: t.Any) -> AccelDevice:
    return pf(
        number,
        **{
            "name": f"mock{number}_vf{part}",
            "kind": "vf",
            "parent": f"mock{number}",
            "uuid": f"uuid-{number}-{part}",
            "memory": 2 * GI,
            "capabilities": 6,
            "pci_address": f"1000:00:{number:02x}.{part + 1}",
            "physfn": f"1000:00:{number:02x}.0",
            "device_node": f"/dev/mock{number}_vf{part}",
            "total_vfs": 0,
            **changes,
        },
    )
