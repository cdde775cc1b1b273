# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a claim is pending: per node and request, on recorded objects."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._dra import pending
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import parse_claim
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import parse_slice, pools

DRIVER = "gpu.nvidia.com"
ROOT = "resource.kubernetes.io/pcieRoot"
BUS = "resource.kubernetes.io/pciBusID"
TAINT = {"key": "broken", "value": "xid", "effect": "NoSchedule"}


def big(amount: str) -> str:
    return f"device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('{amount}')) >= 0"


@pytest.fixture
def why(recorded) -> t.Callable[..., list[tuple[str, str, str]]]:
    def explain(spec: dict[str, t.Any], change: t.Any = None) -> list[tuple[str, str, str]]:
        slices, claims = recorded("resource_slices_v1"), recorded("resource_claims_v1")
        if change:
            change(slices)
        around = pending.surroundings(
            pools(map(parse_slice, slices)), recorded("device_classes"), map(parse_claim, claims)
        )
        claim = parse_claim({"metadata": {"namespace": "default", "name": "c"}, "spec": {"devices": spec}})
        return [(one.node, one.request, one.text) for one in pending.explain(claim, around)]

    return explain


def wants(count: int = 1, name: str = "gpu", **more: t.Any) -> dict[str, t.Any]:
    return {"name": name, "exactly": {"deviceClassName": DRIVER, "count": count, **more}}


def selects(expression: str) -> dict[str, t.Any]:
    return {"selectors": [{"cel": {"expression": expression}}]}


def taint_all(slices: list[dict[str, t.Any]]) -> None:
    for one in slices:
        for device in one["spec"]["devices"]:
            device["taints"] = [TAINT]


OURS = "held by claim default/two-gpus"
ZERO = f"2 {OURS}; 1 held by claim default/either"
ONE = "1 held by claim default/one-gpu"


ODD = "size(device.attributes) > 99"


