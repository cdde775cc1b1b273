#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_root_info
version_added: "0.1.0"
short_description: Tell whether a host has a real NVIDIA driver and who owns its mock driver root
description:
  - Reads what a host says about a real NVIDIA driver, and the record of the owner of a mock driver root.
options:
  path:
    description: The driver root.
    type: path
    default: /var/lib/nvidia-mock/driver
  proc:
    description: Where the host's C(/proc) is.
    type: path
    default: /proc
  files:
    description: Paths to describe in RV(placed).
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Only reads, so check mode makes no difference.
    support: full
  diff_mode:
    description: Only reads.
    support: none
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Look at the host
  mirage.accel.driver_root_info:
  register: host

- name: Refuse a host with real GPUs
  ansible.builtin.assert:
    that: host.real_driver == ''
"""

RETURN = r"""
real_driver:
  description: What shows that a real NVIDIA driver is loaded. Empty where there is none.
  returned: success
  type: str
  sample: /proc/driver/nvidia/version
owner:
  description: The record in C(config/owner.json). Empty where there is none.
  returned: success
  type: dict
  sample: {"owner": "mirage.accel/mock_nvml", "profile": "a100", "count": 8}
placed:
  description:
    - What lies at each of O(files), by path. A file is its permissions and the SHA-256 of its contents, a link the word
      C(link) and its target. What is not there is left out.
  returned: success
  type: dict
  sample: {"/opt/driver/usr/lib64/libnvidia-ml.so.1": "link libnvidia-ml.so.550.163.01"}
"""

import dataclasses
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._driver_root import describe, read_owner, real_driver
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

ARGUMENT_SPEC: dict[str, t.Any] = {
    "path": {"type": "path", "default": "/var/lib/nvidia-mock/driver"},
    "proc": {"type": "path", "default": "/proc"},
    "files": {"type": "list", "elements": "path", "default": []},
}


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        owner = read_owner(pathlib.Path(module.params["path"]))
        evidence = real_driver(pathlib.Path(module.params["proc"]))
        placed = describe(module.params["files"])
    except (MirageError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=False, real_driver=evidence, owner=dataclasses.asdict(owner) if owner else {}, placed=placed
    )


if __name__ == "__main__":
    main()
