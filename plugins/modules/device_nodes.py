#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: device_nodes
version_added: "0.1.0"
short_description: Make the character devices of a number of mock GPUs
description:
  - Makes C(nvidia0) to C(nvidiaN-1) (character devices 195:0 to 195:N-1) and C(nvidiactl) (195:255) in each of the
    given folders, and removes surplus ones when the number of GPUs has become smaller.
  - Nodes of other drivers and other nodes of NVIDIA's (C(nvidia-uvm), C(nvidia-caps)) are left alone.
  - Whether a real driver owns the nodes is not judged here; M(mirage.accel.driver_root_info) tells.
options:
  folders:
    description: Folders that get the nodes. Missing ones are made.
    type: list
    elements: path
    default: [/dev]
  count:
    description: Number of GPUs, 1 to 128. Required when O(state=present).
    type: int
  mode:
    description: Permissions of each node, as an octal string.
    type: str
    default: "0666"
  removable:
    description:
      - Paths of surplus nodes that may be removed, such as those in the record of M(mirage.accel.driver_root). With an
        empty list none goes. By default every surplus node with the name and the major number of a GPU goes.
    type: list
    elements: path
  state:
    description: Whether the nodes should be there. V(absent) removes the nodes of all GPUs, however many there are.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode and says what would change.
    support: full
  diff_mode:
    description: Lists the nodes before and after.
    support: full
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Give the host eight GPUs
  mirage.accel.device_nodes:
    folders: [/dev, /var/lib/nvidia-mock/driver/dev]
    count: 8

- name: Take them away again
  mirage.accel.device_nodes:
    folders: [/dev, /var/lib/nvidia-mock/driver/dev]
    state: absent

- name: Take away those on record, and no other mock's
  mirage.accel.device_nodes:
    removable: "{{ host.owner.files | default([]) }}"
    state: absent
"""

RETURN = r"""
nodes:
  description: Paths of the nodes that are there now, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/dev/nvidia0, /dev/nvidiactl]
made:
  description: Paths that were made or got other permissions.
  returned: success
  type: list
  elements: str
removed:
  description: Paths that were removed.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._device_nodes import (
    carry_out,
    listing,
    observe,
    plan,
    wanted,
)
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

MAX_COUNT = 128
ARGUMENT_SPEC: dict[str, t.Any] = {
    "folders": {"type": "list", "elements": "path", "default": ["/dev"]},
    "count": {"type": "int"},
    "mode": {"type": "str", "default": "0666"},
    "removable": {"type": "list", "elements": "path"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, required_if=[("state", "present", ["count"])], supports_check_mode=True
    )
    folders, count, mode = (module.params[name] for name in ("folders", "count", "mode"))
    present = module.params["state"] == "present"
    if present and not 1 <= count <= MAX_COUNT:
        module.fail_json(msg=f"count is {count}: set a whole number from 1 to {MAX_COUNT}")
    try:
        target = wanted(folders, count, int(mode, 8)) if present else {}
    except ValueError:
        module.fail_json(msg=f"mode is {mode!r}: set an octal number such as '0666'")
    try:
        observed = observe(folders)
        work = plan(observed, target, module.params["removable"])
        if work and not module.check_mode:
            carry_out(work, target)
    except (MirageError, OSError) as error:
        module.fail_json(msg=str(error))
    kept = {path: node for path, node in observed.items() if path not in work.remove}
    module.exit_json(
        changed=bool(work),
        nodes=list(target),
        made=[*work.make, *work.set_mode],
        removed=list(work.remove),
        diff={"before": listing(observed), "after": listing({**kept, **target})},
    )


if __name__ == "__main__":
    main()
