# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written to the API server, and how much of it, for each thing that can happen to a node."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from accel_device import pf
from fake_kube import FakeClient
from mock_accel_dra import kube
from mock_accel_dra.inventory import AccelDevice
from mock_accel_dra.publisher import Changes
from published import BOARD, DRIVER, MANY, NODE, client, names, pools, publisher, shown


def test_a_pool_of_one_slice() -> None:
    api = client()
    assert publisher(api).publish([pf(0), pf(1)]) == Changes(created=1)
    (one,) = api.slices
    assert one["metadata"]["name"].startswith(f"00000-{DRIVER}-{NODE}-")
    assert one["metadata"]["labels"] == {"driver": DRIVER}
    assert one["metadata"]["ownerReferences"][0]["uid"] == f"uid-of-{NODE}"
    assert one["spec"]["pool"] == {"name": NODE, "generation": 1, "resourceSliceCount": 1}
    assert shown(api) == ["mock0", "mock1"]


def test_a_node_without_devices_has_an_empty_slice() -> None:
    api = client()
    publisher(api).publish([])
    assert [one["spec"]["devices"] for one in api.slices] == [[]]


@pytest.mark.parametrize("devices", [[], [pf()], MANY, BOARD], ids=["none", "one", "many", "board"])
def test_the_second_time_nothing_is_even_asked(devices: list[AccelDevice]) -> None:
    api = client()
    one = publisher(api)
    one.publish(devices)
    api.forget()
    assert one.publish(devices) == Changes()
    assert api.requests == []


@pytest.mark.parametrize("devices", [[], [pf()], MANY, BOARD], ids=["none", "one", "many", "board"])
def test_a_new_process_writes_nothing(devices: list[AccelDevice]) -> None:
    api = client()
    publisher(api).publish(devices)
    api.forget()
    assert publisher(api).publish(devices) == Changes()
    assert api.writes == []


@pytest.mark.parametrize(
    ("before", "after", "changes", "generation"),
    [
        pytest.param([pf(0)], [pf(0, errors=1)], Changes(updated=1), 1, id="a taint"),
        pytest.param([pf(0)], [pf(0), pf(1)], Changes(updated=1), 1, id="one more"),
        pytest.param([pf(0)], [], Changes(updated=1), 1, id="the last goes"),
        pytest.param([], [pf(0)], Changes(updated=1), 1, id="the first comes"),
        pytest.param(MANY, [*MANY[:-1], pf(129, errors=2)], Changes(updated=1), 1, id="one of many"),
        pytest.param(MANY, MANY[1:], Changes(updated=1), 1, id="one of many goes"),
        pytest.param(MANY[:64], MANY[:65], Changes(created=1, updated=1), 2, id="a second slice"),
        pytest.param(MANY[:65], MANY[:64], Changes(updated=1, deleted=1), 1, id="the second slice goes"),
        pytest.param(MANY, MANY[:64], Changes(updated=1, deleted=2), 1, id="two slices go"),
        pytest.param(
            MANY, [pf(0, errors=1), *MANY[1:-1], pf(129, errors=1)], Changes(updated=3), 2, id="changes in two slices"
        ),
        pytest.param([pf(0)], BOARD, Changes(created=1, updated=1), 2, id="VFs are made"),
        pytest.param(BOARD, [pf(0)], Changes(updated=1, deleted=1), 1, id="VFs are taken off"),
        pytest.param([pf(0)], [pf(0, allocated=True)], Changes(), 1, id="what is not published"),
    ],
)
def test_a_change(before: list[AccelDevice], after: list[AccelDevice], changes: Changes, generation: int) -> None:
    api = client()
    one = publisher(api)
    one.publish(before)
    api.forget()
    assert one.publish(after) == changes
    assert len(api.writes) == changes.created + changes.updated + changes.deleted
    # The pool is complete and of one generation.
    assert set(pools(api)) == {(generation, len(api.slices))}
    assert shown(api) == names(*after)


def test_what_is_gone_is_deleted_first_and_what_is_new_created_last() -> None:
    api = client()
    one = publisher(api)
    one.publish(MANY)
    api.forget()
    one.publish([*MANY[:10], *BOARD[1:]])
    assert api.writes == ["DELETE", "DELETE", "PUT", "POST"]


def test_a_taint_keeps_its_time_while_others_come() -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0, errors=1), pf(1)])
    (before,) = api.slices[0]["spec"]["devices"][0]["taints"]
    one.publish([pf(0, errors=1), pf(1, errors=1)])
    publisher(api).publish([pf(0, errors=1)])
    assert api.slices[0]["spec"]["devices"][0]["taints"] == [before]


# --- what others do ---


def edit_generation(api: FakeClient, name: str) -> None:
    api.edit(name)["spec"]["pool"]["generation"] = 41


def edit_devices(api: FakeClient, name: str) -> None:
    api.edit(name)["spec"]["devices"].pop()


def edit_owner(api: FakeClient, name: str) -> None:
    api.edit(name)["metadata"]["ownerReferences"] = []


def edit_label(api: FakeClient, name: str) -> None:
    api.edit(name)["metadata"]["labels"] = {}


