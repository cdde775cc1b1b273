#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resource_claim_info
version_added: "0.1.0"
short_description: List ResourceClaims with the devices that they have been given
description:
  - Reads ResourceClaims and returns their state, what they ask for and which devices they have.
  - Of a claim that is pending it tells why, per node and request (which selector or constraint, which claim holds the
    device, which taint), and what the scheduler says of the pods that use the claim.
options:
  name:
    description: Name of one claim. Without it, all that O(namespace) and O(label_selectors) leave.
    type: str
  namespace:
    description: Namespace of the claims. Without it, all namespaces, or V(default) where O(name) is given.
    type: str
  label_selectors:
    description: Label selectors that the claims must all fulfil.
    type: list
    elements: str
    default: []
  reasons:
    description:
      - Whether to tell why claims are pending, for which ResourceSlices, DeviceClasses, claims of all namespaces and
        pods are read. Selectors in CEL are judged where they have one of the common forms; others are left to the
        scheduler, whose words are told.
    type: bool
    default: true
notes:
  - The user needs the verb C(list) on resourceclaims and, for O(reasons), on resourceslices, deviceclasses and pods.
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
  - mirage.accel._kubernetes_auth
seealso:
  - module: mirage.accel.resource_claim_verify
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: See which devices a claim has
  mirage.accel.resource_claim_info:
    name: two-gpus
    namespace: training
  register: claim

- name: Show why claims are pending
  mirage.accel.resource_claim_info:
  register: claims

- name: Print the reasons
  ansible.builtin.debug:
    msg: "{{ claims.claims | selectattr('state', 'equalto', 'pending') | items2dict('name', 'reasons') }}"
"""

RETURN = r"""
api_version:
  description: Version of C(resource.k8s.io) that was spoken.
  returned: success
  type: str
  sample: v1
claims:
  description: The claims, by namespace and name.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Namespace of the claim.
      type: str
    name:
      description: Name of the claim.
      type: str
    state:
      description: V(pending), V(allocated) (nobody uses the devices), V(reserved) (somebody does) or V(deleting).
      type: str
    requests:
      description:
        - What is asked for, each with C(name), C(device_class), C(mode), C(count), C(admin_access) and C(selectors). Of
          alternatives each is one, named by request and alternative.
      type: list
      elements: dict
    constraints:
      description: Constraints over devices, each with C(kind), C(attribute) and C(requests).
      type: list
      elements: dict
    devices:
      description:
        - Allocated devices, each with C(request), C(driver), C(pool), C(device), C(admin_access), C(share_id) and
          C(consumed_capacity).
      type: list
      elements: dict
    nodes:
      description: Names of the nodes on which the devices can be used, as far as the allocation names them.
      type: list
      elements: str
    reserved_for:
      description: Who uses the devices, for example V(pods/train-0).
      type: list
      elements: str
    device_statuses:
      description: What drivers have reported of the devices.
      type: list
      elements: dict
    reasons:
      description: Of a claim that is pending, with O(reasons), why; each with C(node), C(request) and C(text).
      type: list
      elements: dict
    scheduler:
      description: Of a claim that is pending, with O(reasons), what the scheduler says of the pods that use it.
      type: list
      elements: str
  sample:
    - namespace: default
      name: too-big
      state: pending
      requests:
        - name: gpu
          device_class: gpu.nvidia.com
          mode: ExactCount
          count: 3
          admin_access: false
          selectors: ["device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('200Gi')) >= 0"]
      constraints: []
      devices: []
      nodes: []
      reserved_for: []
      device_statuses: []
      reasons:
        - node: worker-0
          request: gpu
          text: >-
            3 devices wanted, 0 of 8 free: 8 not chosen by the selector of the request:
            device.capacity['gpu.nvidia.com'].memory.compareTo(quantity('200Gi')) >= 0
      scheduler: ["pod waits: 0/2 nodes are available: 2 cannot allocate all claims."]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _dra_api, _kubernetes_client, _pending_claims, _wait
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_claim import parse_claim
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import AUTH_ARGS, argument_spec
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_module import Finding, conclude

OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "label_selectors": {"type": "list", "elements": "str", "default": []},
    "reasons": {"type": "bool", "default": True},
}


def read(params: dict[str, t.Any]) -> Finding:
    """The module's answer."""
    api = _dra_api.discover(_kubernetes_client.connect({name: params[name] for name in AUTH_ARGS}))
    namespace = params["namespace"] or ("default" if params["name"] else None)
    items, _version = api.claims(namespace, params["name"], ",".join(params["label_selectors"])).list(_wait.FIRST_LIST)
    claims = sorted(map(parse_claim, items), key=lambda claim: (claim.namespace, claim.name))
    pending = [claim for claim in claims if claim.state == "pending"]
    reasons = _pending_claims.explain(api, pending) if params["reasons"] and pending else {}
    return Finding(
        {
            "api_version": api.version,
            "claims": [{**claim.as_dict(), **reasons.get(claim.full_name, {})} for claim in claims],
        }
    )


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=argument_spec(OPTIONS), supports_check_mode=True)
    conclude(module, read)


if __name__ == "__main__":
    main()
