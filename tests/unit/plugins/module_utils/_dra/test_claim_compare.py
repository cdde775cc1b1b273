# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for every comparison of claims; single differences are in the tests of the module."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mirage.accel.plugins.module_utils._dra.claim_compare import (
    ClaimRule,
    Selection,
    compare_claims,
    compare_distinct,
)
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import Count, NodeRule
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import Claim, parse_claim

DEVICES = st.lists(st.sampled_from("abcd"), unique=True)
# By name of the claim; None: it has not been allocated.
CLAIMS = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.one_of(st.none(), DEVICES), min_size=1)


def claims(held: dict[str, list[str] | None]) -> list[Claim]:
    made = []
    for name, devices in held.items():
        results = [{"request": "r", "driver": "d", "pool": "p", "device": one} for one in devices or ()]
        status = {} if devices is None else {"allocation": {"devices": {"results": results}}}
        made.append(parse_claim({"metadata": {"namespace": "n", "name": name}, "spec": {}, "status": status}))
    return made


@given(CLAIMS, DEVICES)
def test_names_and_numbers_of_devices(held, wanted) -> None:
    """No difference just where every claim has all of the devices and no other."""
    rule = ClaimRule(names=tuple(wanted), devices=NodeRule(count=Count(len(wanted), len(wanted))))
    found = [one.path for one in compare_claims(Selection(), rule, claims(held), {})]
    expected = []
    for name, devices in sorted(held.items()):
        path = f"claims[n/{name}]"
        if devices is None:
            expected.append(f"{path}.state")
            continue
        if len(devices) != len(wanted):
            expected.append(f"{path}.devices.count")
        expected += [f"{path}.devices[p/{one}]" for one in devices if one not in wanted]
        expected += [f"{path}.devices[{one}]" for one in sorted(wanted) if one not in devices]
    assert found == expected


@given(CLAIMS, st.randoms())
def test_devices_that_two_claims_share_are_named_from_both_sides(held, random) -> None:
    """Whatever the order in which claims come; a claim is never compared with itself."""
    everyone = claims(held)
    random.shuffle(everyone)
    names = sorted(held)
    rule = ClaimRule(distinct_from=tuple(f"n/{name}" for name in [*names, "none"]))
    chosen = random.sample(names, random.randint(0, len(names)))
    found = list(compare_distinct(rule, {f"n/{name}" for name in chosen}, everyone))
    told = {(one.path, one.actual) for one in found if one.actual is not None}
    assert [one.path for one in found if one.actual is None] == ["claims[n/none]"]
    assert told == {
        (f"claims[n/{name}].devices[p/{device}]", f"a device of n/{other}")
        for name in chosen
        for other in names
        for device in held[name] or ()
        if other != name and device in (held[other] or ())
    }
    assert len(found) == len(told) + 1


@given(CLAIMS, st.sampled_from(["x", "y", "z"]))
def test_absent_is_the_opposite_of_there(held, name) -> None:
    absent = list(compare_claims(Selection(name=f"n/{name}"), ClaimRule(state="absent"), claims(held), {}))
    assert bool(absent) == (name in held)
    by_name = list(compare_claims(Selection(name=f"n/{name}"), ClaimRule(state="pending"), claims(held), {}))
    assert (by_name == []) == (name in held and held[name] is None)
