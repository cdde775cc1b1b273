# SPDX-License-Identifier: GPL-3.0-or-later
"""A publisher of mock_accel_dra with an API server of the test's own, and what it has published there."""

from __future__ import annotations

import typing as t

from accel_device import pf, vf
from fake_kube import FakeClient
from mock_accel_dra.inventory import AccelDevice
from mock_accel_dra.publisher import Publisher
from mock_accel_dra.slices import Options

DRIVER = "mock-accel.example.com"
NODE = "node-1"


MANY = [pf(number) for number in range(130)]
BOARD = [pf(0, num_vfs=2, total_vfs=4), vf(0, 0), vf(0, 1)]


def client(*versions: str, **options: t.Any) -> FakeClient:
    made = FakeClient(*versions, **options)
    made.add_node(NODE)
    return made


def publisher(api: FakeClient, **options: t.Any) -> Publisher:
    return Publisher(api, DRIVER, NODE, Options(**options))


def pools(api: FakeClient) -> list[tuple[int, int]]:
    """Generation and count of each slice."""
    return [(one["spec"]["pool"]["generation"], one["spec"]["pool"]["resourceSliceCount"]) for one in api.slices]


def shown(api: FakeClient) -> list[str]:
    devices = (device for one in api.slices for device in one["spec"].get("devices") or ())
    return sorted(device["name"] for device in devices)


def names(*devices: AccelDevice) -> list[str]:
    return sorted(device.device_name for device in devices)
