# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes' own scheduler makes of the slices that the DRA driver publishes: whole and parts, memory, taints."""

from __future__ import annotations

import typing as t
from pathlib import Path

import dra_scheduling
import pytest
from accel_sysfs import GI, AccelTree
from dra_controller import until
from dra_scheduling import Scheduling


@pytest.fixture(scope="module")
def scheduling(
    kubernetes_programs: dict[str, str], repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Scheduling]:
    folder = tmp_path_factory.mktemp("scheduling")
    tree = AccelTree(folder / "sys")
    for number in range(4):
        tree.add_pf(number, memory=(5 if number == 1 else 16) * GI)
        if number < 3:
            tree.add_vfs(number, 4)
    with dra_scheduling.running(kubernetes_programs, repo, folder, tree) as made:
        yield made


def test_who_has_the_whole_leaves_no_parts(scheduling: Scheduling) -> None:
    assert scheduling.gets(scheduling.ask("pf", 0)) == "mock0"
    assert "cannot allocate all claims" in scheduling.waits(scheduling.ask("vf", 0))


def test_who_has_a_part_leaves_no_whole_but_other_parts_and_no_more_memory_than_there_is(
    scheduling: Scheduling,
) -> None:
    """The second board has 5 GiB, and four parts of 2 GiB each."""
    first = scheduling.gets(scheduling.ask("vf", 1))
    assert first.startswith("mock1-vf")
    scheduling.waits(scheduling.ask("pf", 1))
    second = scheduling.gets(scheduling.ask("vf", 1))
    assert second.startswith("mock1-vf")
    assert second != first
    scheduling.waits(scheduling.ask("vf", 1))


def test_all_parts_can_be_had(scheduling: Scheduling) -> None:
    given = {scheduling.gets(scheduling.ask("vf", 2)) for _ in range(4)}
    assert given == {f"mock2-vf{number}" for number in range(4)}
    scheduling.waits(scheduling.ask("pf", 2))


def test_a_faulty_device_is_given_to_nobody_until_it_is_well(scheduling: Scheduling) -> None:
    scheduling.tree.write("mock3", "errors", "0x01")
    until(lambda: scheduling.cluster.devices().get("mock3", {}).get("taints"), scheduling.driver)
    claim = scheduling.ask("pf", 3)
    scheduling.waits(claim)
    scheduling.tree.write("mock3", "errors", "0x00")
    assert scheduling.gets(claim) == "mock3"


def test_parts_that_come_later_do_not_undo_what_was_given(scheduling: Scheduling) -> None:
    """A whole that somebody has keeps its board to itself when virtual functions are made."""
    scheduling.tree.add_pf(4)
    until(lambda: "mock4" in scheduling.cluster.devices(), scheduling.driver)
    assert scheduling.gets(scheduling.ask("pf", 4)) == "mock4"
    scheduling.tree.add_vfs(4, 2)
    until(lambda: "mock4-vf1" in scheduling.cluster.devices(), scheduling.driver)
    scheduling.waits(scheduling.ask("vf", 4))
