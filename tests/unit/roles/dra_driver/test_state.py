# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparing and releasing claims, in this process: each call whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import threading
import typing as t
from pathlib import Path

import pytest
from dra_agent import DRIVER
from dra_node import Listener, Node, Reader, claim, nothing_is_left, ref_of, state_of
from mock_accel_dra import files
from mock_accel_dra.errors import CdiError, CheckpointError, ClaimError, DriverError, Unavailable

Json = dict[str, t.Any]


def prepare(node: Node, one: Json, *others: Json) -> t.Any:
    return state_of(node, Reader(one, *others)).prepare(ref_of(one))


def test_prepares_and_releases(node: Node) -> None:
    one = claim("c0", "mock0-vf1", "mock1")
    listener = Listener()
    state = state_of(node, Reader(one), listener)
    found = state.prepare(ref_of(one))
    assert [(d.name, d.requests, d.pool) for d in found.devices] == [
        ("mock0_vf1", ("accel",), "worker-0"),
        ("mock1", ("accel",), "worker-0"),
    ]
    uid = one["metadata"]["uid"]
    assert node.recorded() == {uid: ["mock0-vf1", "mock1"]}
    assert node.cdi_files() == [f"{DRIVER}_{uid}.json"]
    assert node.sysfs.statuses() == {"mock0_vf1": 1, "mock1": 1}
    state.unprepare(ref_of(one))
    state.unprepare(ref_of(one))
    assert nothing_is_left(node)
    assert listener.told == [("prepared", "c0"), ("unprepared", "c0")]


def test_asks_the_server_only_for_what_is_not_prepared(node: Node) -> None:
    one = claim("c0", "mock0")
    reader = Reader(one)
    state = state_of(node, reader)
    first = state.prepare(ref_of(one))
    reader.error = Unavailable("away")
    assert state.prepare(ref_of(one)) == first
    # Nor does another process that finds the checkpoint.
    assert state_of(node, reader).prepare(ref_of(one)) == first
    assert reader.asked == ["c0"]
    # After it has been released, it may have been given other devices under the same UID.
    state.unprepare(ref_of(one))
    reader.error = None
    reader.claims["c0"]["status"]["allocation"]["devices"]["results"][0]["device"] = "mock1"
    assert [device.name for device in state.prepare(ref_of(one)).devices] == ["mock1"]


def other_uid(one: Json) -> None:
    one["metadata"]["uid"] = "another"


def not_allocated(one: Json) -> None:
    del one["status"]["allocation"]


def other_driver(one: Json) -> None:
    one["status"]["allocation"]["devices"]["results"][0]["driver"] = "other.example.com"


def no_device(one: Json) -> None:
    one["status"]["allocation"]["devices"]["results"][0]["device"] = "mock7"


def no_name(one: Json) -> None:
    one["status"]["allocation"]["devices"]["results"][0]["device"] = "../../x"


def bad_config(one: Json) -> None:
    parameters = {"apiVersion": "mock-accel.example.com/v1", "kind": "DeviceConfig", "spedd": 1}
    one["status"]["allocation"]["devices"]["config"] = [{"opaque": {"driver": DRIVER, "parameters": parameters}}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(other_uid, "it has been deleted and made anew", id="another UID"),
        pytest.param(not_allocated, "the claim is not allocated", id="not allocated"),
        pytest.param(other_driver, "its allocation has no device of mock-accel.example.com", id="another driver"),
        pytest.param(no_device, "the device mock7 of request accel is not on this node any more", id="gone"),
        pytest.param(no_name, "the device ../../x of request accel is not on this node", id="no name"),
        pytest.param(bad_config, "config[0].opaque.parameters.spedd: unknown field", id="configuration"),
    ],
)
def test_refuses_and_leaves_nothing(node: Node, change: t.Callable[[Json], None], words: str) -> None:
    one = claim("c0", "mock0")
    ref = ref_of(one)
    change(one)
    with pytest.raises(ClaimError) as error:
        state_of(node, Reader(one)).prepare(ref)
    assert words in str(error.value)
    assert nothing_is_left(node)


def test_refuses_a_device_that_does_not_answer(node: Node) -> None:
    node.sysfs.silence("mock0")
    with pytest.raises(ClaimError, match="the device mock0 of request accel does not answer"):
        prepare(node, claim("c0", "mock0"))
    admin = claim("c1", {"device": "mock0", "adminAccess": True})
    assert [device.name for device in prepare(node, admin).devices] == ["mock0"]


@pytest.mark.parametrize("uid", ["", "../x", "a/b", "a" * 129, "a\n"])
def test_refuses_a_uid_that_is_none(node: Node, uid: str) -> None:
    one = claim("c0", "mock0")
    one["metadata"]["uid"] = uid
    for act in (state_of(node, Reader(one)).prepare, state_of(node, Reader(one)).unprepare):
        with pytest.raises(ClaimError, match="is no UID"):
            act(ref_of(one))