@pytest.mark.parametrize(
    ("spec", "change", "reasons"),
    [
        pytest.param({"requests": [wants()]}, None, [], id="nothing is in the way"),
        pytest.param({"requests": [wants(3)]}, None, [], id="as many as are free"),
        pytest.param(
            {"requests": [wants(4)]},
            None,
            [("worker-1", "gpu", f"4 devices wanted, 3 of 4 free: {ONE}")],
            id="one more on one node",
        ),
        pytest.param(
            {"requests": [wants(6)]},
            None,
            [
                ("worker-0", "gpu", f"6 devices wanted, 5 of 8 free: {ZERO}"),
                ("worker-1", "gpu", f"6 devices wanted, 3 of 4 free: {ONE}"),
            ],
            id="more than any node has",
        ),
        pytest.param(
            {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "none.example.com"}}]},
            None,
            [("", "gpu", "DeviceClass none.example.com does not exist")],
            id="no such class",
        ),
        pytest.param(
            {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "big.example.com"}}]},
            None,
            [
                (
                    "worker-0",
                    "gpu",
                    "1 device wanted, 0 of 8 free: 8 not chosen by the selector of DeviceClass big.example.com: "
                    + big("100Gi"),
                )
            ],
            id="the class chooses others",
        ),
        pytest.param(
            {"requests": [wants(**selects(f"device.driver == '{DRIVER}' && {big('180Gi')}"))]},
            None,
            [
                (
                    "worker-0",
                    "gpu",
                    f"1 device wanted, 0 of 8 free: 8 not chosen by the selector of the request: {big('180Gi')}",
                )
            ],
            id="the request chooses others",
        ),
        pytest.param(
            {"requests": [wants(**selects(ODD))]},
            None,
            [
                (
                    node,
                    "gpu",
                    f"only the scheduler can tell what the selector of the request chooses: {ODD}",
                )
                for node in ("worker-0", "worker-1")
            ],
            id="who knows",
        ),
        pytest.param(
            {
                "requests": [
                    wants(
                        **selects(
                            'device.driver == "gpu.nvidia.com" && '
                            'device.attributes["gpu.nvidia.com"].productName.lowerAscii().matches("^.*h100.*$")'
                        )
                    )
                ]
            },
            None,
            [
                (
                    node,
                    "gpu",
                    f"1 device wanted, 0 of {number} free: {number} not chosen by the selector of the request: "
                    'device.attributes["gpu.nvidia.com"].productName.lowerAscii().matches("^.*h100.*$")',
                )
                for node, number in (("worker-0", 8), ("worker-1", 4))
            ],
            id="another product, in small letters",
        ),
        pytest.param(
            {
                "requests": [
                    {
                        "name": "g",
                        "firstAvailable": [
                            {"name": "a", "deviceClassName": "none"},
                            {"name": "b", "deviceClassName": DRIVER, "count": 4},
                        ],
                    }
                ]
            },
            None,
            [
                ("", "g/a", "DeviceClass none does not exist"),
                ("worker-1", "g/b", f"4 devices wanted, 3 of 4 free: {ONE}"),
            ],
            id="alternatives",
        ),
        pytest.param(
            {"requests": [wants(2, "a"), wants(6, "b")]},
            None,
            [
                ("worker-0", "b", f"6 devices wanted, 5 of 8 free: {ZERO}"),
                ("worker-1", "b", f"6 devices wanted, 3 of 4 free: {ONE}"),
            ],
            id="one of two requests",
        ),
        pytest.param(
            {"requests": [wants()]},
            taint_all,
            [
                ("worker-0", "gpu", "1 device wanted, 0 of 8 free: 8 tainted broken=xid:NoSchedule"),
                ("worker-1", "gpu", "1 device wanted, 0 of 4 free: 4 tainted broken=xid:NoSchedule"),
            ],
            id="taints",
        ),
        pytest.param(
            {"requests": [wants(3, tolerations=[{"key": "broken", "operator": "Exists"}])]},
            taint_all,
            [],
            id="tolerated",
        ),
        pytest.param({"requests": [wants(4, adminAccess=True)]}, taint_all, [], id="admin access takes what is there"),
        pytest.param(
            {"requests": [wants(2)]},
            lambda slices: slices.pop(),
            [("worker-1", "gpu", "2 devices wanted, 0 of 2 free: 2 in the incomplete pool worker-1 (1 of 2 slices)")],
            id="an incomplete pool",
        ),
        pytest.param(
            {"requests": [wants()]},
            lambda slices: slices.clear(),
            [("", "gpu", "no ResourceSlice has a device")],
            id="no slices",
        ),
        pytest.param(
            {"requests": [wants(4)]},
            lambda slices: [one["spec"]["devices"][0].update(allowMultipleAllocations=True) for one in slices[2:]],
            [],
            id="a device that several may have",
        ),
        pytest.param(
            {"requests": [wants(9)]},
            lambda slices: [one["spec"].update(nodeName=None, allNodes=True) for one in slices],
            [
                (
                    "",
                    "gpu",
                    f"9 devices wanted, 8 of 12 free: 2 {OURS}; 1 held by claim default/either; {ONE}",
                )
            ],
            id="devices of no node",
        ),
        pytest.param(
            {"requests": [wants(6)]},
            lambda slices: [one["spec"].update(nodeName=None, allNodes=True) for one in slices[1:]],
            [],
            id="devices of the node and of all",
        ),
        pytest.param(
            {"requests": [wants(allocationMode="All")]},
            None,
            [
                ("worker-0", "gpu", f"all devices wanted, 5 of 8 free: {ZERO}"),
                ("worker-1", "gpu", f"all devices wanted, 3 of 4 free: {ONE}"),
            ],
            id="all of them",
        ),
        pytest.param(
            {"requests": [wants(allocationMode="All", **selects("device.attributes['gpu.nvidia.com'].uuid == 'x'"))]},
            None,
            [
                (
                    node,
                    "gpu",
                    f"all devices wanted, 0 of {n} free: {n} not chosen by the selector of the request:"
                    " device.attributes['gpu.nvidia.com'].uuid == 'x'",
                )
                for node, n in (("worker-0", 8), ("worker-1", 4))
            ],
            id="all of none",
        ),
        pytest.param(
            {
                "requests": [
                    wants(
                        allocationMode="All",
                        **selects("device.attributes['resource.kubernetes.io'].pcieRoot == 'pci0000:01'"),
                    )
                ]
            },
            None,
            [
                (
                    "worker-1",
                    "gpu",
                    f"all devices wanted, 1 of 4 free: 2 not chosen by the selector of the request:"
                    f" device.attributes['resource.kubernetes.io'].pcieRoot == 'pci0000:01'; {ONE}",
                )
            ],
            id="all that a selector chooses",
        ),
        pytest.param(
            {"requests": [wants(3)], "constraints": [{"matchAttribute": ROOT}]},
            None,
            [
                (
                    node,
                    "gpu",
                    f"3 devices wanted, {free} free; constraint matchAttribute {ROOT}:"
                    " at most 2 of the free devices agree in it",
                )
                for node, free in (("worker-0", 5), ("worker-1", 3))
            ],
            id="no three agree",
        ),
        pytest.param({"requests": [wants(2)], "constraints": [{"matchAttribute": ROOT}]}, None, [], id="two agree"),
        pytest.param(
            {"requests": [wants(3)], "constraints": [{"distinctAttribute": ROOT, "requests": ["gpu"]}]},
            None,
            [
                (
                    "worker-1",
                    "gpu",
                    f"3 devices wanted, 3 free; constraint distinctAttribute {ROOT}:"
                    " the free devices have 2 different values of it",
                )
            ],
            id="no three differ",
        ),
        pytest.param(
            {"requests": [wants(3)], "constraints": [{"distinctAttribute": BUS}]}, None, [], id="three differ"
        ),
        pytest.param(
            {"requests": [wants()], "constraints": [{"matchAttribute": "example.com/rack"}]},
            None,
            [
                (
                    node,
                    "gpu",
                    f"1 device wanted, {free} free; constraint matchAttribute example.com/rack:"
                    " none of the free devices has the attribute",
                )
                for node, free in (("worker-0", 5), ("worker-1", 3))
            ],
            id="an attribute that no device has",
        ),
        pytest.param(
            {"requests": [wants(3)], "constraints": [{"matchAttribute": ROOT, "requests": ["other"]}]},
            None,
            [],
            id="another's constraint",
        ),
        pytest.param(
            {
                "requests": [
                    {"name": "g", "firstAvailable": [{"name": "a", "deviceClassName": DRIVER, "count": 3}]},
                    wants(3, "h"),
                ],
                "constraints": [{"matchAttribute": ROOT, "requests": ["g"]}],
            },
            None,
            [
                (
                    node,
                    "g/a",
                    f"3 devices wanted, {free} free; constraint matchAttribute {ROOT}:"
                    " at most 2 of the free devices agree in it",
                )
                for node, free in (("worker-0", 5), ("worker-1", 3))
            ],
            id="a constraint on alternatives by the name of their request",
        ),
        pytest.param(
            {
                "requests": [
                    {
                        "name": "g",
                        "firstAvailable": [
                            {"name": "a", "deviceClassName": DRIVER, "count": 3},
                            {"name": "b", "deviceClassName": DRIVER},
                        ],
                    }
                ],
                "constraints": [{"distinctAttribute": ROOT, "requests": ["g/a"]}],
            },
            None,
            [
                (
                    "worker-1",
                    "g/a",
                    f"3 devices wanted, 3 free; constraint distinctAttribute {ROOT}:"
                    " the free devices have 2 different values of it",
                )
            ],
            id="a constraint on one alternative",
        ),
        pytest.param(
            {"requests": [wants(allocationMode="All", adminAccess=True)], "constraints": [{"matchAttribute": "rack"}]},
            None,
            [],
            id="a constraint on all devices cannot be told",
        ),
        pytest.param(
            {"requests": [wants(9, adminAccess=True)]},
            None,
            [
                ("worker-0", "gpu", "9 devices wanted, 8 of 8 free"),
                ("worker-1", "gpu", "9 devices wanted, 4 of 4 free"),
            ],
            id="more than there are",
        ),
        pytest.param(
            {"requests": [wants(4)]},
            lambda slices: [slices.pop(0), slices[0]["spec"]["devices"][0].update(taints=[TAINT])],
            [("worker-1", "gpu", f"4 devices wanted, 2 of 4 free: {ONE}; 1 tainted broken=xid:NoSchedule")],
            id="the same number of two reasons, by their words",
        ),
        pytest.param(
            {"requests": [wants(3)], "constraints": [{"newConstraint": ROOT}]},
            None,
            [],
            id="a constraint of a newer API",
        ),
    ],
)
def test_reasons(why, spec, change, reasons) -> None:
    assert why(spec, change) == reasons


def test_a_device_that_two_claims_hold(recorded) -> None:
    claims = recorded("resource_claims_v1")
    claims[0]["status"]["allocation"]["devices"]["results"][0]["device"] = "gpu-0"
    around = pending.surroundings(
        pools(map(parse_slice, recorded("resource_slices_v1"))), recorded("device_classes"), map(parse_claim, claims)
    )
    wanted = parse_claim({"metadata": {"namespace": "n", "name": "c"}, "spec": {"devices": {"requests": [wants(8)]}}})
    assert pending.explain(wanted, around)[0].text == (
        f"8 devices wanted, 6 of 8 free: 1 held by claim default/either, default/two-gpus; 1 {OURS}"
    )


def test_a_reason_in_words() -> None:
    assert str(pending.Reason("n", "r", "t")) == "node n: request r: t"
    assert str(pending.Reason("", "r", "t")) == "request r: t"
