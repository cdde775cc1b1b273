# SPDX-License-Identifier: GPL-3.0-or-later
"""Health of the devices, streamed to the kubelet, and of this process, for probes."""

from __future__ import annotations

import contextlib
import threading
import time
import types
import typing as t
from dataclasses import dataclass

import grpc

from . import log
from .api import dra_health_v1_pb2, dra_health_v1alpha1_pb2
from .api import grpc_health_v1_pb2 as liveness
from .errors import DriverError
from .inventory import AccelDevice
from .metrics import Metric
from .prepared import PreparedDevice

# The kubelet takes a device that it has heard nothing of for 30 s for one of unknown health.
RESEND_S = 20.0
# Of one service; the kubelet has one, and what it has left behind must not use up the threads.
MOST_STREAMS = 4

DEVICES = Metric("gauge", "devices", "Devices that are here or that a claim holds, by health")
METRICS = (DEVICES,)

ERRORS = {0x01: "memory", 0x02: "thermal", 0x04: "power", 0x08: "firmware"}


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """One device's health; `message` says what is wrong."""

    device_name: str
    healthy: bool
    message: str = ""


def judge(devices: t.Iterable[AccelDevice], held: t.Mapping[str, PreparedDevice]) -> list[DeviceHealth]:
    """Everything that is here, and what claims hold although it is not."""
    here = {device.device_name: _of(device) for device in devices}
    gone = [DeviceHealth(name, False, "the device is gone") for name in sorted(held) if name not in here]
    return [*here.values(), *gone]


def _of(device: AccelDevice) -> DeviceHealth:
    if not device.responding:
        return DeviceHealth(device.device_name, False, "the device does not answer")
    if device.errors:
        known = [word for bit, word in ERRORS.items() if device.errors & bit]
        rest = device.errors & ~sum(ERRORS)
        words = [*known, *([f"0x{rest:02x}"] if rest else [])]
        return DeviceHealth(device.device_name, False, f"the device reports errors: {', '.join(words)}")
    return DeviceHealth(device.device_name, True)


