# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching claims that wait for this node's devices; the API server is a fake."""

from __future__ import annotations

import threading
import typing as t

import pytest
from accel_device import pf
from dra_agent import DRIVER, NODE, wait_for
from dra_node import claim
from fake_kube import FakeWatch
from mock_accel_dra import binding, kube
from mock_accel_dra.binding import BindingReporter
from mock_accel_dra.claim_api import ClaimApi

Json = dict[str, t.Any]
YES, NO = f"{DRIVER}/DeviceAnswers", f"{DRIVER}/DeviceFailed"
ALL = "/apis/resource.k8s.io/v1/resourceclaims"


class Server:
    """Claims by name, and the watches of them; errors are raised first, by method."""

    def __init__(self) -> None:
        self.claims: dict[str, Json] = {}
        self.watches: list[FakeWatch] = []
        self.errors: dict[str, list[Exception]] = {}
        self.called: list[str] = []
        self.lock = threading.Lock()

    def add(self, *devices: Json, name: str = "c0") -> Json:
        made = claim(name, *devices)
        self.claims[name] = made
        return made

    def said(self, name: str = "c0") -> dict[str, str]:
        entries = self.claims[name]["status"].get("devices") or []
        return {one["type"]: one["status"] for entry in entries for one in entry["conditions"]}

    def _begin(self, method: str, path: str) -> None:
        with self.lock:
            self.called.append(f"{method} {path}")
            if self.errors.get(method):
                raise self.errors[method].pop(0)

    def get(self, path: str, params: t.Any = None) -> Json:
        self._begin("GET", path)
        return self.claims[path.rpartition("/")[2]] if "claims" in path else {"versions": [{"version": "v1"}]}

    def list(self, path: str, params: t.Any = None) -> tuple[list[Json], str]:
        self._begin("LIST", path)
        assert path == ALL
        return list(self.claims.values()), "7"

    def watch(self, path: str, params: t.Any, seconds: int) -> FakeWatch:
        self._begin("WATCH", path)
        assert (path, params) == (ALL, {"resourceVersion": "7"})
        self.watches.append(FakeWatch())
        return self.watches[-1]

    def patch(self, path: str, body: Json, content_type: str, params: t.Any = None) -> Json:
        self._begin("PATCH", path)
        name = path.split("/")[-2]
        self.claims[name]["status"]["devices"] = body["status"]["devices"]
        return {}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Server]:
    monkeypatch.setattr(binding, "SHORTEST_WATCH_S", 0.02)
    monkeypatch.setattr(binding, "REFUSED_S", 0.02)
    made = Server()
    devices = {"mock0": pf(), "mock1": pf(1, responding=False, allocated=None, errors=None)}
    client = t.cast(kube.Client, made)
    reporter = BindingReporter(client, ClaimApi(client), DRIVER, NODE, devices.get)
    made.reporter = reporter  # type: ignore[attr-defined]
    yield made
    reporter.stop()


def bound(device: str) -> Json:
    return {"device": device, "bindingConditions": [YES], "bindingFailureConditions": [NO]}


def start(server: Server) -> None:
    server.reporter.start()  # type: ignore[attr-defined]


def test_claims_that_wait_already(server: Server) -> None:
    server.add(bound("mock0"))
    server.add(bound("mock1"), name="c1")
    server.add({"device": "mock0"}, name="plain")
    start(server)
    wait_for(lambda: server.watches)
    assert server.said() == {YES: "True"}
    assert server.said("c1") == {YES: "False", NO: "True"}
    # Of a claim that waits for nothing, nothing is asked.
    assert not any("plain" in call for call in server.called)


def test_claims_that_come_later(server: Server) -> None:
    start(server)
    wait_for(lambda: server.watches)
    made = server.add(bound("mock0"))
    server.watches[0].events.put(("BOOKMARK", {"metadata": {"resourceVersion": "8"}}))
    server.watches[0].events.put(("MODIFIED", made))
    wait_for(lambda: server.said() == {YES: "True"})


def test_a_claim_is_judged_by_what_it_is_when_it_is_written(server: Server) -> None:
    start(server)
    wait_for(lambda: server.watches)
    seen = server.add(bound("mock0"))
    server.claims["c0"] = {**claim("c0", bound("mock1")), "metadata": seen["metadata"]}
    server.watches[0].events.put(("ADDED", seen))
    wait_for(lambda: server.said() == {YES: "False", NO: "True"})


@pytest.mark.parametrize(
    "error",
    [kube.Expired("too old"), kube.Unavailable("away"), kube.Refused("forbidden")],
    ids=["too old", "away", "forbidden"],
)
@pytest.mark.parametrize("method", ["LIST", "WATCH"])
def test_it_watches_again(server: Server, method: str, error: Exception) -> None:
    server.errors[method] = [error] * 2
    start(server)
    wait_for(lambda: server.watches)
    made = server.add(bound("mock0"))
    server.watches[0].events.put(("ADDED", made))
    wait_for(lambda: server.said() == {YES: "True"})


def test_a_claim_that_cannot_be_written_keeps_no_other(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    server.add(bound("mock0"))
    server.add(bound("mock0"), name="c1")
    server.errors["PATCH"] = [kube.Refused("not this one")]
    start(server)
    wait_for(lambda: server.watches)
    assert sorted([len(server.said()), len(server.said("c1"))]) == [0, 1]
    assert "not this one" in capfd.readouterr().err


def test_an_outage_while_a_claim_is_written(server: Server) -> None:
    server.add(bound("mock0"))
    server.errors["PATCH"] = [kube.Unavailable("away"), kube.Conflict("others write")]
    start(server)
    wait_for(lambda: server.said() == {YES: "True"})


def test_it_ends(server: Server) -> None:
    start(server)
    wait_for(lambda: server.watches)
    before = len(server.called)
    server.reporter.stop()  # type: ignore[attr-defined]
    wait_for(lambda: not [one for one in threading.enumerate() if one.name == "binding"])
    assert len(server.called) == before
