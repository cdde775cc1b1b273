# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tolerations of a request hold against a taint, as the scheduler judges them."""

from __future__ import annotations

import pytest

from ansible_collections.mirage.accel.plugins.module_utils._dra import pending

TAINT = {"key": "broken", "value": "xid", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "key": "broken"}, True),
        ({"operator": "Exists", "key": "other"}, False),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Equal", "key": "broken", "value": "xid"}, True),
        ({"key": "broken", "value": "xid"}, True),
        ({"key": "broken", "value": "other"}, False),
        ({"key": "broken"}, False),
        ({}, False),
    ],
)
def test_tolerations(toleration, expected) -> None:
    assert pending.tolerates(toleration, TAINT) is expected
    assert pending.tolerates({**toleration, "value": ""}, {"key": "broken", "effect": "NoSchedule"}) is (
        expected or toleration.get("key") == "broken"
    )
