# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_claim_verify over time: waiting for devices and why they do not come, claims that go again, and outages."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from claim_edits import claim

from ansible_collections.mirage.accel.plugins.modules import resource_claim_verify as verify

RunModule = Callable[..., dict[str, t.Any]]


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **options)


def test_a_pending_claim_says_why(look: RunModule) -> None:
    answer = look(name="too-big")
    selector = "device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('200Gi')) >= 0"
    assert answer["pending"] == {
        "default/too-big": {
            "reasons": [
                {
                    "node": node,
                    "request": "gpu",
                    "text": f"3 devices wanted, 0 of {count} free: {count} not chosen by the selector of the request: "
                    + selector,
                }
                for node, count in (("worker-0", 8), ("worker-1", 4))
            ],
            "scheduler": [
                "pod waits: 0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption:"
                " 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
            ],
        }
    }
    assert "Why default/too-big is pending: node worker-0: request gpu: 3 devices wanted, 0 of 8 free" in answer["msg"]
    assert "; scheduler: pod waits: 0/2 nodes are available" in answer["msg"]


def test_an_explanation_that_is_not_allowed(look: RunModule, dra_api) -> None:
    api = dra_api()
    api.objects["/apis/resource.k8s.io/v1/deviceclasses"] = api.refuse(403, "deviceclasses is forbidden")
    answer = look(name="too-big")
    assert answer["differences"] == [
        {"path": "claims[default/too-big].state", "expected": "allocated", "actual": "pending"}
    ]
    assert "Why it is pending cannot be told: Error while listing DeviceClasses" in answer["msg"]


def test_waiting_until_it_is_so(look: RunModule, dra_api, recorded) -> None:
    items = recorded("resource_claims_v1")
    before = {**claim(items, "one-gpu"), "status": {}}
    api = dra_api(claims=[before])
    after = claim(recorded("resource_claims_v1"), "one-gpu")
    api.watches = [[api.event("MODIFIED", {**after, "metadata": {**after["metadata"], "resourceVersion": "999"}})]]
    assert look(name="one-gpu", wait=True, same_node=True)["differences"] == []


def test_what_does_not_last_is_not_enough(look: RunModule, dra_api, recorded) -> None:
    gone = claim(recorded("resource_claims_v1"), "one-gpu")
    api = dra_api()
    api.watches = [[api.event("DELETED", gone)]]
    (difference,) = look(name="one-gpu", stable_for=1)["differences"]
    assert difference == {"path": "claims[default/one-gpu]", "expected": "allocated", "actual": None}


def test_an_outage_is_no_proof_that_it_lasts(look: RunModule, dra_api) -> None:
    api = dra_api()
    api.watches = [api.refuse(503, "shutting down")] * 100
    answer = look(name="one-gpu", stable_for=1)
    assert "claim default/one-gpu: as expected now, but not for 1 s without a break (last seen; Error" in answer["msg"]
