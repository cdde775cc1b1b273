#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_claim_verify
version_added: "0.1.0"
short_description: Verify that ResourceClaims have been given the devices that they should
description:
  - Compares the state of claims, and the devices that they have been given, with what is expected, and fails with
    a list of differences where they do not agree. Every claim is judged for itself.
  - Where a claim is pending that should not be, the failure tells why, per node and request, and what the scheduler
    says.
  - With O(wait), changes are watched for, not polled.
options:
  name:
    description:
      - Name of the claim. One that does not exist is a difference, unless O(state=absent).
      - One of O(name) and O(label_selectors) is needed.
    type: str
  namespace:
    description: Namespace of the claims.
    type: str
    default: default
  label_selectors:
    description:
      - Label selectors that the claims must all fulfil. They must find at least one, or as many as O(count) says.
      - One of O(name) and O(label_selectors) is needed.
    type: list
    elements: str
  count:
    description: Number of claims that O(label_selectors) must find.
    type: int
  state:
    description:
      - V(allocated) has devices, whether they are used or not; V(reserved) has devices and a user; V(pending) has none
        yet; V(absent) does not exist.
    type: str
    choices: [allocated, reserved, pending, absent]
    default: allocated
  driver:
    description: Name of the driver that all devices must be of.
    type: str
  devices:
    description: What the devices of each claim must be.
    type: dict
    suboptions:
      count:
        description: How many there must be, a number or a mapping with C(min) and C(max) or C(equal).
        type: raw
      names:
        description: Just these devices, each as V(DEVICE) or V(POOL/DEVICE).
        type: list
        elements: str
      distinct_from:
        description:
          - Names of other claims, each as V(CLAIM) or V(NAMESPACE/CLAIM), of whose devices the claim must have none.
        type: list
        elements: str
        default: []
      attributes:
        description:
          - What each device's attributes must be, in the form of O(mirage.accel.resource_slice_verify#module:nodes).
        type: raw
      capacity:
        description: What each device's capacities must be, by name.
        type: dict
        default: {}
  match_attribute:
    description: Names of attributes in which all devices of a claim must agree.
    type: list
    elements: str
    default: []
  same_node:
    description: Whether all devices of a claim must be of one node.
    type: bool
    default: false
  node:
    description: Name of the node that all devices must be of.
    type: str
  admin_access:
    description: Whether the devices must have been given with admin access, or must not.
    type: bool
  share_ids:
    description: Whether each device must carry a share ID (consumable capacity), or must not.
    type: bool
  consumed_capacity:
    description: How much of its capacities each device must have been given with, by name, as quantities.
    type: dict
    default: {}
  status_devices:
    description:
      - Conditions that the driver must have reported of each device, by type, with their status, for example V("True")
        for C(Ready).
    type: dict
    default: {}
  wait:
    description: Whether to wait until everything is as expected.
    type: bool
    default: false
  wait_timeout:
    description: How many seconds to wait before the differences that are left make the module fail.
    type: int
    default: 120
  stable_for:
    description: For how many seconds everything must go on to be as expected, beyond O(wait_timeout).
    type: int
    default: 0
notes:
  - The user needs the verbs C(list) and, for O(wait) and O(stable_for), C(watch) on resourceclaims. Where devices
    themselves are compared, or a pending claim is explained, C(list) on resourceslices, deviceclasses and pods besides;
    an explanation that is not allowed is left out, and the message says so.
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
  - mirage.accel._kubernetes_auth
seealso:
  - module: mirage.accel.resource_claim_info
  - module: mirage.accel.pod_device_verify
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Verify that a claim has two GPUs of one PCIe root, and a pod uses them
  mirage.accel.resource_claim_verify:
    name: two-gpus
    namespace: training
    state: reserved
    driver: gpu.nvidia.com
    devices:
      count: 2
      attributes:
        productName: NVIDIA A100-SXM4-40GB
    match_attribute: [resource.kubernetes.io/pcieRoot]
    same_node: true
    wait: true

- name: Verify that two claims do not share a device
  mirage.accel.resource_claim_verify:
    name: one-gpu
    devices:
      distinct_from: [two-gpus, training/two-gpus]

