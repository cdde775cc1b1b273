# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of claims, where the recorded ones leave something open; what the modules show of them is tested there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import holders, parse_claim
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import FormError


def item(name: str = "c", results: list[dict] | None = None, selector: dict | None = None, **spec) -> dict:
    allocation = {"devices": {"results": results or []}, "nodeSelector": selector}
    return {
        "metadata": {"namespace": "n", "name": name},
        "spec": {"devices": spec},
        "status": {"allocation": allocation},
    }


def field(key: str, operator: str, *values: str) -> dict:
    return {"matchFields": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("terms", "nodes"),
    [
        (None, ()),
        ([], ()),
        ([field("metadata.name", "In", "a", "b")], ("a", "b")),
        ([field("metadata.name", "In", "a"), field("metadata.name", "In", "b")], ("a", "b")),
        ([field("metadata.name", "NotIn", "a")], ()),
        ([field("metadata.namespace", "In", "a")], ()),
        ([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}], ()),
    ],
)
def test_nodes_that_an_allocation_names(terms, nodes) -> None:
    assert parse_claim(item(selector={"nodeSelectorTerms": terms})).nodes == nodes


def test_a_request_without_anything() -> None:
    (request,) = parse_claim(item(requests=[{"name": "r"}])).requests
    assert (request.device_class, request.mode, request.count) == ("", "ExactCount", 1)
    assert (request.selectors, request.tolerations, request.admin_access) == ((), (), False)


def test_what_has_no_name_is_said_to_have_none() -> None:
    with pytest.raises(FormError, match="^ResourceClaim without a name is not of a known form: KeyError"):
        parse_claim({})


ALLOCATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "request": st.just("r"),
            "driver": st.sampled_from(["d", "e"]),
            "pool": st.sampled_from(["p", "q"]),
            "device": st.sampled_from(["a", "b"]),
        },
        optional={"adminAccess": st.booleans(), "shareID": st.sampled_from(["s", "t"])},
    ),
    max_size=4,
)


@given(st.dictionaries(st.sampled_from("xyz"), ALLOCATIONS))
def test_a_device_is_held_by_just_those_that_keep_it_from_others(claims) -> None:
    held = holders(parse_claim(item(name, results)) for name, results in claims.items())
    expected = sorted(
        ((one["driver"], one["pool"], one["device"]), f"n/{name}")
        for name, results in claims.items()
        for one in results
        if not one.get("adminAccess") and "shareID" not in one
    )
    assert sorted((key, name) for key, names in held.items() for name in names) == expected
