# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a profile of mock GPUs makes NVIDIA's DRA driver publish: the answer of `mock-nvml check --json` as rules.

The names of the attributes are those of that driver's slices. Imports the standard library only.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError

Json = dict[str, t.Any]
_KEYS = ("name", "device_count", "node_name", "driver_version", "compute_capability", "devices")


def node_rule(check: t.Any, node: str, count: int | None, path: str) -> Json:
    """The plain rule of one node, as `_dra.expectation.read_node` reads it.

    UUIDs are derived from the name of the node that the profile was checked for, so they are expected only there.
    """
    if not isinstance(check, dict) or not all(key in check for key in _KEYS):
        raise ExpectationError(f"{path}: expected the object that `mock-nvml check --json` prints, found {check!r:.80}")
    if check.get("valid") is False:
        raise ExpectationError(f"{path}: the profile is not valid: {check.get('error', 'mock-nvml check says why')}")
    devices = check["devices"]
    number = check["device_count"] if count is None else count
    if number > len(devices):
        raise ExpectationError(
            f"{path}: {number} devices expected and {len(devices)} described; run mock-nvml check with --count {number}"
        )
    devices = devices[:number]
    attributes: list[Json] = [
        {"name": "type", "type": "string", "value": "gpu"},
        {"name": "uuid", "type": "string", "unique": True},
        {"name": "productName", "type": "string", "value": check["name"]},
        {"name": "driverVersion", "type": "version", "value": semver(check["driver_version"])},
        {"name": "cudaComputeCapability", "type": "version", "value": semver(check["compute_capability"])},
    ]
    if check["node_name"] == node:
        attributes[1]["values"] = [device["uuid"] for device in devices]
    memory = {device["memory_total_bytes"] for device in devices}
    return {
        "count": number,
        "attributes": attributes,
        "capacity": {"memory": memory.pop()} if len(memory) == 1 else {},
    }


def semver(version: str) -> str:
    """A version as the driver publishes it: three numbers without leading zeros, so 550.163.01 is 550.163.1."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", version)[:3]]
    return ".".join(map(str, (*numbers, 0, 0)[:3]))
