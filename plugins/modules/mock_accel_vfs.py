#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mock_accel_vfs
version_added: "0.1.0"
short_description: Set how many virtual functions the accelerators of the kernel module mock_accel have
description:
  - Brings physical functions of the kernel module C(mock_accel) to a number of virtual functions, and waits until their
    devices and device nodes are there.
  - Everything is judged before anything is changed, so a wish that one function cannot fulfil leaves all as they are.
  - Another number above 0 means, as the kernel asks, that all virtual functions of that physical one go and others
    come. The kernel takes a second for each physical function whose virtual ones go.
options:
  functions:
    description:
      - Names such as V(mock0), or PCI addresses such as V(1000:00:00.0), of the physical functions.
      - By default all that can have virtual functions. An empty list is none.
    type: list
    elements: str
  number:
    description: Number of virtual functions of each, 0 to what it can have.
    type: int
    required: true
  force:
    description:
      - Whether virtual functions are also taken off when one is allocated, does not answer, is open in a process, or is
        bound to another driver than C(mock-accel).
    type: bool
    default: false
  timeout:
    description: Seconds that one physical function may take.
    type: int
    default: 60
  sysfs:
    description: Where the host's C(/sys) is.
    type: path
    default: /sys
  dev:
    description: Where the host's C(/dev) is.
    type: path
    default: /dev
  proc:
    description: Where the host's C(/proc) is, which tells what processes have open.
    type: path
    default: /proc
attributes:
  check_mode:
    description: Can run in check mode; judges the same and says what would change.
    support: full
  diff_mode:
    description: Shows the number of each function before and after.
    support: full
requirements:
  - python >= 3.9
author:
  - mirage.accel contributors (@mirage-accel)
seealso:
  - module: mirage.accel.mock_accel_info
"""

EXAMPLES = r"""
- name: Give every accelerator two virtual functions
  mirage.accel.mock_accel_vfs:
    number: 2

- name: Give two of them all that they can have
  mirage.accel.mock_accel_vfs:
    functions: [mock0, "1000:00:01.0"]
    number: 4

- name: Take all off, those in use too
  mirage.accel.mock_accel_vfs:
    number: 0
    force: true
"""

RETURN = r"""
functions:
  description:
    - The chosen physical functions with their numbers of virtual ones. In check mode RV(functions[].after) is what the
      number would be.
    - After a failure halfway, those that were changed.
  returned: success, or failure after something was changed
  type: list
  elements: dict
  contains:
    address: {description: PCI address., type: str, returned: always, sample: "1000:00:00.0"}
    name: {description: Name of its device., type: str, returned: always, sample: mock0}
    before: {description: Virtual functions that it had., type: int, returned: always, sample: 0}
    after: {description: Virtual functions that it has now., type: int, returned: always, sample: 2}
problems:
  description: Why nothing was changed, one entry for each reason. The message has the first of them.
  returned: when the wish was refused
  type: list
  elements: str
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.change import (
    Done,
    PartialError,
    carry_out,
    find_access_problems,
)
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.plan import make_plan, summarize
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import (
    Tree,
    read_functions,
    read_module,
    read_users,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "functions": {"type": "list", "elements": "str"},
    "number": {"type": "int", "required": True},
    "force": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
    "sysfs": {"type": "path", "default": "/sys"},
    "dev": {"type": "path", "default": "/dev"},
    "proc": {"type": "path", "default": "/proc"},
}


def settle(module: AnsibleModule) -> None:
    """Let udev finish, whose rules give the new nodes their owners; the kernel's part is done."""
    udevadm = module.get_bin_path("udevadm")
    if udevadm and module.params["sysfs"] == "/sys":
        returncode, _out, error = module.run_command([udevadm, "settle", f"--timeout={module.params['timeout']}"])
        if returncode:
            module.warn(f"udev has not finished with the new devices, their owners may still change: {error.strip()}")


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    if params["timeout"] < 1:
        module.fail_json(msg=f"timeout is {params['timeout']}: set a number of seconds above 0")
    tree = Tree(Path(params["sysfs"]), Path(params["dev"]), Path(params["proc"]))
    facts = read_module(tree)
    functions = read_functions(tree, facts)
    openers = {} if params["force"] else read_users(tree, functions)
    plan = make_plan(functions, params["functions"], params["number"], params["force"], facts.loaded, openers)
    problems = [*plan.problems, *find_access_problems(tree, () if plan.problems else plan.changes)]
    if problems:
        module.fail_json(msg=summarize(problems, params["number"]), problems=problems)
    try:
        if plan.changes and not module.check_mode:
            carry_out(tree, plan.changes, params["force"], params["timeout"])
            settle(module)
    except PartialError as error:
        module.fail_json(msg=str(error), changed=bool(error.done), functions=[done.as_dict() for done in error.done])
    done = [Done(function, function.num_vfs or 0, params["number"]) for function in plan.chosen]
    module.exit_json(
        changed=bool(plan.changes),
        functions=[one.as_dict() for one in done],
        diff={
            "before": "".join(f"{one.function.label}: {one.before}\n" for one in done),
            "after": "".join(f"{one.function.label}: {one.after}\n" for one in done),
        },
    )


if __name__ == "__main__":
    main()
