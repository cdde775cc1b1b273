#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nvml_settings
version_added: "0.1.0"
short_description: Set what mock GPUs read and how they work, while programs use them
description:
  - Changes values in the running state of the mock GPUs of a driver root. Programs that use NVML, on the host and in
    containers, see them at their next call.
  - Values are checked against what the board can have. One that it cannot have fails the task, and nothing is changed.
options:
  path:
    description: The driver root.
    type: path
    default: /var/lib/nvidia-mock/driver
  command:
    description: The C(mock-nvml) command. By default that of the driver root.
    type: path
  gpus:
    description: The GPUs, each by index, UUID or PCI bus id. By default all of them.
    type: list
    elements: str
    default: []
    aliases: [gpu]
  values:
    description:
      - Values by the keys of a profile, such as C(thermal.temperature_gpu_c), C(utilization.gpu) or C(compute_mode). An
        empty value (V(null)) means that the board does not tell it.
      - C(mock-nvml status) shows all of them.
    type: dict
    default: {}
  state:
    description:
      - With V(present) the GPUs have the values.
      - With V(reset) everything of the GPUs is as their profile says, faults, processes and MIG instances included.
    type: str
    choices: [present, reset]
    default: present
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Shows the values before and after.
    support: full
  idempotent:
    description: The same values again change nothing.
    support: full
requirements:
  - python >= 3.9
  - The role mock_nvml has put mock GPUs on the host.
seealso:
  - module: mirage.accel.nvml_fault
  - module: mirage.accel.nvml_info
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Let two GPUs be busy and warm
  mirage.accel.nvml_settings:
    gpus: ["0", "1"]
    values:
      utilization.gpu: 97
      thermal.temperature_gpu_c: 71
      power.current_draw_mw: 380000

- name: Have everything as the profile says again
  mirage.accel.nvml_settings:
    state: reset
"""

RETURN = r"""
values:
  description: The values there are now, by the UUID of the GPU; those that were named, with O(state=reset) none.
  returned: success
  type: dict
  sample: {"GPU-62ca9c03-3f78-593a-84e2-4fa9be42e746": {"utilization.gpu": 97}}
gpus:
  description: UUIDs of the GPUs that were changed.
  returned: success
  type: list
  elements: str
  sample: ["GPU-62ca9c03-3f78-593a-84e2-4fa9be42e746"]
"""

import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _mock_nvml as mock_nvml
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

ARGUMENT_SPEC: dict[str, t.Any] = {
    "path": {"type": "path", "default": "/var/lib/nvidia-mock/driver"},
    "command": {"type": "path"},
    "gpus": {"type": "list", "elements": "str", "default": [], "aliases": ["gpu"]},
    "values": {"type": "dict", "default": {}},
    "state": {"type": "str", "choices": ["present", "reset"], "default": "present"},
}


def change(params: dict[str, t.Any], call: mock_nvml.Call, check: bool) -> dict[str, t.Any]:
    wanted, gpus = params["values"], mock_nvml.selected(params["gpus"])
    reset = params["state"] == "reset"
    arguments = ["reset", *gpus] if reset else mock_nvml.set_arguments(wanted, params["gpus"])
    before = mock_nvml.values(call(["status", *gpus]), wanted)
    answer = call([*arguments, *(["--dry-run"] if check else [])])
    changed = [device["uuid"] for device in answer["devices"] if device["changed"]]
    after = mock_nvml.values(call(["status", *gpus]), wanted)
    if check and not reset:
        after.update({uuid: {**before[uuid], **wanted} for uuid in changed})
    return {
        "changed": answer["changed"],
        "values": {} if reset else after,
        "gpus": changed,
        "diff": {"before": mock_nvml.as_text(before), "after": mock_nvml.as_text(after)},
    }


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, required_if=[("state", "present", ["values"])], supports_check_mode=True
    )
    root = pathlib.Path(module.params["path"])
    command = pathlib.Path(module.params["command"] or root / "usr/bin/mock-nvml")
    try:
        result = change(module.params, lambda arguments: mock_nvml.call(command, root, arguments), module.check_mode)
    except MirageError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
