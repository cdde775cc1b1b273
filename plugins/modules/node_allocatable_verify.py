#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_allocatable_verify
version_added: "0.1.0"
short_description: Verify that Kubernetes nodes publish the expected resources and labels
description:
  - Compares what nodes publish as allocatable (and capacity, and labels) with what is expected, and fails with a list
    of differences where they do not agree. Every node is judged for itself; sums would hide a broken node.
  - Amounts are compared as Kubernetes quantities, so V(1Ki), V(1024) and V(1.024k) are equal.
  - With O(wait), changes are watched for, not polled.
options:
  nodes:
    description:
      - Names of the nodes. One that does not exist is a difference.
      - One of O(nodes) and O(label_selectors) is needed.
    type: list
    elements: str
    aliases: [node]
  label_selectors:
    description:
      - Label selectors that the nodes must all fulfil, for example V(nvidia.com/gpu.present=true). They must find at
        least one node, or as many as O(count) says.
      - One of O(nodes) and O(label_selectors) is needed.
    type: list
    elements: str
  count:
    description: Number of nodes that O(label_selectors) must find. V(0) means that there must be none.
    type: int
  resources:
    description:
      - Expected allocatable amounts by name of the resource, for example 8 for C(nvidia.com/gpu). Others are not looked
        at.
      - V(0) also holds for a node that does not publish the resource at all; an empty value (V(null)) only for that.
    type: dict
    default: {}
  capacity:
    description: Expected capacity by name of the resource, in the same form as O(resources).
    type: dict
    default: {}
  capacity_equals:
    description:
      - Whether the capacity, too, must hold the amounts of O(resources). Allocatable falls below the capacity where a
        device is unhealthy; expect that with O(capacity).
    type: bool
    default: false
  labels:
    description:
      - Expected labels. An empty value (V(null)) means that the label must not be there at all, an empty text that it
        must be there and have no value.
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
    description:
      - For how many seconds everything must go on to be as expected, beyond O(wait_timeout). A node whose device plugin
        registers again and again is found by it.
    type: int
    default: 0
notes:
  - The user needs the verbs C(list) and, for O(wait) and O(stable_for), C(watch) on nodes.
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
  - mirage.accel._kubernetes_auth
seealso:
  - module: mirage.accel.nvml_info
  - module: kubernetes.core.k8s_info
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Verify that the device plugin has published eight GPUs
  mirage.accel.node_allocatable_verify:
    nodes: worker-0
    resources:
      nvidia.com/gpu: 8
    capacity_equals: true
    labels:
      nvidia.com/gpu.present: "true"
    wait: true
    wait_timeout: 300

- name: Verify three nodes by label, with another kubeconfig
  mirage.accel.node_allocatable_verify:
    kubeconfig: /etc/kubernetes/admin.conf
    label_selectors:
      - nvidia.com/gpu.present=true
    count: 3
    resources:
      nvidia.com/gpu: 4

- name: Verify that one GPU of eight is out of service
  mirage.accel.node_allocatable_verify:
    nodes: worker-0
    resources:
      nvidia.com/gpu: 7
    capacity:
      nvidia.com/gpu: 8

- name: Collect the differences and go on
  mirage.accel.node_allocatable_verify:
    nodes: worker-0
    resources:
      nvidia.com/gpu: 8
  register: verified
  failed_when: false
"""

RETURN = r"""
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
      description: Where, for example V(nodes[worker-0].allocatable[nvidia.com/gpu]).
      type: str
    expected:
      description: What was expected, as it was given.
      type: raw
    actual:
      description: What was found; V(null) where there is nothing.
      type: raw
  sample:
    - path: nodes[worker-0].allocatable[nvidia.com/gpu]
      expected: 8
      actual: "7"
nodes:
  description: What the nodes publish under the expected names; V(null) where there is nothing.
  returned: when the API server answered
  type: list
  elements: dict
  sample:
    - name: worker-0
      allocatable: {nvidia.com/gpu: "8"}
      capacity: {nvidia.com/gpu: "8"}
      labels: {nvidia.com/gpu.present: "true"}
waited:
  description: Seconds until everything was as expected, or until the module gave up.
  returned: when the API server answered
  type: float
  sample: 0.1
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _kubernetes_client, _node_resources, _wait
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS, WAIT_ARGS, argument_spec
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import (
    Finding,
    conclude,
    sentence,
    unsteady,
)

OPTIONS: dict[str, t.Any] = {
    "nodes": {"type": "list", "elements": "str", "aliases": ["node"]},
    "label_selectors": {"type": "list", "elements": "str"},
    "count": {"type": "int"},
    "resources": {"type": "dict", "default": {}},
    "capacity": {"type": "dict", "default": {}},
    "capacity_equals": {"type": "bool", "default": False},
    "labels": {"type": "dict", "default": {}},
    "stable_for": {"type": "int", "default": 0},
}


def expected_of(params: dict[str, t.Any]) -> _node_resources.Expectation:
    """What the options ask for; ExpectationError says which of them cannot be meant."""
    if params["nodes"] == [] or params["label_selectors"] == []:
        raise ExpectationError("nodes and label_selectors may not be empty: name at least one")
    if params["capacity"] and params["capacity_equals"]:
        raise ExpectationError("capacity and capacity_equals=true are two answers to one question: give one of them")
    expected = _node_resources.Expectation(
        allocatable=params["resources"],
        capacity=params["resources"] if params["capacity_equals"] else params["capacity"],
        labels={key: label_text(value) for key, value in params["labels"].items()},
        names=tuple(params["nodes"]) if params["nodes"] else None,
        count=params["count"],
    )
    expected.check()
    return expected


def label_text(value: t.Any) -> str | None:
    """A label's value as Kubernetes has it: YAML's true is meant as the text "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def verify(params: dict[str, t.Any]) -> Finding:
    """The module's answer, and in words what is wrong (empty: nothing)."""
    expected = expected_of(params)
    started = time.monotonic()
    client = _kubernetes_client.connect({name: params[name] for name in AUTH_ARGS})
    selector = ",".join(params["label_selectors"] or [])
    one = expected.names[0] if expected.names and len(set(expected.names)) == 1 else None
    outcome = _wait.watch_until(
        client.collection(
            "/api/v1/nodes",
            "listing nodes",
            labelSelector=selector,
            fieldSelector=f"metadata.name={one}" if one else None,
        ),
        lambda nodes: not _node_resources.compare(expected, nodes),
        timeout=params["wait_timeout"] if params["wait"] else 0,
        stable_for=params["stable_for"],
    )
    waited = round(time.monotonic() - started, 1)
    differences = _node_resources.compare(expected, outcome.items)
    answer = {
        "differences": [difference.as_dict() for difference in differences],
        "nodes": _node_resources.observed(expected, outcome.items),
        "waited": waited,
    }
    what = f"nodes {', '.join(expected.names) if expected.names else f'selected by {selector}'}"
    if differences:
        return Finding(answer, sentence(what, differences, waited if params["wait"] else None, outcome.error))
    if not outcome.satisfied:
        return Finding(answer, unsteady(what, params["stable_for"], outcome.error))
    return Finding(answer)


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=argument_spec(OPTIONS, WAIT_ARGS),
        required_one_of=[("nodes", "label_selectors")],
        mutually_exclusive=[("nodes", "label_selectors"), ("nodes", "count")],
        supports_check_mode=True,
    )
    conclude(module, verify)


if __name__ == "__main__":
    main()
