#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_slice_info
version_added: "0.1.0"
short_description: List the devices that DRA drivers have published
description:
  - Reads ResourceSlices and returns them as pools of devices. Of each pool only the newest generation counts, as the
    scheduler sees it; older slices are named, and a pool of which slices are missing is not complete.
  - With O(allocations), reads ResourceClaims too and tells which devices are held by which claim.
options:
  driver:
    description: Name of the DRA driver, for example V(gpu.nvidia.com). Without it, of all drivers.
    type: str
  node:
    description:
      - Name of the node. Slices that are not of one node (for all nodes, or for those of a selector) are left out then.
    type: str
  pool:
    description: Name of the pool.
    type: str
  latest_generation_only:
    description: Whether RV(slices) leaves out those of an older generation of their pool.
    type: bool
    default: true
  allocations:
    description: Whether ResourceClaims are read, so that RV(pools[].allocated) can be told.
    type: bool
    default: true
notes:
  - The user needs the verb C(list) on resourceslices and, for O(allocations), on resourceclaims, in
    C(resource.k8s.io).
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
  - mirage.accel._kubernetes_auth
seealso:
  - module: mirage.accel.resource_slice_verify
  - plugin: mirage.accel.dra_devices
    plugin_type: filter
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: List the GPUs of a node
  mirage.accel.resource_slice_info:
    driver: gpu.nvidia.com
    node: worker-0
  register: published

- name: Show their UUIDs
  ansible.builtin.debug:
    msg: "{{ published | mirage.accel.dra_devices | map(attribute='attributes.uuid.value') }}"

- name: Count free devices by node without asking for claims
  mirage.accel.resource_slice_info:
    driver: gpu.nvidia.com
    allocations: false
"""

RETURN = r"""
api_version:
  description: Version of C(resource.k8s.io) that was spoken.
  returned: success
  type: str
  sample: v1
device_count:
  description: Number of devices in the newest generations. A name that a pool has twice counts once.
  returned: success
  type: int
  sample: 8
pools:
  description: The pools, in the order of driver and name.
  returned: success
  type: list
  elements: dict
  contains:
    driver:
      description: Name of the driver.
      type: str
    pool:
      description: Name of the pool.
      type: str
    node:
      description: Name of the node, where all slices are of one node; else empty.
      type: str
    generation:
      description: The newest generation.
      type: int
    slices_seen:
      description: Number of slices of that generation.
      type: int
    slices_expected:
      description: How many there must be, as the slices say. V(0) where they do not agree.
      type: int
    complete:
      description: Whether all slices of the newest generation are there. The scheduler uses no other pool.
      type: bool
    stale_slices:
      description: Names of slices of older generations.
      type: list
      elements: str
    duplicates:
      description: Names that several devices of the pool have.
      type: list
      elements: str
    devices:
      description: The devices, each with its C(name), C(node), C(slice), C(attributes), C(capacity) and C(taints).
      type: list
      elements: dict
    allocated:
      description:
        - Devices that claims have to themselves, each with its C(name) and the C(claims). Empty without O(allocations).
      type: list
      elements: dict
    tainted:
      description: Names of the devices that a taint keeps from being used.
      type: list
      elements: str
    counters:
      description: Names of the shared counter sets, and the amounts in them.
      type: dict
  sample:
    - driver: gpu.nvidia.com
      pool: worker-0
      node: worker-0
      generation: 1
      slices_seen: 1
      slices_expected: 1
      complete: true
      stale_slices: []
      duplicates: []
      devices:
        - name: gpu-0
          node: worker-0
          slice: 00000-gpu.nvidia.com-worker-0-x7kqp
          attributes:
            type: {type: string, value: gpu}
            uuid: {type: string, value: GPU-4d0a5524-1d1d-5a33-8463-31a79f163b88}
          capacity: {memory: 40Gi}
          taints: []
      allocated:
        - name: gpu-0
          claims: [default/two-gpus]
      tainted: []
      counters: {}
slices:
  description: The slices, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: 00000-gpu.nvidia.com-worker-0-x7kqp
      driver: gpu.nvidia.com
      pool: worker-0
      node: worker-0
      reach: node
      generation: 1
      resource_slice_count: 1
      owner: Node worker-0
      devices: [gpu-0]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _dra_api, _kubernetes_client, _wait
from ansible_collections.mirage.accel.plugins.module_utils._dra import resource_claim, resource_slice
from ansible_collections.mirage.accel.plugins.module_utils._dra.published import published
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS, argument_spec
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import Finding, conclude

OPTIONS: dict[str, t.Any] = {
    "driver": {"type": "str"},
    "node": {"type": "str"},
    "pool": {"type": "str"},
    "latest_generation_only": {"type": "bool", "default": True},
    "allocations": {"type": "bool", "default": True},
}


def read(params: dict[str, t.Any]) -> Finding:
    """The module's answer."""
    api = _dra_api.discover(_kubernetes_client.connect({name: params[name] for name in AUTH_ARGS}))
    items, _version = api.slices(params["driver"], params["node"]).list(_wait.FIRST_LIST)
    slices = map(resource_slice.parse_slice, items)
    pools = resource_slice.pools(one for one in slices if params["pool"] in (None, "", one.pool))
    held = {}
    if params["allocations"]:
        claims, _version = api.claims().list(_wait.FIRST_LIST)
        held = resource_claim.holders(map(resource_claim.parse_claim, claims))
    return Finding(
        {"api_version": api.version, **published(pools, held, with_stale=not params["latest_generation_only"])}
    )


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=argument_spec(OPTIONS), supports_check_mode=True)
    conclude(module, read)


if __name__ == "__main__":
    main()