- name: Verify that nothing is left of a test
  mirage.accel.resource_claim_verify:
    label_selectors: [app=gpu-test]
    state: absent
    wait: true
    wait_timeout: 30
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
      description: Where, for example V(claims[default/two-gpus].state).
      type: str
    expected:
      description: What was expected.
      type: raw
    actual:
      description: What was found; V(null) where there is nothing.
      type: raw
  sample:
    - path: claims[default/two-gpus].state
      expected: allocated
      actual: pending
claims:
  description: The claims, in the form of RV(mirage.accel.resource_claim_info#module:claims).
  returned: when the API server answered
  type: list
  elements: dict
pending:
  description:
    - By claim that is pending and should not be, why; each with C(reasons) and C(scheduler), as
      M(mirage.accel.resource_claim_info) tells them.
  returned: when the API server answered
  type: dict
  sample:
    default/too-big:
      reasons:
        - node: worker-0
          request: gpu
          text: "3 devices wanted, 2 of 8 free: 6 held by claim default/big"
      scheduler: ["pod waits: 0/2 nodes are available: 2 cannot allocate all claims."]
waited:
  description: Seconds until everything was as expected, or until the module gave up.
  returned: when the API server answered
  type: float
  sample: 0.1
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _dra_api, _kubernetes_client, _pending_claims, _wait
from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference
from ansible_collections.mirage.accel.plugins.module_utils._dra import claim_compare, expectation, resource_slice
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import Claim
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS, WAIT_ARGS, argument_spec
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import (
    Finding,
    conclude,
    sentence,
    unsteady,
)

DEVICES: dict[str, t.Any] = {
    "count": {"type": "raw"},
    "names": {"type": "list", "elements": "str"},
    "distinct_from": {"type": "list", "elements": "str", "default": []},
    "attributes": {"type": "raw"},
    "capacity": {"type": "dict", "default": {}},
}
# What is said of a claim's devices as of a node's.
_OF_NODE = ("count", "attributes", "capacity")
OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "namespace": {"type": "str", "default": "default"},
    "label_selectors": {"type": "list", "elements": "str"},
    "count": {"type": "int"},
    "state": {"type": "str", "choices": ["allocated", "reserved", "pending", "absent"], "default": "allocated"},
    "driver": {"type": "str"},
    "devices": {"type": "dict", "apply_defaults": True, "options": DEVICES},
    "match_attribute": {"type": "list", "elements": "str", "default": []},
    "same_node": {"type": "bool", "default": False},
    "node": {"type": "str"},
    "admin_access": {"type": "bool"},
    "share_ids": {"type": "bool"},
    "consumed_capacity": {"type": "dict", "default": {}},
    "status_devices": {"type": "dict", "default": {}},
    "stable_for": {"type": "int", "default": 0},
}


def rule_of(params: dict[str, t.Any]) -> claim_compare.ClaimRule:
    """What the options ask of each claim; ExpectationError says which of them cannot be meant."""
    devices = params["devices"]
    namespace = params["namespace"]
    rule = claim_compare.ClaimRule(
        state=params["state"],
        driver=params["driver"],
        devices=expectation.read_node(
            {key: devices.get(key) for key in ("count", "attributes", "capacity")}, "devices"
        ),
        names=None if devices.get("names") is None else tuple(devices["names"]),
        distinct_from=tuple(
            name if "/" in name else f"{namespace}/{name}" for name in devices.get("distinct_from") or ()
        ),
        match_attribute=tuple(params["match_attribute"]),
        same_node=params["same_node"],
        node=params["node"],
        admin_access=params["admin_access"],
        share_ids=params["share_ids"],
        consumed_capacity=params["consumed_capacity"],
        # YAML's true is meant as the text "True".
        conditions={kind: str(status) for kind, status in params["status_devices"].items()},
    )
    rule.check()
    for name in ("driver", "node"):
        if params[name] is not None and not params[name].strip():
            raise expectation.ExpectationError(f"{name}: expected a name, found an empty text; leave it out for any")
    if params["name"] and f"{namespace}/{params['name']}" in rule.distinct_from:
        raise expectation.ExpectationError("devices.distinct_from: the claim has its own devices; name other claims")
    return rule


def selection_of(params: dict[str, t.Any]) -> claim_compare.Selection:
    if params["name"]:
        return claim_compare.Selection(name=f"{params['namespace']}/{params['name']}")
    if not params["label_selectors"]:
        raise expectation.ExpectationError("name and label_selectors may not be empty: name at least one")
    if params["count"] is None:
        return claim_compare.Selection()
    return claim_compare.Selection(count=expectation.Count(params["count"], params["count"]))


