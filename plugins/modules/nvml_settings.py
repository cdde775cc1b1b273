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
  values:
    description:
      - Values by the keys of a profile, such as C(thermal.temperature_gpu_c), C(utilization.gpu) or C(compute_mode). An
        empty value (V(null)) means that the board does not tell it.
      - C(mock-nvml status) shows all of them. They may be nested as in a profile; none may be there twice.
      - Needed with O(state=present), and for it alone.
    type: dict
  state:
    description:
      - With V(present) the GPUs have the values.
      - With V(reset) everything of the GPUs is as their profile says, faults, processes and MIG instances included.
        Faults of C(nvmlInit) are not of a GPU, and stay.
    type: str
    choices: [present, reset]
    default: present
attributes:
  check_mode:
    description: Tries the change on a copy of the GPUs' state, and changes nothing.
    support: full
  diff_mode:
    description: Shows the values before and after; with O(state=reset) all that is different.
    support: full
  idempotent:
    description: The same values again change nothing.
    support: full
extends_documentation_fragment:
  - mirage.accel._mock_gpus
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

- name: Let all GPUs have a load that moves, in the form of a profile
  mirage.accel.nvml_settings:
    values:
      dynamic_metrics:
        utilization: {pattern: sine, gpu_min: 20, gpu_max: 90, period_sec: 60}

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

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _mock_nvml as mock_nvml
from ansible_collections.mirage.accel.plugins.module_utils import _mock_nvml_status as mock_nvml_status
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

ARGUMENT_SPEC: dict[str, t.Any] = {
    **mock_nvml.GPU_ARGS,
    "values": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "reset"], "default": "present"},
}


class SettingsError(MirageError):
    """Options that do not go together."""


def set_values(params: dict[str, t.Any], check: bool, folder: str) -> dict[str, t.Any]:
    wanted = mock_nvml.by_key(params["values"] or {})
    if not wanted:
        raise SettingsError(
            "Error while reading the options: values names none; say what to set, such as {utilization.gpu: 97}"
        )
    done = mock_nvml.change(params, mock_nvml.set_arguments(wanted, params["gpus"]), check, folder)
    chosen = [device["uuid"] for device in done.answer["devices"]]
    before, after = (mock_nvml_status.values(status, wanted, chosen) for status in (done.before, done.after))
    return {**result(done.answer, before, after), "values": after}


def reset(params: dict[str, t.Any], check: bool, folder: str) -> dict[str, t.Any]:
    if params["values"] is not None:
        raise SettingsError(
            "Error while reading the options: values cannot be given with state reset, which sets everything as the"
            " profile says; set them in another task, after it"
        )
    done = mock_nvml.change(params, ["reset", *mock_nvml.selected(params["gpus"])], check, folder)
    changed = mock_nvml.changed_gpus(done.answer)
    states = (mock_nvml_status.states(status, changed) for status in (done.before, done.after))
    before, after = mock_nvml_status.differing(*states)
    mock_nvml_status.tell_apart(before, after, changed, ("changed", "as the profile says"))
    return {**result(done.answer, before, after), "values": {}}


def result(answer: mock_nvml.Answer, before: dict[str, t.Any], after: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "changed": answer["changed"],
        "gpus": mock_nvml.changed_gpus(answer),
        "diff": {"before": mock_nvml_status.as_text(before), "after": mock_nvml_status.as_text(after)},
    }


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, required_if=[("state", "present", ["values"])], supports_check_mode=True
    )
    act = reset if module.params["state"] == "reset" else set_values
    try:
        done = act(module.params, module.check_mode, module.tmpdir)
    except MirageError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
