# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_slice_verify over time: waiting for slices, watching that they last, and outages meanwhile."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from slice_edits import (
    DRIVER,
    ONE_B,
)

from ansible_collections.mirage.accel.plugins.modules import resource_slice_verify as verify

RunModule = Callable[..., dict[str, t.Any]]

BOTH = {"worker-0": 8, "worker-1": 4}


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **{"driver": DRIVER, **options})


def test_waiting_until_it_is_so(look: RunModule, dra_api, recorded) -> None:
    items = recorded("resource_slices_v1")
    last = items.pop()
    api = dra_api(slices=items)
    api.watches = [[api.event("ADDED", last)]]
    answer = look(nodes=BOTH, wait=True)
    assert answer["differences"] == []


def test_what_does_not_last_is_not_enough(look: RunModule, dra_api, recorded) -> None:
    gone = recorded("resource_slices_v1")[ONE_B]
    api = dra_api()
    api.watches = [[api.event("DELETED", gone)]]
    answer = look(nodes=BOTH, stable_for=1)
    assert [one["path"] for one in answer["differences"]] == ["pools[worker-1].slices", "nodes[worker-1].count"]


def test_what_lasts_is_enough(look: RunModule) -> None:
    answer = look(nodes=BOTH, stable_for=1)
    assert answer["differences"] == []
    assert answer["waited"] >= 1


def test_an_outage_is_no_proof_that_it_lasts(look: RunModule, dra_api) -> None:
    api = dra_api()
    api.watches = [api.refuse(503, "shutting down")] * 100
    answer = look(nodes=BOTH, stable_for=1)
    assert answer["differences"] == []
    assert (
        "as expected now, but not for 1 s without a break (last seen; Error while listing ResourceSlices"
        in answer["msg"]
    )


def test_an_outage_during_a_wait(look: RunModule, dra_api) -> None:
    api = dra_api()
    api.watches = [api.refuse(503, "shutting down")] * 100
    answer = look(nodes={"worker-0": 9}, wait=True, wait_timeout=1)
    assert len(answer["differences"]) == 1
    assert "503: shutting down" in answer["msg"]
