# SPDX-License-Identifier: GPL-3.0-or-later
"""What is healthy, and when the kubelet hears of it."""

from __future__ import annotations

import threading
import typing as t
from dataclasses import replace

import pytest
from dra_agent import wait_for
from dra_node import Node
from dra_prepared import DEVICE
from mock_accel_dra import health, inventory
from mock_accel_dra.errors import InventoryError
from mock_accel_dra.health import DeviceHealth


@pytest.fixture
def devices(node: Node) -> list[inventory.AccelDevice]:
    return inventory.scan(node.sysfs.root)[:1]


@pytest.mark.parametrize(
    ("change", "healthy", "message"),
    [
        pytest.param({}, True, "", id="well"),
        pytest.param({"errors": 0x01}, False, "the device reports errors: memory", id="one error"),
        pytest.param({"errors": 0x0A}, False, "the device reports errors: thermal, firmware", id="two errors"),
        pytest.param({"errors": 0x34}, False, "the device reports errors: power, 0x30", id="without a meaning"),
        pytest.param({"responding": False, "errors": None}, False, "the device does not answer", id="silent"),
    ],
)
def test_judges(devices: list[inventory.AccelDevice], change: dict[str, t.Any], healthy: bool, message: str) -> None:
    assert health.judge([replace(devices[0], **change)], {}) == [DeviceHealth("mock0", healthy, message)]


def test_a_device_that_a_claim_holds_is_missed(devices: list[inventory.AccelDevice]) -> None:
    held = {"mock0": DEVICE, "mock7": DEVICE}
    assert health.judge(devices, held) == [
        DeviceHealth("mock0", True),
        DeviceHealth("mock7", False, "the device is gone"),
    ]


class Context:
    """A gRPC call whose client can go away."""

    def __init__(self) -> None:
        self.callbacks: list[t.Callable[[], None]] = []

    def add_callback(self, callback: t.Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def go(self) -> None:
        for callback in self.callbacks:
            callback()


def nothing_held(devices: t.Sequence[inventory.AccelDevice]) -> dict[str, t.Any]:
    return {}


class World:
    """Devices that can change, and a monitor that looks when it is told."""

    def __init__(self, devices: list[inventory.AccelDevice]) -> None:
        self.devices = devices
        self.error: Exception | None = None
        self.monitor = health.HealthMonitor(self.scan, nothing_held, 1000)
        self.monitor.look()

    def scan(self) -> list[inventory.AccelDevice]:
        if self.error:
            raise self.error
        return self.devices

    def set(self, **fields: t.Any) -> None:
        self.devices = [replace(self.devices[0], **fields)]
        self.monitor.look()


@pytest.fixture
def world(devices: list[inventory.AccelDevice]) -> t.Iterator[World]:
    made = World(devices)
    yield made
    made.monitor.stop()


def messages_of(answer: t.Any) -> list[str]:
    return [f"{one.device.device_name} {one.health} {one.message}".strip() for one in answer.devices]


@pytest.mark.parametrize("version", [0, 1])
def test_a_stream_tells_now_and_after_each_change(world: World, version: int) -> None:
    service = health.services(world.monitor, "worker-0", resend=1000)[version]
    stream = service.NodeWatchResources(None, Context())
    first = next(stream)
    assert messages_of(first) == ["mock0 1"]
    assert first.devices[0].device.pool_name == "worker-0"
    assert first.devices[0].last_updated_time > 0
    world.set(errors=2)
    assert messages_of(next(stream)) == ["mock0 2 the device reports errors: thermal"]
    world.set(errors=0)
    assert messages_of(next(stream)) == ["mock0 1"]


def test_a_stream_tells_again_without_a_change(world: World) -> None:
    stream = health.services(world.monitor, "worker-0", resend=0.05)[0].NodeWatchResources(None, Context())
    assert [messages_of(next(stream)) for _ in range(3)] == [["mock0 1"]] * 3


def test_it_is_told_again_before_the_kubelet_gives_up() -> None:
    assert health.RESEND_S < 30


def test_nothing_is_told_before_anything_is_known(devices: list[inventory.AccelDevice]) -> None:
    world = World([])
    world.monitor = health.HealthMonitor(world.scan, nothing_held, 1000)
    world.error = InventoryError("no")
    world.monitor.look()
    stream = health.services(world.monitor, "worker-0", resend=1000)[0].NodeWatchResources(None, Context())
    told: list[t.Any] = []
    thread = threading.Thread(target=lambda: told.append(next(stream)), daemon=True)
    thread.start()
    world.error, world.devices = None, devices
    world.monitor.look()
    thread.join(10)
    assert messages_of(told[0]) == ["mock0 1"]
    # What was known last stays true while nothing can be read.
    world.error = InventoryError("no")
    world.monitor.look()
    again = health.services(world.monitor, "worker-0")[0].NodeWatchResources(None, Context())
    assert messages_of(next(again)) == ["mock0 1"]


def test_a_stream_ends_with_its_client_and_with_the_process(world: World) -> None:
    service = health.services(world.monitor, "worker-0", resend=1000)[0]
    context = Context()
    stream = service.NodeWatchResources(None, context)
    next(stream)
    context.go()
    assert next(stream, "end") == "end"
    stream = service.NodeWatchResources(None, Context())
    next(stream)
    world.monitor.stop()
    assert next(stream, "end") == "end"


def test_the_oldest_stream_ends_when_there_are_too_many(world: World) -> None:
    service = health.services(world.monitor, "worker-0", resend=1000)[0]
    streams = [service.NodeWatchResources(None, Context()) for _ in range(health.MOST_STREAMS + 1)]
    for stream in streams:
        next(stream)
    assert next(streams[0], "end") == "end"
    world.set(errors=1)
    assert all(messages_of(next(stream))[0].endswith("memory") for stream in streams[1:])


def test_the_monitor_looks_after_the_interval_and_when_woken(devices: list[inventory.AccelDevice]) -> None:
    looks: list[int] = []

    def scan() -> list[inventory.AccelDevice]:
        looks.append(1)
        return devices

    often = health.HealthMonitor(scan, nothing_held, 0.01)
    often.start()
    wait_for(lambda: len(looks) > 2)
    often.stop()
    seldom = health.HealthMonitor(scan, nothing_held, 1000)
    seldom.start()
    before = len(looks)
    seldom.wake()
    wait_for(lambda: len(looks) > before)
    seldom.stop()
