# SPDX-License-Identifier: GPL-3.0-or-later
"""claim.status.devices, written in the background."""

from __future__ import annotations

import datetime
import threading
import typing as t
from dataclasses import replace

import pytest
from dra_node import DRIVER, wait_for
from dra_prepared import CLAIM, DEVICE
from mock_accel_dra import claim_status
from mock_accel_dra.claim_api import ClaimApi
from mock_accel_dra.errors import Conflict, DriverError, NotFound, Refused, Unavailable

NOW = datetime.datetime(2026, 11, 25, 3, 4, 5, tzinfo=datetime.UTC)


class Api:
    """Remembers what is applied; errors are raised first, one for each call."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.applied: list[tuple[str, int]] = []
        self.called = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def apply_devices(self, ref: t.Any, manager: str, devices: list[t.Any]) -> None:
        assert manager == f"{DRIVER}-node-agent"
        self.called += 1
        assert self.may_go_on.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        self.applied.append((ref.uid, len(devices)))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_status, "RETRY_S", (0.01, 0.02))
    monkeypatch.setattr(claim_status, "DELAY_S", 0.01)


def writer(api: Api) -> claim_status.ClaimStatusWriter:
    made = claim_status.ClaimStatusWriter(t.cast(ClaimApi, api), DRIVER)
    made.start()
    return made


def test_entries() -> None:
    shared = replace(DEVICE, share_id="s")
    (first, second) = claim_status.entries(replace(CLAIM, devices=(DEVICE, shared, DEVICE)), DRIVER, NOW)
    assert first == {
        "driver": DRIVER,
        "pool": "worker-0",
        "device": "mock0-vf1",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Prepared",
                "message": "",
                "lastTransitionTime": "2026-11-25T03:04:05Z",
            }
        ],
        "data": {"uuid": "60faed32", "pciAddress": "1000:00:00.2", "deviceNode": "/dev/mock0_vf1"},
    }
    assert second == {**first, "shareID": "s"}


def test_writes_and_takes_back() -> None:
    api = Api()
    made = writer(api)
    made.prepared(CLAIM)
    assert made.idle(10)
    made.unprepared(CLAIM.ref)
    assert made.idle(10)
    assert api.applied == [("u0", 1), ("u0", 0)]


def test_only_the_newest_wish_counts() -> None:
    api = Api()
    api.may_go_on.clear()
    made = writer(api)
    made.prepared(CLAIM)
    wait_for(lambda: api.called)
    for _ in range(5):
        made.prepared(CLAIM)
    # While the first is under way: the server may have heard of it.
    made.prepared(replace(CLAIM, devices=(DEVICE, replace(DEVICE, device_name="mock1"))))
    api.may_go_on.set()
    assert made.idle(10)
    assert api.applied == [("u0", 1), ("u0", 2)]


def test_what_the_server_has_never_heard_of_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_status, "DELAY_S", 1000)
    api = Api()
    made = writer(api)
    made.prepared(CLAIM)
    made.unprepared(CLAIM.ref)
    assert made.idle(0)
    made.unprepared(CLAIM.ref)
    made.stop(10)
    assert api.applied == [("u0", 0)]


@pytest.mark.parametrize(
    ("errors", "applied", "called"),
    [
        pytest.param([Unavailable("away")] * 3, [("u0", 1)], 4, id="away for a while"),
        pytest.param([NotFound("gone")], [], 1, id="gone"),
        pytest.param([Conflict("another UID")], [], 1, id="made anew"),
        pytest.param([Refused("Error while calling: forbidden (HTTP 403)")], [], 1, id="not allowed"),
    ],
)
def test_errors(errors: list[DriverError], applied: list[t.Any], called: int) -> None:
    api = Api(*errors)
    made = writer(api)
    made.prepared(CLAIM)
    assert made.idle(10)
    assert (api.applied, api.called) == (applied, called)


def test_what_is_not_allowed_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    made = writer(Api(*[Refused("Error while calling X: forbidden (HTTP 403)")] * 3))
    for _ in range(3):
        made.prepared(CLAIM)
        assert made.idle(10)
    assert capfd.readouterr().err.count("The devices in the claims' status are not kept") == 1


def test_stops_after_what_is_due() -> None:
    api = Api()
    made = writer(api)
    made.prepared(CLAIM)
    made.stop(10)
    assert api.applied == [("u0", 1)]


class Client:
    def __init__(self, *versions: str) -> None:
        self.versions = versions
        self.calls: list[t.Any] = []

    def get(self, path: str, params: t.Any = None) -> t.Any:
        self.calls.append(path)
        return {"versions": [{"version": version} for version in self.versions]}

    def patch(self, path: str, body: t.Any, content_type: str, params: t.Any = None) -> t.Any:
        self.calls.append((path, body, content_type, params))
        return {}


@pytest.mark.parametrize(
    ("served", "chosen"),
    [(["v1beta1", "v1", "v1beta2"], "v1"), (["v1beta1", "v1beta2"], "v1beta2"), (["v1beta1"], "v1beta1")],
)
def test_the_newest_version_that_is_served(served: list[str], chosen: str) -> None:
    client = Client(*served)
    api = ClaimApi(client)
    for _ in range(2):
        api.get(CLAIM.ref)
    path = f"/apis/resource.k8s.io/{chosen}/namespaces/default/resourceclaims/c0"
    assert client.calls == ["/apis/resource.k8s.io", path, path]


def test_a_server_that_is_too_old() -> None:
    with pytest.raises(Refused, match="only as v1alpha3"):
        ClaimApi(Client("v1alpha3")).get(CLAIM.ref)


def test_an_apply_names_the_uid() -> None:
    client = Client("v1")
    ClaimApi(client).apply_devices(CLAIM.ref, "me", [])
    path, body, content_type, params = client.calls[-1]
    assert path.endswith("/resourceclaims/c0/status")
    assert body == {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "c0", "namespace": "default", "uid": "u0"},
        "status": {"devices": []},
    }
    assert content_type == "application/apply-patch+yaml"
    assert params == {"fieldManager": "me", "force": "true"}
