#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nvml_fault
version_added: "0.1.0"
short_description: Give mock GPUs a fault, end it, or announce an Xid error
description:
  - Changes the running state of the mock GPUs of a driver root. Programs that use NVML, on the host and in containers,
    meet a fault at their next call, and who waits for events is told at once.
  - The same fault again changes nothing; one of the same kind with other options takes its place.
  - An Xid error is an event, not a state, so that announcing it always changes something.
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
  kind:
    description:
      - The kind of the fault. C(mock-nvml faults) and the guide on faults say what each makes NVML answer.
      - V(xid) announces the Xid error O(xid).
      - With O(state=absent) faults of this kind end, or all where none is named.
    type: str
    choices:
      - lost
      - fallen-off-bus
      - error
      - hang
      - slow
      - ecc-correctable
      - ecc-uncorrectable
      - row-remap-pending
      - row-remap-failure
      - page-retirement-pending
      - nvlink-down
      - nvlink-errors
      - thermal-slowdown
      - power-brake-slowdown
      - power-cap
      - fabric-unhealthy
      - pcie-replay
      - init-error
      - init-hang
      - init-slow
      - xid
  xid:
    description: Number of the Xid error, for O(kind=xid).
    type: int
  after:
    description: Seconds after which the fault, or the Xid error, comes.
    type: float
  duration:
    description: Seconds after which the fault is over. By default it holds until it is ended.
    type: float
  after_calls:
    description: Calls on the GPU that each process has before it meets the fault.
    type: int
  probability:
    description: Probability, above 0 and up to 1, with which a call meets the fault.
    type: float
  seed:
    description: Which calls those are. The same seed gives the same calls.
    type: int
  code:
    description: What NVML answers, such as V(NVML_ERROR_TIMEOUT), V(TIMEOUT) or V(10).
    type: str
  latency:
    description: How many seconds longer a call takes.
    type: float
  count:
    description: Number of errors.
    type: int
  location:
    description: Where in the memory the errors are, such as V(device_memory) or V(sram).
    type: str
  link:
    description: Number of an NVLink. By default all of the GPU.
    type: int
  temperature:
    description: Temperature of the GPU in degrees Celsius.
    type: int
  clock:
    description: Highest clock in MHz that the fault leaves.
    type: int
  health:
    description: Condition of the fabric, such as V(route_unhealthy).
    type: str
  state:
    description: Whether the fault should hold, or be over.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode.
    support: full
  diff_mode:
    description: Shows the faults of the GPUs before and after.
    support: full
  idempotent:
    description: The same fault again changes nothing.
    support: partial
    details: An Xid error is announced each time.
requirements:
  - python >= 3.9
  - The role mock_nvml has put mock GPUs on the host.
seealso:
  - module: mirage.accel.nvml_settings
  - module: mirage.accel.nvml_info
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Have the fourth GPU fall off the bus
  mirage.accel.nvml_fault:
    kind: fallen-off-bus
    gpus: ["3"]

- name: Announce an Xid error on all GPUs
  mirage.accel.nvml_fault:
    kind: xid
    xid: 79

- name: Let one call in a hundred time out, for five minutes
  mirage.accel.nvml_fault:
    kind: error
    code: TIMEOUT
    probability: 0.01
    seed: 7
    duration: 300

- name: End all faults of all GPUs
  mirage.accel.nvml_fault:
    state: absent
"""

RETURN = r"""
faults:
  description: The faults there are now, by the UUID of the GPU, and by V(node) those that C(nvmlInit) meets.
  returned: success
  type: dict
  sample: {"GPU-62ca9c03-3f78-593a-84e2-4fa9be42e746": [{"kind": "lost", "state": "active"}]}
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

# The kinds that mock-nvml knows; a test compares them with what it says itself.
KINDS = (
    "lost",
    "fallen-off-bus",
    "error",
    "hang",
    "slow",
    "ecc-correctable",
    "ecc-uncorrectable",
    "row-remap-pending",
    "row-remap-failure",
    "page-retirement-pending",
    "nvlink-down",
    "nvlink-errors",
    "thermal-slowdown",
    "power-brake-slowdown",
    "power-cap",
    "fabric-unhealthy",
    "pcie-replay",
    "init-error",
    "init-hang",
    "init-slow",
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "path": {"type": "path", "default": "/var/lib/nvidia-mock/driver"},
    "command": {"type": "path"},
    "gpus": {"type": "list", "elements": "str", "default": [], "aliases": ["gpu"]},
    "kind": {"type": "str", "choices": [*KINDS, "xid"]},
    "xid": {"type": "int"},
    "after": {"type": "float"},
    "duration": {"type": "float"},
    "after_calls": {"type": "int"},
    "probability": {"type": "float"},
    "seed": {"type": "int"},
    "code": {"type": "str"},
    "latency": {"type": "float"},
    "count": {"type": "int"},
    "location": {"type": "str"},
    "link": {"type": "int"},
    "temperature": {"type": "int"},
    "clock": {"type": "int"},
    "health": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def wanted_arguments(params: dict[str, t.Any]) -> list[str]:
    """What mock-nvml is told to do."""
    gpus = params["gpus"]
    if params["state"] == "absent":
        return ["clear", params["kind"] or "all", *mock_nvml.selected(gpus)]
    if params["kind"] == "xid":
        after = ["--after", str(params["after"])] if params["after"] is not None else []
        return ["xid", str(params["xid"]), *mock_nvml.selected(gpus), *after]
    return mock_nvml.fault_arguments(params["kind"], gpus, params)


def change(params: dict[str, t.Any], call: mock_nvml.Call, check: bool) -> dict[str, t.Any]:
    before = mock_nvml.faults(call(["status"]))
    answer = call([*wanted_arguments(params), *(["--dry-run"] if check else [])])
    after = predicted(before, answer, params) if check else mock_nvml.faults(call(["status"]))
    return {
        "changed": answer["changed"],
        "faults": after,
        "gpus": [device["uuid"] for device in answer["devices"] if device["changed"]],
        "diff": {"before": mock_nvml.as_text(before), "after": mock_nvml.as_text(after)},
    }


def identity(fault: dict[str, t.Any]) -> tuple[t.Any, ...]:
    """A fault takes the place of one that is the same in this."""
    return fault["kind"], fault.get("location"), fault.get("links")


def predicted_of_node(before: list[dict[str, t.Any]], params: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The faults that nvmlInit would meet; a dry run only says that they would change."""
    kind = params["kind"]
    if params["state"] == "absent" and not kind:
        return []
    kept = [fault for fault in before if fault["kind"] != kind]
    made = {"kind": kind, "state": "pending" if params["after"] else "active"}
    return kept if params["state"] == "absent" else [*kept, made]


def predicted(before: dict[str, t.Any], answer: dict[str, t.Any], params: dict[str, t.Any]) -> dict[str, t.Any]:
    """The faults that there would be, by what a dry run says of the node and of each GPU."""
    after = {name: list(faults) for name, faults in before.items()}
    if answer["node_changed"]:
        after["node"] = predicted_of_node(after.get("node", []), params)
    for device in answer["devices"]:
        kept = [fault for fault in after.get(device["uuid"], []) if fault["kind"] not in device.get("cleared", [])]
        made = device.get("fault")
        if made and device["changed"]:
            kept = [fault for fault in kept if identity(fault) != identity(made)] + [made]
        after[device["uuid"]] = kept
    return {name: faults for name, faults in after.items() if faults}


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "present", ["kind"]), ("kind", "xid", ["xid"])],
        supports_check_mode=True,
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
