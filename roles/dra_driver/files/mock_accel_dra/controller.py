# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps this node's slices as the devices are: at a uevent, when somebody else writes them, and now and then anyway.

One thread scans and writes. Two others only wake it: one waits for uevents, one for events of the watch. So nothing
runs between two rescans unless something has happened.
"""

from __future__ import annotations

import os
import queue
import threading
import time
import typing as t
from pathlib import Path

from . import access, ending, inventory, log
from .backoff import Backoff
from .config import Settings
from .errors import DriverError, Expired
from .kube import Client, Watch
from .metrics import Metric, Server
from .publisher import Changes, Publisher
from .slices import Options, faults

# Plugging a board is a dozen uevents: they are waited for this long after each, and so long in all.
QUIET_S = 0.05
PATIENCE_S = 0.3
# The server ends a watch after about this time; a new one costs two requests.
WATCH_S = 1800
# A server that ends each watch at once is not asked more often.
SHORTEST_WATCH_S = 1.0

DEVICES = Metric("gauge", "devices", "Devices that sysfs shows, by deviceType.")
FAULTY = Metric("gauge", "devices_faulty", "Devices with errors or without an answer.")
SLICES = Metric("gauge", "slices", "ResourceSlices of this node's pool.")
GENERATION = Metric("gauge", "pool_generation", "Generation of this node's pool.")
LAST = Metric("gauge", "last_publish_timestamp_seconds", "When the slices were last known to be as the devices are.")
WRITES = Metric("counter", "slice_writes_total", "Writes of ResourceSlices, by verb.")
FAILURES = Metric("counter", "publish_failures_total", "Rounds that ended with an error.")
WAKES = Metric("counter", "rounds_total", "Rounds, by what was the reason.")
METRICS = (DEVICES, FAULTY, SLICES, GENERATION, LAST, WRITES, FAILURES, WAKES)

Scan = t.Callable[[Path], t.Sequence[inventory.AccelDevice]]


class Bell:
    """What wakes the controller. Any thread may ring it."""

    def __init__(self) -> None:
        self._rings: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.ended = False

    def ring(self, reason: str) -> None:
        self._rings.put(reason)

    def end(self) -> None:
        self.ended = True
        self.ring("end")

    def wait(self, seconds: float) -> set[str]:
        """The reasons of what has rung, waited for until it is quiet again; none after that many seconds."""
        reasons = self._next(seconds)
        deadline = time.monotonic() + PATIENCE_S
        while reasons and not self.ended and (left := deadline - time.monotonic()) > 0:
            more = self._next(min(QUIET_S, left))
            if not more:
                break
            reasons |= more
        return reasons

    def _next(self, seconds: float) -> set[str]:
        try:
            return {self._rings.get(timeout=max(seconds, 0))}
        except queue.Empty:
            return set()


class SliceWatch:
    """Rings where the server's slices are not what the publisher has last seen."""

    def __init__(self, client: Client, publisher: Publisher, bell: Bell, longest: float) -> None:
        self._client = client
        self._publisher = publisher
        self._bell = bell
        self._backoff = Backoff(longest)
        self._ended = threading.Event()
        self._watch: Watch | None = None
        self._lock = threading.Lock()
        self._events: list[tuple[str, str | None]] = []

    def run(self) -> None:
        lost = False
        while not self._ended.is_set():
            started = time.monotonic()
            try:
                self._follow(lost)
                lost = False
                self._backoff.reset()
            except Expired:
                log.info("The watch is too old, listing again", 3)
            except DriverError as error:
                if self._ended.is_set():
                    return
                seconds = self._backoff.seconds(error)
                log.warning("Lost sight of the slices", reason=error, again_in=seconds)
                lost = True
                self._ended.wait(seconds)
                continue
            self._ended.wait(max(0, started + SHORTEST_WATCH_S - time.monotonic()))

    def end(self) -> None:
        self._ended.set()
        with self._lock:
            if self._watch:
                self._watch.close()

    def seen(self) -> bool:
        """Whether somebody else has written since the last call. Events of our own writes say what is known already."""
        with self._lock:
            events, self._events = self._events, []
        return not all(self._publisher.is_known(name, version) for name, version in events)

    def _follow(self, lost: bool) -> None:
        """One list and one watch, to its end."""
        path, selector = self._publisher.path, self._publisher.selector
        items, version = self._client.list(path, selector)
        if lost:
            log.info("The API server answers again")
            self._bell.ring("server")
        self._backoff.reset()
        # What has come or gone while nobody watched.
        there = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}
        self._tell([*there.items(), *((name, None) for name in self._publisher.names() if name not in there)])
        watch = self._client.watch(path, {**selector, "resourceVersion": version}, WATCH_S)
        with self._lock:
            self._watch = watch
        if self._ended.is_set():
            watch.close()
        for kind, item in watch:
            if kind != "BOOKMARK":
                metadata = item["metadata"]
                gone = kind == "DELETED"
                self._tell([(metadata["name"], None if gone else metadata["resourceVersion"])])

    def _tell(self, events: list[tuple[str, str | None]]) -> None:
        if all(self._publisher.is_known(name, version) for name, version in events):
            return
        with self._lock:
            self._events += events
        self._bell.ring("slices")


