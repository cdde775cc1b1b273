# SPDX-License-Identifier: GPL-3.0-or-later
"""What wakes the controller and what it does then; the API server is a fake, the sysfs tree is files."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t
from pathlib import Path

import pytest
from accel_sysfs import AccelTree
from fake_kube import FakeClient
from mock_accel_dra import backoff, controller, inventory, kube, metrics
from mock_accel_dra.config import Settings
from mock_accel_dra.controller import Bell, Controller
from mock_accel_dra.errors import InventoryError

DOWN = kube.Unavailable("Error while calling: connection refused")


class Source:
    """Uevents that tests make."""

    def __init__(self) -> None:
        self.rings = threading.Semaphore(0)
        self.closed = False

    def wait(self) -> bool:
        self.rings.acquire()
        return not self.closed

    def close(self) -> None:
        self.closed = True
        self.rings.release()


class Run:
    """A controller in a thread, with its world."""

    def __init__(self, tmp_path: Path, interval: float = 3600) -> None:
        self.tree = AccelTree(tmp_path / "sys")
        self.api = FakeClient()
        self.api.add_node("node-1")
        self.source = Source()
        self.scans: list[float] = []
        settings = Settings("controller", "node-1", sysfs_root=self.tree.root, rescan_interval=interval)
        client = t.cast(kube.Client, self.api)
        self.controller = Controller(settings, client, client, self.scan)
        self.thread = threading.Thread(target=self.controller.run, daemon=True)

    def scan(self, root: Path) -> list[inventory.AccelDevice]:
        self.scans.append(time.monotonic())
        return inventory.scan(root)

    def shown(self) -> list[str]:
        return sorted(device["name"] for one in self.api.slices for device in one["spec"].get("devices") or ())

    def uevent(self) -> None:
        self.source.rings.release()

    def end(self) -> None:
        self.controller.end()
        self.thread.join(5)
        assert not self.thread.is_alive()


def until(condition: t.Callable[[], t.Any], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Run]:
    made = Run(tmp_path)
    monkeypatch.setattr(inventory, "UeventSource", lambda: made.source)
    monkeypatch.setattr(backoff, "FIRST_BACKOFF_S", 0.02)
    monkeypatch.setattr(controller, "SHORTEST_WATCH_S", 0.02)
    yield made
    made.end()


@pytest.fixture
def running(world: Run) -> Run:
    """It has published mock0 and watches."""
    world.tree.add_pf(0)
    world.thread.start()
    until(lambda: world.api.watches)
    return world


def test_it_publishes_at_once(running: Run) -> None:
    assert running.shown() == ["mock0"]


def test_it_works_once_it_has_published(world: Run) -> None:
    assert not world.controller.has_published
    world.thread.start()
    until(lambda: world.controller.has_published)
    assert len(world.api.slices) == 1


def test_nothing_happens_where_nothing_happens(running: Run) -> None:
    running.api.forget()
    time.sleep(0.5)
    assert running.api.requests == []
    assert len(running.scans) == 1


def test_a_uevent_is_noticed_at_once(running: Run) -> None:
    running.tree.add_pf(1)
    started = time.monotonic()
    running.uevent()
    until(lambda: running.shown() == ["mock0", "mock1"])
    assert time.monotonic() - started < 1


def test_many_uevents_are_one_round(running: Run) -> None:
    running.tree.add_vfs(0, 4)
    running.api.forget()
    for _ in range(30):
        running.uevent()
        time.sleep(0.002)
    until(lambda: len(running.shown()) == 5)
    time.sleep(0.2)
    assert len(running.scans) == 2
    assert running.api.writes == ["PUT", "POST"]


def test_uevents_without_end_do_not_put_it_off(running: Run) -> None:
    stop = threading.Event()

    def storm() -> None:
        while not stop.wait(0.01):
            running.uevent()

    thread = threading.Thread(target=storm)
    thread.start()
    running.tree.add_pf(1)
    try:
        until(lambda: running.shown() == ["mock0", "mock1"], 2)
    finally:
        stop.set()
        thread.join()


def test_without_uevents_it_rescans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> t.NoReturn:
        raise InventoryError("Error while listening to uevents: Operation not permitted")

    monkeypatch.setattr(inventory, "UeventSource", refuse)
    world = Run(tmp_path, interval=0.2)
    world.thread.start()
    try:
        until(lambda: world.api.slices)
        world.tree.add_pf(0)
        until(lambda: world.shown() == ["mock0"])
        time.sleep(0.7)
        gaps = [later - earlier for earlier, later in zip(world.scans, world.scans[1:], strict=False)]
        assert min(gaps) > 0.19
    finally:
        world.end()


def test_the_slices_are_deleted_as_a_kubelet_does_when_it_starts(running: Run) -> None:
    (gone,) = running.api.slices
    running.api.drop_all()
    running.api.tell("DELETED", gone)
    until(lambda: running.shown() == ["mock0"])
    assert running.api.slices[0]["metadata"]["name"] != gone["metadata"]["name"]


def test_somebody_edits_a_slice(running: Run) -> None:
    edited = running.api.edit(running.api.slices[0]["metadata"]["name"])
    edited["spec"]["devices"] = []
    running.api.tell("MODIFIED", edited)
    until(lambda: running.shown() == ["mock0"])


def test_its_own_writes_are_no_news(running: Run) -> None:
    running.api.forget()
    running.api.tell("ADDED", running.api.slices[0])
    running.api.tell("BOOKMARK", {"metadata": {"resourceVersion": "99"}})
    time.sleep(0.3)
    assert running.api.requests == []


def test_what_happened_while_nobody_watched(running: Run) -> None:
    running.api.drop_all()
    running.api.watches[-1].events.put(None)
    until(lambda: running.shown() == ["mock0"])


@pytest.mark.parametrize(
    "end", [None, kube.Expired("too old"), DOWN, kube.Refused("no")], ids=["in order", "too old", "broken", "refused"]
)
def test_a_watch_that_ends_is_begun_again(running: Run, end: Exception | None) -> None:
    running.api.watches[-1].events.put(end)
    until(lambda: len(running.api.watches) == 2)
    (gone,) = running.api.slices
    running.api.drop_all()
    running.api.tell("DELETED", gone)
    until(lambda: running.shown() == ["mock0"])


def test_watches_that_end_at_once_are_not_a_loop(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "SHORTEST_WATCH_S", 0.2)
    running.api.forget()
    deadline = time.monotonic() + 0.9
    while time.monotonic() < deadline:
        for watch in running.api.watches:
            watch.close()
        time.sleep(0.01)
    assert [method for method, _ in running.api.requests].count("WATCH") <= 6


@contextlib.contextmanager
def outage(api: FakeClient) -> t.Iterator[None]:
    methods = ("GET", "LIST", "WATCH", "POST", "PUT", "DELETE", "DRYRUN")
    for method in methods:
        api.failures[method] = [DOWN] * 1000
    for watch in api.watches:
        watch.events.put(DOWN)
    yield
    for method in methods:
        api.failures[method] = []


def test_the_api_server_is_away_for_a_while(running: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with outage(running.api):
        running.tree.add_pf(1)
        running.uevent()
        until(lambda: "Could not publish the devices" in capsys.readouterr().err)
        # It waits longer from time to time.
        before = len(running.api.requests)
        time.sleep(0.6)
        assert len(running.api.requests) - before < 30
    until(lambda: running.shown() == ["mock0", "mock1"])


@pytest.mark.parametrize("served", [True, False], ids=["more is served", "less is served"])
def test_the_api_server_is_another_one_afterwards(world: Run, served: bool) -> None:
    """It was upgraded, with another choice of gates: what it serves is asked anew though no device has changed."""
    world.tree.add_pf(0)
    world.tree.add_pf(1)
    world.tree.write("mock0", "errors", "0x01")
    (world.api.serves.discard if served else world.api.serves.add)("taints")
    world.thread.start()
    until(lambda: world.api.watches)
    assert ("mock0" in world.shown()) is not served
    with outage(world.api):
        (world.api.serves.add if served else world.api.serves.discard)("taints")
    until(lambda: ("mock0" in world.shown()) is served)


def test_it_starts_before_the_api_server(world: Run) -> None:
    world.tree.add_pf(0)
    with outage(world.api):
        world.thread.start()
        time.sleep(0.1)
        assert world.api.slices == []
    until(lambda: world.shown() == ["mock0"])


def test_a_scan_that_fails_takes_nothing_away(running: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(root: Path) -> t.NoReturn:
        raise InventoryError("Error while reading: Too many open files")

    monkeypatch.setattr(running.controller, "_scan", fail)
    running.uevent()
    time.sleep(0.3)
    assert running.shown() == ["mock0"]


def metric(name: str) -> float:
    lines = metrics.text(controller.METRICS).splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"mock_accel_dra_{name} ")), 0.0)


def test_what_happens_is_counted(running: Run) -> None:
    names = [f'slice_writes_total{{verb="{verb}"}}' for verb in ("create", "update", "delete")]
    before = [metric(name) for name in names]
    running.tree.add_vfs(0, 2)
    running.tree.silence("mock0_vf1")
    running.uevent()
    until(lambda: metric('devices{type="vf"}') == 2)
    assert [metric(name) - old for name, old in zip(names, before, strict=True)] == [1, 1, 0]
    assert (metric('devices{type="pf"}'), metric("devices_faulty"), metric("slices")) == (1, 1, 2)
    assert metric("pool_generation") == 2
    assert time.time() - metric("last_publish_timestamp_seconds") < 10
    failures = metric("publish_failures_total")
    with outage(running.api):
        running.tree.remove("mock0")
        running.uevent()
        until(lambda: metric("publish_failures_total") > failures)
    until(lambda: running.shown() == [])


def test_the_slices_stay_when_it_ends(running: Run) -> None:
    running.end()
    assert running.shown() == ["mock0"]
    assert running.source.closed


# --- parts ---


def test_a_bell_waits_until_it_is_quiet() -> None:
    bell = Bell()
    for reason in ("uevent", "uevent", "slices"):
        bell.ring(reason)
    assert bell.wait(5) == {"uevent", "slices"}
    started = time.monotonic()
    assert bell.wait(0.05) == set()
    assert time.monotonic() - started < 1


def test_a_bell_that_ends_does_not_wait() -> None:
    bell = Bell()
    bell.end()
    started = time.monotonic()
    assert bell.wait(5) == {"end"}
    assert time.monotonic() - started < 0.1
    assert bell.ended
