# SPDX-License-Identifier: GPL-3.0-or-later
"""claim.status.devices, written in the background."""

from __future__ import annotations

import threading
import typing as t
from dataclasses import replace

import pytest
from dra_agent import DRIVER, wait_for
from dra_prepared import CLAIM, DEVICE
from mock_accel_dra import claim_status
from mock_accel_dra.api import resource_claim_pb2 as messages
from mock_accel_dra.claim_api import ClaimApi
from mock_accel_dra.errors import Conflict, DriverError, NotFound, Refused, Unavailable


class Api:
    """Remembers what is written; errors are raised first, one for each call."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.written: list[tuple[str, int]] = []
        self.called = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def change_devices(self, ref: t.Any, change: t.Callable[[dict[str, t.Any]], list[t.Any]]) -> bool:
        self.called += 1
        assert self.may_go_on.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        self.written.append((ref.uid, len(change({}))))
        return True


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_status, "RETRY_S", (0.01, 0.02))
    monkeypatch.setattr(claim_status, "DELAY_S", 0.01)


def writer(api: Api) -> claim_status.ClaimStatusWriter:
    made = claim_status.ClaimStatusWriter(t.cast(ClaimApi, api), DRIVER)
    made.start()
    return made


def test_writes_and_takes_back() -> None:
    api = Api()
    made = writer(api)
    made.prepared(CLAIM)
    assert made.idle(10)
    made.unprepared(CLAIM.ref)
    assert made.idle(10)
    assert api.written == [("u0", 1), ("u0", 0)]


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
    assert api.written == [("u0", 1), ("u0", 2)]


def test_what_the_server_has_never_heard_of_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim_status, "DELAY_S", 1000)
    api = Api()
    made = writer(api)
    made.prepared(CLAIM)
    made.unprepared(CLAIM.ref)
    assert made.idle(0)
    made.unprepared(CLAIM.ref)
    made.stop(10)
    assert api.written == [("u0", 0)]


def test_what_the_server_has_heard_of_is_taken_back_although_a_newer_wish_waits() -> None:
    api = Api()
    made = writer(api)
    made.prepared(CLAIM)
    assert made.idle(10)
    api.may_go_on.clear()
    other = replace(CLAIM, ref=replace(CLAIM.ref, uid="u1"))
    made.prepared(other)
    wait_for(lambda: api.called == 2)
    # Behind the slow call: released, prepared anew, released.
    made.unprepared(CLAIM.ref)
    made.prepared(CLAIM)
    made.unprepared(CLAIM.ref)
    api.may_go_on.set()
    assert made.idle(10)
    assert api.written == [("u0", 1), ("u1", 1), ("u0", 0)]


@pytest.mark.parametrize(
    ("errors", "written", "called"),
    [
        pytest.param([Unavailable("away")] * 3, [("u0", 1)], 4, id="away for a while"),
        pytest.param([NotFound("gone")], [], 1, id="gone"),
        pytest.param([Conflict("written by others")], [("u0", 1)], 2, id="others write without end"),
        pytest.param([Refused("Error while calling: forbidden (HTTP 403)")], [], 1, id="not allowed"),
    ],
)
def test_errors(errors: list[DriverError], written: list[t.Any], called: int) -> None:
    api = Api(*errors)
    made = writer(api)
    made.prepared(CLAIM)
    assert made.idle(10)
    assert (api.written, api.called) == (written, called)


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
    assert api.written == [("u0", 1)]


class Client:
    """An API server with one claim; its status is what the patches make of it, unless somebody writes between."""

    def __init__(self, *versions: str, allocated: bool = True) -> None:
        self.versions = versions or ("v1",)
        self.calls: list[t.Any] = []
        self.uid = "u0"
        self.devices: list[t.Any] = []
        self.version = 1
        self.allocated = allocated
        # What the allocation has beside results, and whether a patch of it is one too many.
        self.config: list[t.Any] = []
        self.is_strict = False
        # Each takes the place of the entries after one was read and before it is written.
        self.between: list[list[t.Any]] = []

    def get(self, path: str, params: t.Any = None) -> t.Any:
        self.calls.append(path)
        if "resourceclaims" not in path:
            return {"versions": [{"version": version} for version in self.versions]}
        status = {
            "devices": self.devices,
            **({"allocation": {"devices": {"config": self.config}}} if self.allocated else {}),
        }
        return {"metadata": {"uid": self.uid, "resourceVersion": str(self.version)}, "status": status}

    def patch(self, path: str, body: t.Any, content_type: str, params: t.Any = None) -> t.Any:
        if self.between:
            self.devices, self.version = self.between.pop(0), self.version + 1
        self.calls.append((path, body, content_type))
        if self.is_strict:
            raise Refused("status.allocation: field is immutable")
        if body["metadata"]["resourceVersion"] != str(self.version):
            raise Conflict("the object has been modified")
        self.devices, self.version = body["status"]["devices"], self.version + 1
        return {}

    def get_bytes(self, path: str, content_type: str) -> bytes:
        self.calls.append(path)
        claim = messages.ResourceClaim(metadata={"resourceVersion": str(self.version)}, status={})
        return b"k8s\0" + messages.Unknown(raw=claim.SerializeToString()).SerializeToString()

    def update_bytes(self, path: str, data: bytes, content_type: str) -> None:
        assert (path.rpartition("/")[2], content_type) == ("status", "application/vnd.kubernetes.protobuf")
        claim = messages.ResourceClaim.FromString(messages.Unknown.FromString(data[4:]).raw)
        if claim.metadata.resourceVersion != str(self.version):
            raise Conflict("the object has been modified")
        self.devices = [{"device": one.device} for one in claim.status.devices]

    @property
    def patches(self) -> list[t.Any]:
        return [call for call in self.calls if isinstance(call, tuple)]


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


def test_a_server_that_has_gone_on_to_another_version() -> None:
    """Its 404 says nothing of the claim, which is in use."""

    class Updated(Client):
        def get(self, path: str, params: t.Any = None) -> t.Any:
            if "resourceclaims" in path and not any(f"/{version}/" in path for version in self.versions):
                raise NotFound("Error while calling GET: the server could not find the requested resource (HTTP 404)")
            return super().get(path, params)

    client = Updated("v1beta2")
    api = ClaimApi(client)
    api.get(CLAIM.ref)
    client.versions = ("v1",)
    with pytest.raises(Unavailable, match="could not find the requested resource"):
        api.get(CLAIM.ref)
    assert api.get(CLAIM.ref)["metadata"]["uid"] == "u0"


def test_a_claim_that_is_not_there() -> None:
    class Empty(Client):
        def get(self, path: str, params: t.Any = None) -> t.Any:
            if "resourceclaims" in path:
                raise NotFound("Error while calling GET: not found (HTTP 404)", "resourceclaims")
            return super().get(path, params)

    with pytest.raises(NotFound):
        ClaimApi(Empty()).get(CLAIM.ref)


def test_a_server_that_is_too_old() -> None:
    with pytest.raises(Refused, match="only as v1alpha3"):
        ClaimApi(Client("v1alpha3")).get(CLAIM.ref)


OURS = {"driver": DRIVER, "pool": "worker-0", "device": "mock0-vf1", "data": {"uuid": "60faed32"}}
FOREIGN = {"driver": "gpu.example.com", "pool": "p", "device": "gpu0", "data": {"a": [1]}}


def with_ours(claim: dict[str, t.Any]) -> list[t.Any]:
    """As somebody changes the entries."""
    others = [entry for entry in claim["status"]["devices"] if entry["driver"] != DRIVER]
    return [*others, OURS]


def test_the_whole_list_is_written_against_the_version_that_was_read() -> None:
    client = Client()
    assert ClaimApi(client).change_devices(CLAIM.ref, with_ours)
    (patch,) = client.patches
    assert patch == (
        "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/c0/status",
        {"metadata": {"resourceVersion": "1"}, "status": {"devices": [OURS]}},
        "application/merge-patch+json",
    )


def test_what_others_write_meanwhile_is_read_again_and_kept() -> None:
    client = Client()
    client.between = [[FOREIGN]]
    assert ClaimApi(client).change_devices(CLAIM.ref, with_ours)
    assert client.devices == [FOREIGN, OURS]
    assert len(client.patches) == 2


def test_parameters_that_json_cannot_keep() -> None:
    client = Client()
    client.is_strict = True
    client.config = [{"source": "FromClass"}, {"opaque": {"driver": DRIVER, "parameters": {"a": 1}}}]
    assert ClaimApi(client).change_devices(CLAIM.ref, with_ours)
    assert client.devices == [{"device": "mock0-vf1"}]


def test_without_parameters_a_refusal_is_one() -> None:
    client = Client()
    client.is_strict = True
    with pytest.raises(Refused):
        ClaimApi(client).change_devices(CLAIM.ref, with_ours)


def test_somebody_who_writes_without_end_is_a_conflict() -> None:
    client = Client()
    client.between = [[{**FOREIGN, "data": {"n": n}}] for n in range(9)]
    with pytest.raises(Conflict):
        ClaimApi(client).change_devices(CLAIM.ref, with_ours)
    assert len(client.patches) == 5


def test_nothing_is_written_that_is_there_already_or_of_a_claim_without_an_allocation() -> None:
    there = Client()
    there.devices = [OURS]
    assert not ClaimApi(there).change_devices(CLAIM.ref, with_ours)
    bare = Client(allocated=False)
    assert not ClaimApi(bare).change_devices(CLAIM.ref, with_ours)
    assert there.patches == bare.patches == []


def test_a_claim_that_was_made_anew_is_another_one() -> None:
    client = Client()
    client.uid = "u1"
    with pytest.raises(NotFound, match="default/c0: it has been made anew"):
        ClaimApi(client).change_devices(CLAIM.ref, with_ours)
    assert client.patches == []
