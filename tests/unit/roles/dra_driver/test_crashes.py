# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin dies, as by kill -9, at each point of its work. No claim is lost, no device given twice, no file left."""

from __future__ import annotations

import copy
import json
import shutil
import typing as t
from pathlib import Path

import grpc
import pytest
from accel_sysfs import AccelTree
from crash_points import CDI, CHECKPOINT, PREPARE, UNPREPARE
from dra_agent import DRIVER
from dra_node import Kubelet, Node, Reader, claim, ref_of, state_of

RECOVER = [
    "recover-loaded",
    "recover-file-removed:1",
    "recover-file-removed:2",
    "recover-files-removed",
    *CDI,
    "recover-file-made",
    "recover-status-written:1",
    "recover-status-written:2",
    "recover-statuses-restored",
    *CHECKPOINT,
    "recover-done",
    "clean-found",
    "unprepare-cdi-removed",
    "unprepare-statuses-written",
    "unprepare-recorded",
]

# Two devices, so that a point can lie between them; and a neighbour that nothing of it may touch.
OURS = ("mock0-vf0", "mock0-vf1")
NEIGHBOUR = "mock1"


@pytest.fixture
def ours(node: Node) -> dict[str, t.Any]:
    mine, other = claim("ours", *OURS), claim("other", NEIGHBOUR)
    node.api.add(mine, other)
    state_of(node, Reader(other)).prepare(ref_of(other))
    return mine


def files_of(node: Node, uids: t.Iterable[str]) -> list[str]:
    return sorted(f"{DRIVER}_{uid}.json" for uid in uids)


def dies(node: Node, act: t.Callable[[Kubelet], t.Any]) -> None:
    """The call breaks off because the process has been killed."""
    process = node.process
    assert process
    with node.kubelet() as kubelet, pytest.raises(grpc.RpcError):
        act(kubelet)
    assert process.wait(20) == -9


def neighbour(node: Node) -> str:
    return node.api.claims["other"]["metadata"]["uid"]


def assert_consistent(node: Node, prepared: set[str]) -> None:
    """Checkpoint, files and statuses say the same: these claims are prepared, and nothing else is there."""
    recorded = node.recorded()
    assert set(recorded) == prepared
    assert node.cdi_files() == files_of(node, prepared)
    for name in node.cdi_files():
        assert len(json.loads((node.cdi_dir / name).read_text())["devices"]) > 0
    devices = [device for held in recorded.values() for device in held]
    assert len(devices) == len(set(devices))
    assert node.sysfs.statuses() == {device.replace("-", "_"): 1 for device in sorted(devices)}
    assert sorted(path.name for path in node.plugin_dir.iterdir() if path.suffix != ".sock") == [
        "checkpoint.json",
        "fetching",
        "serialize.lock",
    ]
    assert list((node.plugin_dir / "fetching").iterdir()) == []


def assert_orphans_go(node: Node, tmp_path: Path) -> None:
    """Had the claim been deleted while nobody was here, nothing of it would stay. Tried on a copy."""
    twin = copy.copy(node)
    twin.folder = tmp_path / "twin"
    shutil.copytree(node.folder, twin.folder, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    twin.plugin_dir, twin.cdi_dir = twin.folder / "plugin", twin.folder / "cdi"
    twin.sysfs = AccelTree(twin.folder / "sys")
    state = state_of(twin, Reader(node.api.claims["other"]))
    state.recover()
    assert state.clean_orphans()
    assert_consistent(twin, {neighbour(node)})


@pytest.mark.parametrize("point", PREPARE)
def test_while_preparing(node: Node, ours: dict[str, t.Any], point: str, tmp_path: Path) -> None:
    uid = ours["metadata"]["uid"]
    node.start(die_at=point)
    dies(node, lambda kubelet: kubelet.prepare(ours))
    assert_orphans_go(node, tmp_path)

    was_recorded = uid in node.recorded()
    node.start()
    assert_consistent(node, {neighbour(node), uid} if was_recorded else {neighbour(node)})
    with node.kubelet() as kubelet:
        # The kubelet has had no answer, so it asks again.
        answer = kubelet.prepare(ours)[uid]
        assert not answer.error
        assert sorted(device.device_name for device in answer.devices) == list(OURS)
        assert_consistent(node, {neighbour(node), uid})
        rival = claim("rival", OURS[0])
        node.api.add(rival)
        assert "held by the claim default/ours" in kubelet.prepare(rival)[rival["metadata"]["uid"]].error
        assert not kubelet.unprepare(ours)[uid].error
        assert_consistent(node, {neighbour(node)})


@pytest.mark.parametrize("point", UNPREPARE)
def test_while_releasing(node: Node, ours: dict[str, t.Any], point: str, tmp_path: Path) -> None:
    uid = ours["metadata"]["uid"]
    state_of(node, Reader(ours)).prepare(ref_of(ours))
    node.start(die_at=point)
    dies(node, lambda kubelet: kubelet.unprepare(ours))
    assert_orphans_go(node, tmp_path)

    was_recorded = uid in node.recorded()
    node.start()
    # What is still recorded is whole again: its pod may still be running.
    assert_consistent(node, {neighbour(node), uid} if was_recorded else {neighbour(node)})
    with node.kubelet() as kubelet:
        assert not kubelet.unprepare(ours)[uid].error
        assert_consistent(node, {neighbour(node)})
        rival = claim("rival", OURS[0])
        node.api.add(rival)
        assert not kubelet.prepare(rival)[rival["metadata"]["uid"]].error


@pytest.mark.parametrize("point", RECOVER)
def test_while_recovering(node: Node, ours: dict[str, t.Any], point: str) -> None:
    """A start after everything has gone wrong: orphaned and unfinished files, lost ones, wrong statuses and numbers."""
    gone = claim("gone", "mock1-vf0")
    state = state_of(node, Reader(ours, gone))
    node.sysfs.write("mock1", "status", "0")
    state.prepare(ref_of(ours))
    lost = node.cdi_dir / f"{DRIVER}_{ours['metadata']['uid']}.json"
    lost.unlink()
    # Not refused as a function of mock1, which is held: as an administrator sees it.
    gone["status"]["allocation"]["devices"]["results"][0]["adminAccess"] = True
    state.prepare(ref_of(gone))
    (node.cdi_dir / f"{DRIVER}_00000000-0000.json").write_text("{}")
    (node.cdi_dir / f".{DRIVER}_00000000-0001.json.tmp").write_text("{")
    node.sysfs.write("mock1_vf1", "status", "1")
    node.sysfs.write("mock1", "dev", "241:9")

    process = node.start(die_at=point, wait=False)
    assert process.wait(30) == -9, node.log.read_text()
    node.start()
    assert_consistent(node, {neighbour(node), ours["metadata"]["uid"]})
    spec = json.loads((node.cdi_dir / f"{DRIVER}_{neighbour(node)}.json").read_text())
    assert spec["devices"][0]["containerEdits"]["deviceNodes"][0]["major"] == 241


def test_there_are_at_least_twenty_points() -> None:
    assert len({point.partition(":")[0] for point in [*PREPARE, *UNPREPARE]}) >= 20