@pytest.mark.parametrize("edit", [edit_devices, edit_owner, edit_label, edit_generation])
@pytest.mark.parametrize("noticed", [True, False], ids=["seen by the watch", "not seen"])
def test_somebody_edits_a_slice(edit: t.Callable[[FakeClient, str], None], noticed: bool) -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0)])
    edit(api, api.slices[0]["metadata"]["name"])
    if noticed:
        one.list_again()
    one.publish([pf(0), pf(1)])
    assert shown(api) == ["mock0", "mock1"]
    (only,) = api.slices
    assert only["metadata"]["labels"] == {"driver": DRIVER}
    assert only["metadata"]["ownerReferences"][0]["uid"] == f"uid-of-{NODE}"
    assert pools(api) == [(41 if edit is edit_generation else 1, 1)]


@pytest.mark.parametrize("devices", [[pf()], MANY, BOARD], ids=["one", "many", "board"])
def test_somebody_sets_the_last_generation(devices: list[AccelDevice]) -> None:
    """No other follows, and no lower one counts beside it."""
    api = client()
    one = publisher(api)
    one.publish(devices)
    api.edit(api.slices[0]["metadata"]["name"])["spec"]["pool"]["generation"] = 2**63 - 1
    one.list_again()
    one.publish(devices)
    count = len(api.slices)
    assert set(pools(api)) == {(1, count)}
    assert len(shown(api)) == len(devices)
    # And goes on from there.
    one.publish([*devices, pf(500)])
    assert all(generation < 4 for generation, _ in pools(api))
    assert len(shown(api)) == len(devices) + 1


@pytest.mark.parametrize("devices", [[pf()], MANY, BOARD], ids=["one", "many", "board"])
def test_all_slices_are_deleted_as_a_kubelet_does_when_it_starts(devices: list[AccelDevice]) -> None:
    api = client()
    one = publisher(api)
    one.publish(devices)
    count = len(api.slices)
    api.drop_all()
    one.list_again()
    assert one.publish(devices) == Changes(created=count)
    assert shown(api) == names(*devices)
    # Whoever still remembers the old ones takes them for the older.
    assert set(pools(api)) == {(2, count)}


def test_one_slice_of_three_is_deleted() -> None:
    api = client()
    one = publisher(api)
    one.publish(MANY)
    del api.objects[f"{api.path}/{api.slices[1]['metadata']['name']}"]
    one.list_again()
    assert one.publish(MANY) == Changes(created=1, updated=2)
    assert shown(api) == names(*MANY)
    assert pools(api) == [(2, 3)] * 3


def test_a_slice_goes_while_it_is_updated() -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0)])
    api.drop_all()
    assert one.publish([pf(0), pf(1)]) == Changes(created=1)
    assert shown(api) == ["mock0", "mock1"]


def stray(api: FakeClient, name: str, **spec: t.Any) -> str:
    body = {
        "metadata": {"name": name},
        "spec": {
            "driver": DRIVER,
            "nodeName": NODE,
            "pool": {"name": NODE, "generation": 1, "resourceSliceCount": 1},
            "devices": [],
            **spec,
        },
    }
    return api.create(api.path, body)["metadata"]["name"]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        pytest.param("some-name", {}, id="without an index"),
        pytest.param(
            "00001-x", {"pool": {"name": "mock0", "generation": 9, "resourceSliceCount": 1}}, id="a pool of each device"
        ),
        pytest.param("00007-x", {}, id="an index that nobody needs"),
        pytest.param("00000-z", {}, id="a second one of an index"),
    ],
)
def test_strays_are_removed(name: str, spec: dict[str, t.Any]) -> None:
    api = client()
    publisher(api).publish([pf(0)])
    stray(api, name, **spec)
    assert publisher(api).publish([pf(0)]).deleted == 1
    assert shown(api) == ["mock0"]
    assert name not in [one["metadata"]["name"] for one in api.slices]


def test_a_stray_under_an_index_of_ours_is_removed() -> None:
    """The name of a pool cannot be changed, so it cannot be made one of ours."""
    api = client()
    name = stray(api, "00000-x", pool={"name": "mock0", "generation": 9, "resourceSliceCount": 1})
    assert publisher(api).publish([pf(0)]) == Changes(created=1, deleted=1)
    assert name not in [one["metadata"]["name"] for one in api.slices]


def test_slices_of_others_are_left_alone() -> None:
    api = client()
    stray(api, "theirs", driver="other.example.com")
    stray(api, "elsewhere", nodeName="node-2")
    publisher(api).publish([pf(0)])
    assert {"theirs", "elsewhere"} <= {one["metadata"]["name"] for one in api.slices}


def test_two_publishers_agree_on_the_older_slice() -> None:
    api = client()
    first, second = publisher(api), publisher(api)
    first.publish([pf(0)])
    (older,) = api.slices
    stray(api, "00000-copy", devices=older["spec"]["devices"])
    # Not the one that was written last.
    api.edit(older["metadata"]["name"])
    for one in (first, second):
        one.list_again()
        one.publish([pf(0)])
    assert [one["metadata"]["name"] for one in api.slices] == [older["metadata"]["name"]]
    assert shown(api) == ["mock0"]


