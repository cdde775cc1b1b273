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
  kind:
    description:
      - The kind of the fault. C(mock-nvml faults) and the guide on faults say what each makes NVML answer.
      - V(xid) announces the Xid error O(xid). It is told and over, so that O(state=absent) does not know it.
      - V(init-error), V(init-hang) and V(init-slow) are of the host as a whole, and take no O(gpus).
      - With O(state=absent) faults of this kind end, or all where none is named, whatever their other options are.
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
    description: Number of the Xid error, for O(kind=xid), which takes O(gpus) and O(after) besides and nothing else.
    type: int
  after:
    description: Seconds after which the fault, or the Xid error, comes, from 0.001 to 31536000 (a year).
    type: float
  duration:
    description:
      - Seconds after which the fault is over, from 0.001 to 31536000 (a year). By default it holds until it is ended.
    type: float
  after_calls:
    description: Calls on the GPU that each process has before it meets the fault.
    type: int
  probability:
    description: Probability, from 0.000001 to 1, with which a call meets the fault.
    type: float
  seed:
    description: Which calls those are. The same seed gives the same calls.
    type: int
  code:
    description: What NVML answers, such as V(NVML_ERROR_TIMEOUT), V(TIMEOUT) or V(10). By default V(UNKNOWN).
    type: str
  latency:
    description: How many seconds longer a call takes, from 0.001 to 31536000 (a year). By default 1.
    type: float
  count:
    description: Number of errors. By default 1.
    type: int
  location:
    description: Where in the memory the errors are. A board counts some of these; by default it is the first of them.
    type: str
    choices:
      - device_memory
      - sram
      - l1_cache
      - l2_cache
      - register_file
      - texture_memory
      - texture_shm
      - cbu
  link:
    description: Number of an NVLink, from 0. By default all of the GPU.
    type: int
  temperature:
    description: Temperature of the GPU in degrees Celsius. By default its slowdown threshold.
    type: int
  clock:
    description: Highest clock in MHz that the fault leaves. By default half of the GPU's highest.
    type: int
  health:
    description: Condition of the fabric. By default V(route_unhealthy).
    type: str
    choices:
      - degraded_bandwidth
      - route_recovery
      - route_unhealthy
      - access_timeout_recovery
      - incorrect_configuration
  state:
    description: Whether the fault should hold, or be over.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Tries the change on a copy of the GPUs' state, and changes nothing.
    support: full
  diff_mode:
    description:
      - Shows the faults of the GPUs, what they need to recover, and the Xid error that is announced, before and after.
    support: full
  idempotent:
    description: The same fault again changes nothing.
    support: partial
    details:
      - An Xid error is announced each time.
      - A fault whose O(duration) is over is made anew.
extends_documentation_fragment:
  - mirage.accel._mock_gpus
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
  description:
    - The faults there are now, by the UUID of the GPU, and by V(node) those that C(nvmlInit) meets.
    - Each has its C(kind), its C(state) (V(pending), V(active) or V(over)) and what else the guide on faults lists.
  returned: success
  type: dict
  sample: {"GPU-62ca9c03-3f78-593a-84e2-4fa9be42e746": [{"kind": "lost", "state": "active"}]}
gpus:
  description: UUIDs of the GPUs that were changed. Faults of C(nvmlInit) are of no GPU.
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

# The words that mock-nvml knows; a test compares them with what it says itself.
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

LOCATIONS = (
    "device_memory",
    "sram",
    "l1_cache",
    "l2_cache",
    "register_file",
    "texture_memory",
    "texture_shm",
    "cbu",
)
HEALTHS = (
    "degraded_bandwidth",
    "route_recovery",
    "route_unhealthy",
    "access_timeout_recovery",
    "incorrect_configuration",
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    **mock_nvml.GPU_ARGS,
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
    "location": {"type": "str", "choices": list(LOCATIONS)},
    "link": {"type": "int"},
    "temperature": {"type": "int"},
    "clock": {"type": "int"},
    "health": {"type": "str", "choices": list(HEALTHS)},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class FaultError(MirageError):
    """Options that do not go together."""


def wanted_arguments(params: dict[str, t.Any]) -> list[str]:
    """What mock-nvml is told to do."""
    gpus = params["gpus"]
    if params["state"] == "absent":
        return ["clear", params["kind"] or "all", *mock_nvml.selected(gpus)]
    if params["kind"] == "xid":
        after = ["--after", str(params["after"])] if params["after"] is not None else []
        return ["xid", str(params["xid"]), *mock_nvml.selected(gpus), *after]
    return mock_nvml.fault_arguments(params["kind"], gpus, params)


def check_options(params: dict[str, t.Any]) -> None:
    """What mock-nvml cannot refuse, because it is not told of it."""
    if params["kind"] != "xid":
        if params["xid"] is not None and params["state"] == "present":
            raise FaultError(
                f"Error while reading the options: the kind {params['kind']} takes no xid; announce it in"
                " another task, with the kind xid"
            )
        return
    if params["state"] == "absent":
        raise FaultError(
            "Error while reading the options: an Xid error is told and over, and cannot be absent; leave kind out to"
            " end all faults, or name that which is to end"
        )
    if params["xid"] is None:
        raise FaultError(
            "Error while reading the options: the kind xid needs the option xid; set it to the error's number"
        )
    strange = [name for name in mock_nvml.FAULT_OPTIONS if name != "after" and params[name] is not None]
    if strange:
        raise FaultError(
            f"Error while reading the options: the kind xid takes no {', '.join(strange)}; leave that out, or name a"
            " kind of fault that has it"
        )


def change(params: dict[str, t.Any], check: bool, folder: str) -> dict[str, t.Any]:
    check_options(params)
    done = mock_nvml.change(params, wanted_arguments(params), check, folder)
    before, after = difference(done)
    return {
        "changed": done.answer["changed"],
        "faults": mock_nvml_status.faults(done.after),
        "gpus": mock_nvml.changed_gpus(done.answer),
        "diff": {"before": mock_nvml_status.as_text(before), "after": mock_nvml_status.as_text(after)},
    }


def difference(done: mock_nvml.Outcome) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """How the GPUs are before and after. An Xid error is told and over: the command's answer alone knows of it."""
    before, after = (mock_nvml_status.conditions(status) for status in (done.before, done.after))
    for device in done.answer["devices"]:
        if "xid" in device:
            announced = {"number": device["xid"], "after_ms": device["after_ms"]}
            after.setdefault(device["uuid"], {})["xid"] = announced
    mock_nvml_status.tell_apart(before, after, mock_nvml.changed_gpus(done.answer), ("there", "ended"))
    return before, after


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, required_if=[("state", "present", ["kind"])], supports_check_mode=True
    )
    try:
        result = change(module.params, module.check_mode, module.tmpdir)
    except MirageError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