class Judge:
    """Claims against the rule. Slices, and claims that others must be apart from, are read when they are needed."""

    def __init__(self, api: _dra_api.DraApi, selection: claim_compare.Selection, rule: claim_compare.ClaimRule) -> None:
        self._api = api
        self._selection = selection
        self._rule = rule
        self._claims = _dra_api.claim_reader()
        self._slices = _dra_api.slice_reader()
        self._devices: dict[tuple[str, str, str], resource_slice.Device] = {}

    def claims(self, items: list[dict[str, t.Any]]) -> list[Claim]:
        return sorted(self._claims.read(items), key=lambda claim: claim.full_name)

    def differences(self, items: list[dict[str, t.Any]]) -> t.Iterator[Difference]:
        claims = self.claims(items)
        if self._rule.needs_slices:
            self._learn_devices(claims)
        yield from claim_compare.compare_claims(self._selection, self._rule, claims, self._devices)
        if self._rule.distinct_from:
            others, _version = self._api.claims().list(_wait.FIRST_LIST)
            chosen = {claim.full_name for claim in claims}
            apart = [claim for claim in self._claims.read(others) if claim.full_name not in chosen]
            yield from claim_compare.compare_distinct(self._rule, chosen, [*claims, *apart])

    def _learn_devices(self, claims: list[Claim]) -> None:
        """Slices are read anew only where a claim names a device that is not known yet."""
        wanted = {allocation.key for claim in claims for allocation in claim.allocations}
        if wanted <= set(self._devices):
            return
        items, _version = self._api.slices().list(_wait.FIRST_LIST)
        pools = resource_slice.pools(self._slices.read(items))
        self._devices = {device.key: device for pool in pools for device in pool.devices}


def explain(api: _dra_api.DraApi, rule: claim_compare.ClaimRule, claims: list[Claim]) -> tuple[dict[str, t.Any], str]:
    """Why claims are pending that should not be, as data and in words; what cannot be read is said and no failure."""
    pending = [claim for claim in claims if claim.state == "pending"]
    if rule.state not in ("allocated", "reserved") or not pending:
        return {}, ""
    try:
        explained = _pending_claims.explain(api, pending)
    except MirageError as error:
        return {}, f". Why it is pending cannot be told: {error}"
    first = pending[0].full_name
    return explained, f". Why {first} is pending: {_pending_claims.in_words(explained[first])}"


def verify(params: dict[str, t.Any]) -> Finding:
    """The module's answer, and in words what is wrong (empty: nothing)."""
    rule, selection = rule_of(params), selection_of(params)
    started = time.monotonic()
    api = _dra_api.discover(_kubernetes_client.connect({name: params[name] for name in AUTH_ARGS}))
    judge = Judge(api, selection, rule)
    selector = ",".join(params["label_selectors"] or [])
    outcome = _wait.watch_until(
        api.claims(params["namespace"], params["name"], selector),
        lambda items: next(judge.differences(items), None) is None,
        timeout=params["wait_timeout"] if params["wait"] else 0,
        stable_for=params["stable_for"],
    )
    waited = round(time.monotonic() - started, 1)
    found = list(judge.differences(outcome.items))
    claims = judge.claims(outcome.items)
    pending, why = explain(api, rule, claims) if found else ({}, "")
    answer = {
        "api_version": api.version,
        "differences": [difference.as_dict() for difference in found],
        "claims": [claim.as_dict() for claim in claims],
        "pending": pending,
        "waited": waited,
    }
    which = f"claim {selection.name}" if selection.name else f"claims of {params['namespace']} selected by {selector}"
    if found:
        return Finding(answer, sentence(which, found, waited if params["wait"] else None, outcome.error) + why)
    if not outcome.satisfied:
        return Finding(answer, unsteady(which, params["stable_for"], outcome.error))
    return Finding(answer)


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=argument_spec(OPTIONS, WAIT_ARGS),
        required_one_of=[("name", "label_selectors")],
        mutually_exclusive=[("name", "label_selectors"), ("name", "count")],
        supports_check_mode=True,
    )
    conclude(module, verify)


if __name__ == "__main__":
    main()