def test_a_node_that_is_registered_anew_is_another_owner() -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0)])
    api.drop_all()
    api.add_node(NODE, "new-uid")
    one.list_again()
    one.publish([pf(0)])
    assert [item["metadata"]["ownerReferences"][0]["uid"] for item in api.slices] == ["new-uid"]


# --- failures ---


@pytest.mark.parametrize(
    ("versions", "reason"),
    [(("v1alpha3",), "serves v1alpha3, and this driver speaks v1, v1beta2, v1beta1")],
    ids=["too old"],
)
def test_a_server_that_cannot_be_served(versions: tuple[str, ...], reason: str) -> None:
    with pytest.raises(kube.Refused, match=reason):
        publisher(client(*versions)).publish([])


def test_a_server_without_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    api = client()
    api.failures["GET"] = [kube.NotFound("no such group")]
    with pytest.raises(kube.Refused, match=r"resource\.k8s\.io: the API server does not serve it"):
        publisher(api).publish([])


def test_a_node_that_is_not_registered_yet() -> None:
    api = FakeClient()
    with pytest.raises(kube.NotFound, match=NODE):
        publisher(api).publish([])
    assert api.slices == []


DOWN = kube.Unavailable("Error while calling: connection refused")


@pytest.mark.parametrize("method", ["GET", "LIST", "DRYRUN", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("passing", [0, 1], ids=["the first fails", "the second fails"])
@pytest.mark.parametrize("failure", [DOWN, kube.Refused("no")], ids=["outage", "refusal"])
def test_a_request_fails_and_the_next_round_mends_it(method: str, passing: int, failure: Exception) -> None:
    api = client()
    one = publisher(api)
    one.publish(MANY)
    after = [*MANY[:70], *BOARD[1:], pf(200, errors=1)]
    api.forget()
    one.ask_again()
    api.failures[method] = [*[None] * passing, failure]
    expected = slices_of_a_fresh_node(after)
    with contextlib.suppress(kube.Unavailable, kube.Refused):
        one.publish(after)
    # Nobody allocates from a half-written pool: it is incomplete, unless it is the old one or the new one.
    newest = max(pools(api))
    if pools(api).count(newest) == newest[1]:
        assert shown(api) in (names(*MANY), expected)
    one.publish(after)
    assert set(pools(api)) == {(max(pools(api))[0], len(api.slices))}
    assert shown(api) == expected


def slices_of_a_fresh_node(devices: list[AccelDevice]) -> list[str]:
    api = client()
    publisher(api).publish(devices)
    return shown(api)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_is_done_but_its_answer_gets_lost(method: str) -> None:
    api = client()
    one = publisher(api)
    one.publish(MANY)
    after = [*BOARD, *MANY[1:60]]
    api.lost.add(method)
    with pytest.raises(kube.Unavailable):
        one.publish(after)
    one.publish(after)
    assert shown(api) == names(*after)
    assert set(pools(api)) == {(max(pools(api))[0], len(api.slices))}
    assert len(api.slices) == 2


def test_a_server_that_wants_another_shape_meanwhile() -> None:
    """It was taken back to a release that knows counters in the devices' slice only."""
    api = client()
    one = publisher(api)
    one.publish(BOARD)
    api.counters_inline = True
    after = [*BOARD, pf(1)]
    with pytest.raises(kube.Refused, match="must reference a counterSet"):
        one.publish(after)
    one.publish(after)
    assert shown(api) == names(*after)
    assert [sorted(set(item["spec"]) & {"devices", "sharedCounters"}) for item in api.slices] == [
        ["devices", "sharedCounters"]
    ]


def test_a_slice_that_is_another_under_its_name_is_looked_at_before_it_is_deleted() -> None:
    api = client()
    one = publisher(api)
    one.publish(MANY[:65])
    api.slices[1]["metadata"]["uid"] = "another"
    api.forget()
    one.publish(MANY[:64])
    assert api.writes.count("DELETE") == 2
    assert shown(api) == names(*MANY[:64])


def test_conflicts_without_end_are_an_error() -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0)])
    api.failures["PUT"] = [kube.Conflict("again") for _ in range(9)]
    with pytest.raises(kube.Conflict):
        one.publish([])
    assert api.writes.count("PUT") == 3


@pytest.mark.parametrize(
    ("name", "version", "known"),
    [
        pytest.param("ours", "same", True, id="our own write"),
        pytest.param("ours", "1", True, id="one before it"),
        pytest.param("ours", "99999", False, id="a later one"),
        pytest.param("ours", None, False, id="deleted by somebody"),
        pytest.param("other", "5", False, id="created by somebody"),
        pytest.param("other", None, True, id="deleted by us"),
    ],
)
def test_which_events_are_news(name: str, version: str | None, known: bool) -> None:
    api = client()
    one = publisher(api)
    one.publish([pf(0)])
    metadata = api.slices[0]["metadata"]
    version = metadata["resourceVersion"] if version == "same" else version
    assert one.is_known(metadata["name"] if name == "ours" else name, version) is known
