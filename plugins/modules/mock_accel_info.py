#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mock_accel_info
version_added: "0.1.0"
short_description: List the PCI functions that the kernel module mock_accel makes
description:
  - Lists the physical and virtual functions on the buses of the kernel module C(mock_accel) with all that the host
    shows of them, and tells whether and how the module is loaded.
  - A function that does not answer is listed like any other, and RV(functions[].responding) is V(false). One that goes
    while it is read is left out.
  - A function without a driver has no name; as root its registers are read all the same. What a function does not have,
    or what the user may not read, is V(null).
options:
  functions:
    description:
      - Names such as V(mock0) or V(mock0_vf1), and PCI addresses such as V(1000:00:00.0), of the functions to list.
        What is not there is left out.
      - By default all are listed. An empty list is none.
    type: list
    elements: str
  kind:
    description: List functions of this kind only.
    type: str
    choices: [physical, virtual]
  sysfs:
    description: Where the host's C(/sys) is.
    type: path
    default: /sys
  dev:
    description: Where the host's C(/dev) is.
    type: path
    default: /dev
author:
  - mirage.accel contributors (@mirage-accel)
seealso:
  - module: mirage.accel.mock_accel_vfs
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
"""

EXAMPLES = r"""
- name: List the accelerators
  mirage.accel.mock_accel_info:
  register: accel

- name: Show which virtual functions are free
  ansible.builtin.debug:
    msg: >-
      {{ accel.functions | selectattr('kind', 'eq', 'virtual') | selectattr('status', 'eq', 'free')
      | map(attribute='name') }}

- name: Require that every accelerator answers
  ansible.builtin.assert:
    that:
      - accel.loaded
      - accel.functions | rejectattr('responding') | length == 0

- name: Look at one physical function
  mirage.accel.mock_accel_info:
    functions: [mock0]
"""

RETURN = r"""
loaded:
  description: Whether the kernel module is loaded. Where it is not, there are no functions.
  returned: success
  type: bool
version:
  description: Version of the loaded module, or V(null) where it has none.
  returned: success
  type: str
parameters:
  description: Parameters of the loaded module by name, as it shows them.
  returned: success
  type: dict
  sample: {"num_pfs": "4", "first_domain": "4096"}
functions:
  description: The functions in the order of their addresses.
  returned: success
  type: list
  elements: dict
  contains:
    address: {description: PCI address., type: str, returned: always, sample: "1000:00:00.1"}
    name:
      description: Name of the device of class C(mock-accel), V(null) for a function without one.
      type: str
      returned: always
      sample: mock0_vf0
    kind: {description: V(physical) or V(virtual)., type: str, returned: always}
    path:
      description: Where it is below C(/sys).
      type: str
      returned: always
      sample: devices/pci1000:00/1000:00:00.1
    pcie_root:
      description: The root bus, as the attribute C(resource.kubernetes.io/pcieRoot) names it.
      type: str
      returned: always
      sample: pci1000:00
    numa_node: {description: NUMA node; V(-1) where it belongs to none., type: int, returned: always}
    vendor: {description: PCI vendor id., type: str, returned: always, sample: "0x1de5"}
    device: {description: PCI device id., type: str, returned: always, sample: "0x0002"}
    class: {description: PCI class., type: str, returned: always, sample: "0x120000"}
    subsystem_vendor: {description: PCI subsystem vendor id., type: str, returned: always}
    subsystem_device: {description: PCI subsystem id., type: str, returned: always}
    revision: {description: PCI revision., type: str, returned: always}
    driver: {description: Name of the bound driver., type: str, returned: always, sample: mock-accel}
    parent:
      description: The physical function of a virtual one.
      type: dict
      returned: always
      sample: {"address": "1000:00:00.0", "name": "mock0"}
    total_vfs: {description: Virtual functions that a physical one can have., type: int, returned: always}
    num_vfs: {description: Virtual functions that a physical one has., type: int, returned: always}
    vfs:
      description: Addresses of the virtual functions of a physical one, in the order of their numbers.
      type: list
      elements: str
      returned: always
    link_speed: {description: Speed of the PCI Express link., type: str, returned: always, sample: 16.0 GT/s PCIe}
    link_width: {description: Lanes of the link., type: int, returned: always, sample: 16}
    max_link_speed: {description: Highest speed that the function can have., type: str, returned: always}
    max_link_width: {description: Most lanes that the function can have., type: int, returned: always}
    uuid: {description: UUID., type: str, returned: always}
    memory_size: {description: Memory in bytes., type: int, returned: always, sample: 2147483648}
    capabilities:
      description: Bits of the register CAPABILITIES, V(sriov), V(vf), V(passphrase), or V(bit N) for one without name.
      type: list
      elements: str
      returned: always
    status: {description: "V(free), V(allocated), or V(unknown) for another number.", type: str, returned: always}
    errors: {description: Error bits as a number. V(0) is none., type: int, returned: always, sample: 0}
    responding: {description: Whether the function answers., type: bool, returned: always}
    node:
      description:
        - The device node, V(null) for a function without a device. Where C(/dev) has no such node, only the numbers are
          known.
      type: dict
      returned: always
      sample: {"path": /dev/mock0_vf0, "major": 240, "minor": 1, "mode": "0600", "owner": root, "group": root}
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.function import select
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import Tree, read_functions, read_module

ARGUMENT_SPEC: dict[str, t.Any] = {
    "functions": {"type": "list", "elements": "str"},
    "kind": {"type": "str", "choices": ["physical", "virtual"]},
    "sysfs": {"type": "path", "default": "/sys"},
    "dev": {"type": "path", "default": "/dev"},
}


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    tree = Tree(Path(params["sysfs"]), Path(params["dev"]))
    facts = read_module(tree)
    found = select(read_functions(tree, facts), params["functions"], params["kind"])
    module.exit_json(
        changed=False,
        loaded=facts.loaded,
        version=facts.version,
        parameters=facts.parameters,
        functions=[function.as_dict() for function in found],
    )


if __name__ == "__main__":
    main()