class Controller:
    """The loop of the process."""

    def __init__(self, settings: Settings, client: Client, watch_client: Client, scan: Scan = inventory.scan) -> None:
        self._settings = settings
        self._scan = scan
        self._bell = Bell()
        options = Options(settings.shared_devices, settings.binding_conditions)
        self._publisher = Publisher(client, settings.driver_name, settings.node_name, options)
        self._watch = SliceWatch(watch_client, self._publisher, self._bell, settings.rescan_interval)
        self._backoff = Backoff(settings.rescan_interval)
        # Whoever watches a counter wants to see it before it grows.
        FAILURES.add(0)
        self._threads: list[threading.Thread] = []
        self._watching = False
        self.has_published = False
        self._uevents: inventory.UeventSource | None = None

    def run(self) -> None:
        """Until `end` is called."""
        try:
            # Listening begins before the first scan, so that no change falls between the two.
            self._listen()
            wait = 0.0
            while not self._bell.ended:
                wait = self._round(self._bell.wait(wait))
        finally:
            self._watch.end()
            if self._uevents:
                self._uevents.close()
            for thread in self._threads:
                thread.join(5)

    def end(self) -> None:
        self._bell.end()

    def _round(self, reasons: set[str]) -> float:
        """Scan and publish; how long to wait for the next time."""
        if self._bell.ended:
            return 0
        log.info("Looking at the devices", 8, reasons=sorted(reasons) or "interval")
        for reason in reasons or {"interval"}:
            WAKES.add(reason=reason)
        try:
            if "server" in reasons:
                self._publisher.ask_again()
            elif self._watch.seen():
                log.info("Somebody else has written the slices", 2)
                self._publisher.list_again()
            devices = self._scan(self._settings.sysfs_root)
            self._count(devices, self._publisher.publish(devices))
        except DriverError as error:
            FAILURES.add()
            seconds = self._backoff.seconds(error)
            log.error("Could not publish the devices", reason=error, again_in=seconds)
            return seconds
        self.has_published = True
        self._backoff.reset()
        if not self._watching:
            # It needs the path that the publisher has found.
            self._start(self._watch.run, "slices")
            self._watching = True
        return self._settings.rescan_interval

    def _count(self, devices: t.Sequence[inventory.AccelDevice], changes: Changes) -> None:
        for kind in ("pf", "vf"):
            DEVICES.set(sum(device.kind == kind for device in devices), type=kind)
        FAULTY.set(sum(bool(faults(device)) for device in devices))
        SLICES.set(len(self._publisher.names()))
        GENERATION.set(self._publisher.generation)
        for verb, count in (("create", changes.created), ("update", changes.updated), ("delete", changes.deleted)):
            WRITES.add(count, verb=verb)
        LAST.set(time.time())

    def _listen(self) -> None:
        try:
            self._uevents = inventory.UeventSource()
        except DriverError as error:
            log.warning("Changes are noticed at rescans only", reason=error)
            return
        self._start(self._hear, "uevents")

    def _hear(self) -> None:
        assert self._uevents
        try:
            while self._uevents.wait():
                self._bell.ring("uevent")
        except DriverError as error:
            log.warning("Changes are noticed at rescans only", reason=error)

    def _start(self, run: t.Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def run(settings: Settings) -> int:
    """`python -m mock_accel_dra controller`."""
    where = access.find(settings.kubeconfig, os.environ)
    client, watch_client = Client(where), Client(where)
    controller = Controller(settings, client, watch_client)
    ending.on_signal(controller.end)
    shown = None
    if settings.metrics_address:
        shown = Server(settings.metrics_address, METRICS, lambda: controller.has_published)
    log.info("Started", driver=settings.driver_name, node=settings.node_name, sysfs_root=settings.sysfs_root)
    try:
        controller.run()
    finally:
        client.close()
        watch_client.close()
        if shown:
            shown.close()
    log.info("Ended")
    return 0
