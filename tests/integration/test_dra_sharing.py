# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that several claims have at once: what Kubernetes' own scheduler gives out, and how the node prepares it."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

import apiserver as servers
import dra_scheduling
import pytest
from accel_sysfs import AccelTree
from dra_controller import DRIVER, NODE, until
from dra_scheduling import Scheduling
from mock_accel_dra.cdi import CdiFolder
from mock_accel_dra.checkpoint import Checkpoint
from mock_accel_dra.device_metadata import MetadataFolder
from mock_accel_dra.devices import SysfsDevices
from mock_accel_dra.fetches import Fetches
from mock_accel_dra.prepared import ClaimRef
from mock_accel_dra.state import Lock, Parts, State


@pytest.fixture
def tree(tmp_path: Path) -> AccelTree:
    """Two boards of 16 GiB, of which the second has two parts of 2 GiB."""
    made = AccelTree(tmp_path / "sys")
    for number in range(2):
        made.add_pf(number)
    made.add_vfs(1, 2)
    return made


@pytest.fixture
def scheduling(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path: Path, tree: AccelTree
) -> t.Iterator[Scheduling]:
    with dra_scheduling.running(kubernetes_programs, repo, tmp_path, tree, "--shared-devices=all") as made:
        yield made


def memory(size: str) -> dict[str, t.Any]:
    return {"capacity": {"requests": {"memory": size}}}


def consumed(scheduling: Scheduling, name: str) -> tuple[str, str]:
    """The device and how much of it."""
    scheduling.gets(name)
    (result,) = scheduling.results(name)
    assert result["shareID"]
    return result["device"], result["consumedCapacity"]["memory"]


def test_a_device_is_shared_until_its_memory_is_used_up(scheduling: Scheduling) -> None:
    usual = [scheduling.ask("pf", 0) for _ in range(2)]
    assert [consumed(scheduling, name) for name in usual] == [("mock0", "4Gi")] * 2
    # A number that is no whole number of MiB is rounded up.
    assert consumed(scheduling, scheduling.ask("pf", 0, **memory("7900000000"))) == ("mock0", "7535Mi")
    scheduling.waits(scheduling.ask("pf", 0, **memory("1Gi")))
    assert consumed(scheduling, scheduling.ask("pf", 0, **memory("657Mi"))) == ("mock0", "657Mi")
    shares = {scheduling.results(name)[0]["shareID"] for name in usual}
    assert len(shares) == 2


def test_shares_of_a_part_leave_no_whole_and_the_other_way_round(scheduling: Scheduling) -> None:
    part = scheduling.ask("vf", 1, **memory("1Gi"))
    first, _ = consumed(scheduling, part)
    assert first.startswith("mock1-vf")
    scheduling.waits(scheduling.ask("pf", 1, **memory("1Mi")))


def test_the_node_prepares_each_share(scheduling: Scheduling, tree: AccelTree) -> None:
    names = [scheduling.ask("pf", 0) for _ in range(2)]
    for name in names:
        scheduling.gets(name)
    with tempfile.TemporaryDirectory(prefix="dra-") as place:
        state, folder = state_on(Path(place), scheduling, tree)
        prepared = []
        for name in names:
            metadata = scheduling.get(name)["metadata"]
            prepared.append(state.prepare(ClaimRef("default", name, metadata["uid"])))
        assert len({device.cdi_name for claim in prepared for device in claim.devices}) == 2
        assert len(list(folder.path.iterdir())) == 2
        status = tree.class_folder / "mock0/status"
        state.unprepare(prepared[0].ref)
        assert int(status.read_text()) == 1
        state.unprepare(prepared[1].ref)
        assert int(status.read_text()) == 0


def state_on(place: Path, scheduling: Scheduling, tree: AccelTree) -> tuple[State, CdiFolder]:
    """What the node agent keeps, in this process."""

    class Claims:
        def get(self, ref: ClaimRef) -> dict[str, t.Any]:
            return scheduling.get(ref.name)

    class Nobody:
        def prepared(self, claim: t.Any) -> None: ...

        def unprepared(self, ref: t.Any) -> None: ...

    folder = CdiFolder(place / "cdi", DRIVER)
    folder.path.mkdir()
    parts = Parts(
        Lock(place / "lock"),
        Fetches(place / "fetching"),
        Checkpoint(place / "checkpoint"),
        folder,
        SysfsDevices(tree.root),
        Claims(),
        Nobody(),
        MetadataFolder(place, place / "cdi", DRIVER),
    )
    return State(parts, DRIVER, NODE), folder


def test_a_server_that_does_not_serve_it_has_whole_devices(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path: Path, tree: AccelTree
) -> None:
    class Without(servers.ApiServer):
        def _apiserver_command(self, etcd: int, port: int) -> list[str]:
            return [*super()._apiserver_command(etcd, port), "--feature-gates=DRAConsumableCapacity=false"]

    flags = ("--shared-devices=all",)
    with dra_scheduling.running(kubernetes_programs, repo, tmp_path, tree, *flags, kind=Without) as made:
        assert not any("allowMultipleAllocations" in device for device in made.cluster.devices().values())
        assert made.gets(made.ask("pf", 0)) == "mock0"
        until(lambda: made.driver.said("Devices are not shared"), made.driver)
        assert made.driver.said("dropped fields") == 0