class HealthMonitor:
    """Knows the newest health of all devices: looks when it is told to, and after each interval without."""

    def __init__(
        self,
        scan: t.Callable[[], t.Sequence[AccelDevice]],
        held: t.Callable[[t.Sequence[AccelDevice]], t.Mapping[str, PreparedDevice]],
        interval: float,
    ) -> None:
        self._scan = scan
        self._held = held
        self._interval = interval
        self._changed = threading.Condition()
        self._look = threading.Event()
        self._ended = False
        self._health: list[DeviceHealth] = []
        self._version = 0
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        self.look()
        self._thread.start()

    def wake(self) -> None:
        """Look now, in the monitor's thread."""
        self._look.set()

    def look(self) -> None:
        try:
            devices = self._scan()
            health = judge(devices, self._held(devices))
        except DriverError as error:
            log.error("The devices' health is not known", reason=str(error))
            return
        well = sum(one.healthy for one in health)
        DEVICES.set(well, health="healthy")
        DEVICES.set(len(health) - well, health="unhealthy")
        with self._changed:
            if health != self._health or not self._version:
                self._tell(health)
                self._health = health
                self._version += 1
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._look.set()

    def notify(self) -> None:
        """Have those that wait look at what they wait for."""
        with self._changed:
            self._changed.notify_all()

    def wait(
        self, seen: int | None, timeout: float, until: t.Callable[[], bool]
    ) -> tuple[int, list[DeviceHealth]] | None:
        """The health when it is another than that seen, or after the time; none at the end, or when `until` is true."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or until() or self._version != seen, timeout)
            return None if self._ended or until() else (self._version, self._health)

    def _run(self) -> None:
        while not self._ended:
            self._look.wait(self._interval)
            self._look.clear()
            if not self._ended:
                self.look()

    def _tell(self, health: t.Iterable[DeviceHealth]) -> None:
        before = {one.device_name: one for one in self._health}
        for one in health:
            old = before.get(one.device_name)
            if not one.healthy and one != old:
                log.warning("A device is unhealthy", device=one.device_name, reason=one.message)
            elif one.healthy and old and not old.healthy:
                log.info("A device is healthy again", device=one.device_name)


class _Streams:
    """The watchers of one service. Each ends when its client has gone, or when there are too many younger ones."""

    def __init__(self, monitor: HealthMonitor) -> None:
        self._monitor = monitor
        self._open: list[threading.Event] = []

    @contextlib.contextmanager
    def one(self, context: t.Any) -> t.Iterator[t.Callable[[], bool]]:
        """Gives the question whether this one has ended."""
        ended = threading.Event()

        def end() -> None:
            ended.set()
            self._monitor.notify()

        self._open.append(ended)
        for oldest in self._open[:-MOST_STREAMS]:
            oldest.set()
        self._monitor.notify()
        context.add_callback(end)
        try:
            yield ended.is_set
        finally:
            self._open.remove(ended)


class DeviceHealthService:
    """DRAResourceHealth: the whole list at once, after each change, and again before the kubelet takes it for old."""

    def __init__(self, monitor: HealthMonitor, pool: str, messages: types.ModuleType, resend: float = RESEND_S) -> None:
        self._monitor = monitor
        self._pool = pool
        self._messages = messages
        self._resend = resend
        self._streams = _Streams(monitor)
        self.descriptor = messages.DESCRIPTOR.services_by_name["DRAResourceHealth"]

    def NodeWatchResources(self, request: t.Any, context: t.Any) -> t.Iterator[t.Any]:
        seen = None
        with self._streams.one(context) as ended:
            while found := self._monitor.wait(seen, self._resend, ended):
                seen, health = found
                # Nothing could be read yet: an empty list would say that there is nothing.
                if seen:
                    yield self._answer(health)

    def _answer(self, health: t.Iterable[DeviceHealth]) -> t.Any:
        now = int(time.time())
        answer = self._messages.NodeWatchResourcesResponse()
        for one in health:
            answer.devices.add(
                device={"pool_name": self._pool, "device_name": one.device_name},
                health=self._messages.HEALTHY if one.healthy else self._messages.UNHEALTHY,
                last_updated_time=now,
                message=one.message,
            )
        return answer


def services(monitor: HealthMonitor, pool: str, resend: float = RESEND_S) -> list[DeviceHealthService]:
    return [
        DeviceHealthService(monitor, pool, module, resend) for module in (dra_health_v1_pb2, dra_health_v1alpha1_pb2)
    ]


class LivenessService:
    """grpc.health.v1. Service "liveness": this process answers. No name: it can also do its work."""

    def __init__(self, monitor: HealthMonitor, works: t.Callable[[], bool], interval: float = RESEND_S) -> None:
        self._monitor = monitor
        self._works = works
        self._interval = interval
        self._streams = _Streams(monitor)
        self.descriptor = liveness.DESCRIPTOR.services_by_name["Health"]

    def Check(self, request: t.Any, context: t.Any) -> t.Any:
        status = self._status(request.service)
        if status == liveness.HealthCheckResponse.SERVICE_UNKNOWN:
            context.abort(grpc.StatusCode.NOT_FOUND, f"the service {request.service} does not exist")
        return liveness.HealthCheckResponse(status=status)

    def Watch(self, request: t.Any, context: t.Any) -> t.Iterator[t.Any]:
        told = seen = None
        with self._streams.one(context) as ended:
            while found := self._monitor.wait(seen, self._interval, ended):
                seen = found[0]
                status = self._status(request.service)
                if status != told:
                    told = status
                    yield liveness.HealthCheckResponse(status=status)

    def _status(self, service: str) -> int:
        answers = liveness.HealthCheckResponse
        if service == "liveness":
            return answers.SERVING
        if service:
            return answers.SERVICE_UNKNOWN
        return answers.SERVING if self._works() else answers.NOT_SERVING
