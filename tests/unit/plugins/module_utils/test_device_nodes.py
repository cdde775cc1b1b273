# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning device nodes from plain data; making them is tested with the module."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._device_nodes import (
    DeviceNodeError,
    Node,
    Other,
    Plan,
    listing,
    plan,
    wanted,
)

ONE = {"/dev/nvidia0": Node(195, 0, 0o666), "/dev/nvidiactl": Node(195, 255, 0o666)}


def test_wanted_nodes_have_the_numbers_of_the_real_driver() -> None:
    nodes = wanted(["/dev", "/root/dev"], 2, 0o666)
    assert list(nodes) == [
        "/dev/nvidia0",
        "/dev/nvidia1",
        "/dev/nvidiactl",
        "/root/dev/nvidia0",
        "/root/dev/nvidia1",
        "/root/dev/nvidiactl",
    ]
    assert [(node.major, node.minor) for node in nodes.values()][:3] == [(195, 0), (195, 1), (195, 255)]


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param({}, Plan((), ("/dev/nvidia0", "/dev/nvidiactl"), ()), id="nothing-there"),
        pytest.param(ONE, Plan((), (), ()), id="all-there"),
        pytest.param({**ONE, "/dev/nvidia1": Node(195, 1, 0o666)}, Plan(("/dev/nvidia1",), (), ()), id="surplus"),
        pytest.param(
            {**ONE, "/dev/nvidia0": Node(195, 0, 0o600)}, Plan((), (), ("/dev/nvidia0",)), id="other-permissions"
        ),
        pytest.param(
            {**ONE, "/dev/nvidia0": Node(195, 7, 0o666)},
            Plan(("/dev/nvidia0",), ("/dev/nvidia0",), ()),
            id="other-minor",
        ),
        pytest.param({**ONE, "/dev/nvidia9": Node(508, 0, 0o666)}, Plan((), (), ()), id="surplus-of-another-driver"),
        pytest.param({**ONE, "/dev/nvidia9": Other("file")}, Plan((), (), ()), id="file-of-a-surplus-name"),
    ],
)
def test_plan(observed: dict, expected: Plan) -> None:
    assert plan(observed, ONE) == expected


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        pytest.param(Other("folder"), "a folder of that name is there", id="folder"),
        pytest.param(Node(508, 0, 0o666), r"belongs to another driver \(char 508:0 0666\)", id="other-driver"),
    ],
)
def test_what_is_in_the_way_is_named(there: Node | Other, reason: str) -> None:
    with pytest.raises(DeviceNodeError, match=f"device node /dev/nvidia0: .*{reason}"):
        plan({"/dev/nvidia0": there}, ONE)


def test_listing_is_in_the_order_of_the_gpus() -> None:
    text = listing(wanted(["/dev"], 11, 0o666))
    assert [line.split()[0] for line in text.splitlines()][-3:] == ["/dev/nvidia9", "/dev/nvidia10", "/dev/nvidiactl"]
