#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_slice_verify
version_added: "0.1.0"
short_description: Verify that a DRA driver has published the devices that it should
description:
  - Compares the ResourceSlices of a driver with what is expected of its devices, and fails with a list of differences
    where they do not agree. Every node is judged for itself; sums would hide a broken node.
  - Of each pool only the newest generation counts, as the scheduler sees it. Incomplete pools, slices of older
    generations, devices that a pool has twice, owners, taints and the limits of the API are checked without being asked
    for.
  - What is expected is given as data in O(nodes), there also as a profile of mock GPUs, or as an earlier result of
    M(mirage.accel.resource_slice_info) in O(snapshot). Without any of them only the pools are judged.
  - With O(wait), changes are watched for, not polled.
options:
  driver:
    description: Name of the DRA driver, for example V(gpu.nvidia.com). Slices of others are not looked at.
    type: str
    required: true
  nodes:
    description:
      - What the devices of each node must be, by the node's name. A number alone is the C(count). Pools of nodes that
        are not named are not looked at, unless O(exact).
      - C(count) is how many devices there must be, a number or a mapping with C(min) and C(max) or C(equal).
      - C(attributes) is a mapping of names to values (V(null) where no device may have it), or a list of rules for
        every device of the node. A rule has a C(name) (with a domain where that is not the driver's), and any of
        C(type) (V(bool), V(int), V(string), V(version)), C(value), C(regex), C(values) (which the devices together
        must have, each one of them), C(unique), and C(present) (V(false) where no device may have it).
      - C(capacity) is a mapping of names to amounts, compared as Kubernetes quantities; an empty value (V(null)) means
        that there must be no such capacity.
      - C(devices) is a mapping of names of devices to C(attributes) and C(capacity) of just that device.
      - C(absent) is a list of names of devices that must not be there.
      - C(tainted) is a list of names of devices that must have a taint that keeps pods away; all others must have none.
      - A name is that of a device. Where several pools of the node have one by that name, it means all of them, and
        C(POOL/NAME) means one.
      - C(profile) is the object that C(mock-nvml check --json) prints of a profile, from which number, product, driver
        version, compute capability, memory and (where it was checked for the name of this node) the UUIDs are taken.
        C(count) beside it takes as many of its devices.
    type: dict
    default: {}
  snapshot:
    description:
      - An earlier result of M(mirage.accel.resource_slice_info). All pools of the driver must hold the same devices
        with the same attributes and capacities; names of slices and generations may differ.
    type: dict
  exact:
    description: Whether nodes that O(nodes) does not name must have no devices of this driver.
    type: bool
    default: false
  complete:
    description: Whether all slices of each pool's newest generation must be there.
    type: bool
    default: true
  no_stale:
    description: Whether no slice of an older generation may be left.
    type: bool
    default: true
  no_duplicates:
    description: Whether each name may be there only once in a pool.
    type: bool
    default: true
  limits:
    description: Whether slices must keep the API's limits, for example 128 devices in a slice, 64 where one is tainted.
    type: bool
    default: true
  taints:
    description:
      - Whether taints are compared. Those with the effects C(NoSchedule) and C(NoExecute) count; others only inform.
    type: bool
    default: true
  owner:
    description:
      - Who must own each slice, so that it goes when its owner goes.
      - V(node) is the Node that the slice is of, as drivers on nodes have it; V(any) is something; V(ignore) is not
        looked at.
    type: str
    choices: [node, any, ignore]
    default: node
  wait:
    description: Whether to wait until everything is as expected.
    type: bool
    default: false
  wait_timeout:
    description: How many seconds to wait before the differences that are left make the module fail.
    type: int
    default: 120
  stable_for:
    description:
      - For how many seconds everything must go on to be as expected, beyond O(wait_timeout). A driver that publishes
        and takes back again is found by it.
    type: int
    default: 0
notes:
  - The user needs the verbs C(list) and, for O(wait) and O(stable_for), C(watch) on resourceslices in
    C(resource.k8s.io).
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
  - mirage.accel._kubernetes_auth
seealso:
  - module: mirage.accel.resource_slice_info
  - module: mirage.accel.resource_claim_verify
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Verify that two nodes have published their GPUs, and that they stay
  mirage.accel.resource_slice_verify:
    driver: gpu.nvidia.com
    nodes:
      worker-0: 8
      worker-1:
        count: {min: 3}
        attributes:
          - name: uuid
            type: string
            regex: ^GPU-
            unique: true
          - name: productName
            value: NVIDIA GB200
        capacity:
          memory: 189471Mi
    wait: true
    wait_timeout: 300
    stable_for: 10

- name: Ask what the profile describes
  ansible.builtin.command:
    argv: [mock-nvml, check, --json, --count, "8", --node-name, worker-0, charts/gpu-mock/profiles/a100.yaml]
  register: profile
  changed_when: false

- name: Verify that a node has published just those GPUs
  mirage.accel.resource_slice_verify:
    driver: gpu.nvidia.com
    nodes:
      worker-0:
        profile: "{{ profile.stdout | from_json }}"
    exact: true

- name: Note what is published
  mirage.accel.resource_slice_info:
    driver: gpu.nvidia.com
  register: before

- name: Verify after an upgrade that the same devices are back
  mirage.accel.resource_slice_verify:
    driver: gpu.nvidia.com
    snapshot: "{{ before }}"
    wait: true

- name: Verify that one GPU is out of service
  mirage.accel.resource_slice_verify:
    driver: gpu.nvidia.com
    nodes:
      worker-0:
        count: 8
        tainted: [gpu-3]
"""

RETURN = r"""
api_version:
  description: Version of C(resource.k8s.io) that was spoken.
  returned: when the API server answered
  type: str
  sample: v1
differences:
  description:
    - Everything that is not as expected; empty when the module succeeds. C(msg) tells the first three and how many
      there are.
    - Not there when the module fails for another reason, for example because the API server cannot be reached.
  returned: when the API server answered
  type: list
  elements: dict
  contains:
    path:
      description: Where, for example V(nodes[worker-0].devices[gpu-3].attributes[productName]).
      type: str
    expected:
      description: What was expected.
      type: raw
    actual:
      description: What was found; V(null) where there is nothing.
      type: raw
  sample:
    - path: nodes[worker-1].count
      expected: "8"
      actual: 7
device_count:
  description: Number of devices of the driver in the newest generations, over all nodes.
  returned: when the API server answered
  type: int
  sample: 16
devices_by_node:
  description: Number of devices by node. Those that are of no one node are under an empty name.
  returned: when the API server answered
  type: dict
  sample: {worker-0: 8, worker-1: 8}
pools:
  description: The pools of the driver, each in its newest generation.
  returned: when the API server answered
  type: list
  elements: dict
  contains:
    pool:
      description: Name of the pool.
      type: str
    node:
      description: Name of the node that the pool is of; empty where it is of no one node.
      type: str
    generation:
      description: The newest generation.
      type: int
    complete:
      description: Whether all slices of that generation are there.
      type: bool
    device_count:
      description: Number of devices.
      type: int
  sample:
    - pool: worker-0
      node: worker-0
      generation: 1
      complete: true
      device_count: 8
waited:
  description: Seconds until everything was as expected, or until the module gave up.
  returned: when the API server answered
  type: float
  sample: 0.1
"""

import itertools
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _dra_api, _kubernetes_client, _profile, _wait
from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import compare, expectation, resource_slice, snapshot
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS, WAIT_ARGS, argument_spec
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import (
    Finding,
    conclude,
    sentence,
    unsteady,
)

OPTIONS: dict[str, t.Any] = {
    "driver": {"type": "str", "required": True},
    "nodes": {"type": "dict", "default": {}},
    "snapshot": {"type": "dict"},
    "exact": {"type": "bool", "default": False},
    "complete": {"type": "bool", "default": True},
    "no_stale": {"type": "bool", "default": True},
    "no_duplicates": {"type": "bool", "default": True},
    "limits": {"type": "bool", "default": True},
    "taints": {"type": "bool", "default": True},
    "owner": {"type": "str", "choices": ["node", "any", "ignore"], "default": "node"},
    "stable_for": {"type": "int", "default": 0},
}
_SWITCHES = ("exact", "complete", "no_stale", "no_duplicates", "limits", "taints", "owner")


def expected_of(params: dict[str, t.Any]) -> expectation.Expectation:
    """What the options ask for; ExpectationError says which of them cannot be meant."""
    if not params["driver"].strip():
        raise expectation.ExpectationError("driver: expected the name of a DRA driver, found an empty text")
    if params["exact"] and not params["nodes"]:
        raise expectation.ExpectationError("exact=true needs nodes: without them no node may have a device")
    nodes = {node: with_profile(node, rule) for node, rule in params["nodes"].items()}
    switches = {name: params[name] for name in _SWITCHES}
    return expectation.Expectation(driver=params["driver"], nodes=expectation.read_nodes(nodes), **switches)


def with_profile(node: str, rule: t.Any) -> t.Any:
    """The rule of one node with what its profile describes; what the rule says itself comes besides."""
    if not isinstance(rule, dict) or "profile" not in rule:
        return rule
    path = f"nodes[{node}]"
    own = {key: value for key, value in rule.items() if key != "profile"}
    count = expectation.read_node({"count": own.pop("count", None)}, path).count
    if count.least != count.most:
        raise expectation.ExpectationError(f"{path}.count: a profile goes with one number, not with min or max")
    described = _profile.node_rule(rule["profile"], node, count.least, f"{path}.profile")
    attributes = own.pop("attributes", None) or []
    if isinstance(attributes, dict):
        attributes = expectation.short_rules(attributes)
    return {
        **described,
        **own,
        "attributes": [*described["attributes"], *attributes],
        "capacity": {**described["capacity"], **(own.get("capacity") or {})},
    }


def verify(params: dict[str, t.Any]) -> Finding:
    """The module's answer, and in words what is wrong (empty: nothing)."""
    expected = expected_of(params)
    saved = None if params["snapshot"] is None else snapshot.read(params["snapshot"], params["driver"])
    started = time.monotonic()
    api = _dra_api.discover(_kubernetes_client.connect({name: params[name] for name in AUTH_ARGS}))
    reader = _dra_api.slice_reader()

    def differences(items: list[dict[str, t.Any]]) -> t.Iterator[Difference]:
        pools = resource_slice.pools(reader.read(items))
        yield from compare.compare(expected, pools)
        if saved is not None:
            yield from snapshot.compare(saved, pools)

    outcome = _wait.watch_until(
        api.slices(params["driver"]),
        # The first difference is enough for "no".
        lambda items: next(differences(items), None) is None,
        timeout=params["wait_timeout"] if params["wait"] else 0,
        stable_for=params["stable_for"],
    )
    waited = round(time.monotonic() - started, 1)
    # Satisfied means that these items were just compared; many are not compared twice.
    found = [] if outcome.satisfied else list(differences(outcome.items))
    pools = resource_slice.pools(reader.read(outcome.items))
    answer = {
        "api_version": api.version,
        "differences": [difference.as_dict() for difference in found],
        **numbers(pools),
        "waited": waited,
    }
    what = f"the devices of {params['driver']}"
    if found:
        return Finding(answer, sentence(what, found, waited if params["wait"] else None, outcome.error))
    if not outcome.satisfied:
        return Finding(answer, unsteady(what, params["stable_for"], outcome.error))
    return Finding(answer)


def numbers(pools: t.Sequence[resource_slice.Pool]) -> dict[str, t.Any]:
    """How many devices there are, in all, by node and by pool; a name that a pool has twice counts once."""
    places = sorted({(device.node, device.pool, device.name) for pool in pools for device in pool.devices})
    by_node = {node: len(list(group)) for node, group in itertools.groupby(places, key=lambda place: place[0])}
    return {"device_count": len(places), "devices_by_node": by_node, "pools": list(map(pool_numbers, pools))}


def pool_numbers(pool: resource_slice.Pool) -> dict[str, t.Any]:
    return {
        "pool": pool.name,
        "node": pool.nodes[0] if len(pool.nodes) == 1 else "",
        "generation": pool.generation,
        "complete": pool.complete,
        "device_count": len({device.name for device in pool.devices}),
    }


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=argument_spec(OPTIONS, WAIT_ARGS), supports_check_mode=True)
    conclude(module, verify)


if __name__ == "__main__":
    main()