SHARE = {"device": "mock0", "shareID": "s0"}


@pytest.mark.parametrize(
    ("held", "wanted", "words"),
    [
        pytest.param("mock0", "mock1", "", id="another device"),
        pytest.param("mock0-vf0", "mock0-vf1", "", id="another function of the same"),
        pytest.param("mock0", "mock0", "the device mock0 is held by the claim default/c0", id="the same"),
        pytest.param("mock0", "mock0-vf0", "mock0-vf0 is a function of mock0, held by", id="a part of it"),
        pytest.param("mock0-vf0", "mock0", "mock0 has the function mock0-vf0, held by", id="what it is a part of"),
        pytest.param("mock0", {"device": "mock0", "adminAccess": True}, "", id="an administrator looks"),
        pytest.param({"device": "mock0", "adminAccess": True}, "mock0", "", id="an administrator has looked"),
        pytest.param(SHARE, {"device": "mock0", "shareID": "s1"}, "", id="two shares"),
        pytest.param(SHARE, "mock0", "the device mock0 is held by", id="a share and the whole"),
        pytest.param("mock0", SHARE, "the device mock0 is held by", id="the whole and a share"),
        pytest.param(SHARE, "mock0-vf0", "mock0-vf0 is a function of mock0, held by", id="a share and a part"),
    ],
)
def test_gives_nothing_twice(node: Node, held: t.Any, wanted: t.Any, words: str) -> None:
    one, other = claim("c0", held), claim("c1", wanted)
    state = state_of(node, Reader(one, other))
    state.prepare(ref_of(one))
    before = node.recorded(), node.cdi_files(), node.sysfs.statuses()
    if not words:
        state.prepare(ref_of(other))
        return
    with pytest.raises(ClaimError) as error:
        state.prepare(ref_of(other))
    assert words in str(error.value)
    assert (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == before


def test_a_shared_device_stays_allocated_until_the_last(node: Node) -> None:
    one, other = claim("c0", SHARE), claim("c1", {"device": "mock0", "shareID": "s1"})
    state = state_of(node, Reader(one, other))
    assert state.prepare(ref_of(one)).devices[0].share_id == "s0"
    state.prepare(ref_of(other))
    state.unprepare(ref_of(one))
    assert node.sysfs.statuses() == {"mock0": 1}
    state.unprepare(ref_of(other))
    assert nothing_is_left(node)


def test_two_shares_of_a_device_in_one_claim_have_names_of_their_own(node: Node) -> None:
    one = claim("c0", SHARE, {"device": "mock0", "shareID": "s1"})
    prepared = state_of(node, Reader(one)).prepare(ref_of(one))
    assert len({device.cdi_name for device in prepared.devices}) == 2
    written = json.loads((node.cdi_dir / node.cdi_files()[0]).read_text())
    assert {device["name"] for device in written["devices"]} == {device.cdi_name for device in prepared.devices}


def test_an_administrator_does_not_allocate(node: Node) -> None:
    one = claim("c0", {"device": "mock0", "adminAccess": True})
    state = state_of(node, Reader(one))
    state.prepare(ref_of(one))
    assert node.sysfs.statuses() == {}
    node.sysfs.write("mock0", "status", "1")
    state.unprepare(ref_of(one))
    assert node.sysfs.statuses() == {"mock0": 1}


def test_one_device_for_two_requests_has_two_names(node: Node) -> None:
    requests = [{"name": "a", "exactly": {}}, {"name": "b", "exactly": {}}]
    results = [{"device": "mock0", "request": "a"}, {"device": "mock0", "request": "b", "adminAccess": True}]
    found = prepare(node, claim("c0", *results, requests=requests))
    names = [device.cdi_name for device in found.devices]
    assert names[0].endswith("-mock0")
    assert names[1] == f"{names[0]}-2"


@pytest.mark.parametrize("what", ["checkpoint", "cdi"])
def test_a_full_disk_takes_everything_back(node: Node, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    one, other = claim("c0", "mock0"), claim("c1", "mock1")
    state = state_of(node, Reader(one, other))
    state.prepare(ref_of(other))
    before = node.recorded(), node.cdi_files(), node.sysfs.statuses()
    whole = files.replace

    def full(path: Path, text: str, *, point: str, mode: int = 0o644, **more: t.Any) -> None:
        if point == what:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(path, text, point=point, mode=mode, **more)

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", full)
        with pytest.raises((CheckpointError, CdiError), match="No space left on device"):
            state.prepare(ref_of(one))
        assert (node.recorded(), node.cdi_files(), node.sysfs.statuses()) == before
        # What is prepared is answered as before.
        state.prepare(ref_of(other))
    state.prepare(ref_of(one))


def test_releasing_with_a_full_disk_can_be_tried_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    one = claim("c0", "mock0")
    state = state_of(node, Reader(one))
    state.prepare(ref_of(one))

    def full(*args: t.Any, **more: t.Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", full)
        with pytest.raises(CheckpointError):
            state.unprepare(ref_of(one))
    state.unprepare(ref_of(one))
    assert nothing_is_left(node)


def test_saving_that_fails_after_the_rename_is_an_error_that_holds(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry may be on the disk or not after a power failure: what was done stays, and the next call answers."""
    one = claim("c0", "mock0")
    state = state_of(node, Reader(one))

    def broken(folder: Path) -> None:
        if folder == node.plugin_dir:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_folder", broken)
        with pytest.raises(CheckpointError):
            state.prepare(ref_of(one))
    assert node.sysfs.statuses() == {"mock0": 1}
    assert len(state.prepare(ref_of(one)).devices) == 1


def test_again_puts_right_what_is_missing(node: Node) -> None:
    one = claim("c0", "mock0")
    state = state_of(node, Reader(one))
    state.prepare(ref_of(one))
    (file,) = node.cdi_dir.iterdir()
    file.unlink()
    node.sysfs.write("mock0", "status", "0")
    node.sysfs.write("mock0", "uuid", "another")
    assert state.prepare(ref_of(one)).devices[0].uuid == "another"
    assert "MOCK_ACCEL_UUID=another" in file.read_text()
    assert node.sysfs.statuses() == {"mock0": 1}


def test_again_without_the_device_is_an_error(node: Node) -> None:
    one = claim("c0", "mock0")
    state = state_of(node, Reader(one))
    state.prepare(ref_of(one))
    node.sysfs.remove("mock0")
    with pytest.raises(ClaimError, match="the device mock0 of this claim is not on this node any more"):
        state.prepare(ref_of(one))
    assert node.recorded()
    state.unprepare(ref_of(one))
    assert nothing_is_left(node)


def test_a_corrupt_checkpoint_stops_changes_and_loses_nothing(node: Node) -> None:
    one, other = claim("c0", "mock0"), claim("c1", "mock1")
    state = state_of(node, Reader(one, other))
    state.prepare(ref_of(one))
    good = node.checkpoint.read_text()
    node.checkpoint.write_text(good.replace("mock0", "mock1"))
    before = node.cdi_files(), node.sysfs.statuses()
    for act in (state.recover, state.clean_orphans, state.held):
        with pytest.raises(CheckpointError):
            act()
    for act in (state.prepare, state.unprepare):
        for ref in (ref_of(one), ref_of(other)):
            with pytest.raises(CheckpointError, match="its checksum is"):
                act(ref)
    assert (node.cdi_files(), node.sysfs.statuses()) == before
    node.checkpoint.write_text(good)
    state.recover()
    state.prepare(ref_of(one))
    state.prepare(ref_of(other))


def gone(reader: Reader) -> None:
    del reader.claims["c0"]


def anew(reader: Reader) -> None:
    reader.claims["c0"] = claim("c0", "mock0")


def deallocated(reader: Reader) -> None:
    del reader.claims["c0"]["status"]["allocation"]


def given_another(reader: Reader) -> None:
    reader.claims["c0"]["status"]["allocation"]["devices"]["results"][0]["device"] = "mock1"


@pytest.mark.parametrize("change", [gone, anew, deallocated, given_another])
def test_orphans_are_released(node: Node, change: t.Callable[[Reader], None]) -> None:
    one, other = claim("c0", "mock0"), claim("c1", "mock1-vf0")
    reader, listener = Reader(one, other), Listener()
    state = state_of(node, reader, listener)
    state.prepare(ref_of(one))
    state.prepare(ref_of(other))
    listener.told.clear()
    change(reader)
    assert state.clean_orphans()
    assert node.recorded() == {other["metadata"]["uid"]: ["mock1-vf0"]}
    assert node.sysfs.statuses() == {"mock1_vf0": 1}
    # The other one's status at the server is written again, because it is not there.
    assert listener.told == [("prepared", "c1")]


def test_orphans_stay_while_the_server_is_away(node: Node) -> None:
    one = claim("c0", "mock0")
    reader = Reader(one)
    state = state_of(node, reader)
    state.prepare(ref_of(one))
    reader.error = Unavailable("away")
    assert not state.clean_orphans()
    assert node.recorded()


def test_many_at_once_get_each_device_once(node: Node) -> None:
    """Two instances, as in a rolling update, and more claims than devices."""
    claims = [claim(f"c{number}", f"mock{number % 2}") for number in range(12)]
    states = [state_of(node, Reader(*claims)) for _ in range(2)]
    done: list[str] = []

    def run(number: int) -> None:
        try:
            states[number % 2].prepare(ref_of(claims[number]))
            done.append(claims[number]["metadata"]["uid"])
        except DriverError as error:
            assert "held by" in str(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2
    assert set(node.recorded()) == set(done)
