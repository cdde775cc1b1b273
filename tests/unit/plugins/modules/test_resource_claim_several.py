# SPDX-License-Identifier: GPL-3.0-or-later
"""resource_claim_verify where several claims matter: how many are selected, and which must share no device."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from claim_edits import claim, result

from ansible_collections.mirage.accel.plugins.modules import resource_claim_verify as verify

RunModule = Callable[..., dict[str, t.Any]]


@pytest.fixture
def look(ask: RunModule) -> RunModule:
    return lambda **options: ask(verify, **options)


@pytest.mark.parametrize(
    ("names", "options", "differences"),
    [
        pytest.param([], {}, [("claims", "at least 1 selected", "0 selected")], id="none of any number"),
        pytest.param(["one-gpu"], {}, [], id="one of any number"),
        pytest.param([], {"count": 0}, [], id="none, as expected"),
        pytest.param(["one-gpu"], {"count": 0}, [("claims", "0 selected", "1 selected")], id="one where none may be"),
        pytest.param(["one-gpu", "either"], {"count": 2}, [], id="two, as expected"),
    ],
)
def test_how_many_are_selected(look: RunModule, dra_api, recorded, names, options, differences) -> None:
    items = recorded("resource_claims_v1")
    api = dra_api()
    selected = [claim(items, name) for name in names]
    api.objects["/apis/resource.k8s.io/v1/namespaces/default/resourceclaims"] = api.listing(*selected)
    answer = look(label_selectors=["app=x"], **options)
    assert [tuple(one.values()) for one in answer["differences"]] == differences


def test_what_other_claims_share_is_not_the_chosen_ones_fault(look: RunModule, dra_api, recorded) -> None:
    items = recorded("resource_claims_v1")
    result("either", 0, device="gpu-0")(items)
    dra_api(claims=items)
    assert look(name="one-gpu", devices={"distinct_from": ["two-gpus"]})["differences"] == []
    assert len(look(name="either", devices={"distinct_from": ["two-gpus"]})["differences"]) == 1


def test_every_claim_is_apart_from_every_other(look: RunModule, dra_api, recorded) -> None:
    items = recorded("resource_claims_v1")
    result("one-gpu", 0, pool="worker-0", device="gpu-1")(items)
    result("either", 0, device="gpu-0")(items)
    dra_api(claims=items)
    others = ["nobody-knows", "either", "one-gpu", "two-gpus"]
    answer = look(label_selectors=["app=x"], state="allocated", devices={"distinct_from": others})
    found = [(one["path"], one["actual"]) for one in answer["differences"]]
    assert found[:1] == [("claims[default/too-big].state", "pending")]
    assert found[1:] == [
        ("claims[default/nobody-knows]", None),
        ("claims[default/either].devices[worker-0/gpu-0]", "a device of default/two-gpus"),
        ("claims[default/one-gpu].devices[worker-0/gpu-1]", "a device of default/two-gpus"),
        ("claims[default/two-gpus].devices[worker-0/gpu-0]", "a device of default/either"),
        ("claims[default/two-gpus].devices[worker-0/gpu-1]", "a device of default/one-gpu"),
    ]
