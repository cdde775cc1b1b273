#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mock_accel_host_info
version_added: "0.1.0"
short_description: Say how the kernel module mock_accel would get on a host, and what stands in the way
description:
  - Reads the facts of a host that building, signing and loading the kernel module depends on, and what they mean.
  - What stands in the way is named before anything is changed, each with what to do about it.
options:
  install:
    description: How the module gets on the host.
    type: str
    choices: [auto, dkms, headers, prebuilt]
    default: auto
  module:
    description: The built module on the controller, as P(mirage.accel.kernel_module_file#filter) describes it.
    type: dict
    suboptions:
      file:
        description: Its path, for messages. Empty where there is none.
        type: str
        default: ""
      exists:
        description: Whether there is such a file.
        type: bool
        default: false
      vermagic:
        description: What the kernel compares with itself.
        type: str
        default: ""
      signed:
        description: Whether a signature is appended.
        type: bool
        default: false
      sha256:
        description: Checksum of the file, which is not looked at.
        type: str
        default: ""
  signing_key:
    description: Private key that the module is to be signed with.
    type: str
    default: ""
  signing_certificate:
    description: Certificate of the key.
    type: str
    default: ""
  parameters:
    description: Parameters that the module is to have, to be compared with those of the loaded one.
    type: dict
    default: {}
  first_domain:
    description: PCI domain of the first root bus, or V(auto) for a free one.
    type: str
    default: auto
  num_roots:
    description: Number of root buses, each of which has a domain of its own.
    type: int
    default: 1
  gpu_domains:
    description: PCI domains, as four hexadecimal digits, that are kept free for mock GPUs.
    type: list
    elements: str
    default: []
  persist:
    description: How everything comes back after a reboot.
    type: str
    choices: [auto, systemd, init, none]
    default: auto
  state_dir:
    description: Folder of the record of what was installed.
    type: path
    default: /var/lib/mirage-accel/mock_accel
  root:
    description: Where the host's file system is.
    type: path
    default: /
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Only reads.
    support: none
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Look at the host
  mirage.accel.mock_accel_host_info:
  register: host

- name: Refuse a host that cannot load the module
  ansible.builtin.assert:
    that: not host.problems
    fail_msg: "{{ host.problems | join('; ') }}"
"""

RETURN = r"""
facts:
  description: What was read.
  type: dict
  returned: success
choices:
  description:
    - C(way), how the module gets on the host; C(sign_command), what signs it there; C(first_domain); and C(persist).
  type: dict
  returned: success
  sample:
    way: dkms
    sign_command: /lib/modules/6.1.0-50-cloud-amd64/build/scripts/sign-file
    first_domain: "0x1000"
    persist: systemd
problems:
  description:
    - Why the module cannot be loaded, each with what to do. Options of this module are named in single quotes.
  type: list
  elements: str
  returned: success
users:
  description: Why a loaded module cannot be taken out of the kernel now.
  type: list
  elements: str
  returned: success
changed_parameters:
  description: Parameters of the loaded module that are other than asked for.
  type: list
  elements: str
  returned: success
"""

import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._mock_accel_host.choices import (
    Module,
    Wish,
    changed_parameters,
    choose_first_domain,
    choose_persistence,
    choose_sign_command,
    choose_way,
    find_problems,
    find_users,
)
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel_host.facts import gather

ARGUMENT_SPEC: dict[str, t.Any] = {
    "install": {"type": "str", "choices": ["auto", "dkms", "headers", "prebuilt"], "default": "auto"},
    "module": {
        "type": "dict",
        "options": {
            "file": {"type": "str", "default": ""},
            "exists": {"type": "bool", "default": False},
            "vermagic": {"type": "str", "default": ""},
            "signed": {"type": "bool", "default": False},
            "sha256": {"type": "str", "default": ""},
        },
    },
    # Paths, no secrets.
    "signing_key": {"type": "str", "default": "", "no_log": False},
    "signing_certificate": {"type": "str", "default": ""},
    "parameters": {"type": "dict", "default": {}},
    "first_domain": {"type": "str", "default": "auto"},
    "num_roots": {"type": "int", "default": 1},
    "gpu_domains": {"type": "list", "elements": "str", "default": []},
    "persist": {"type": "str", "choices": ["auto", "systemd", "init", "none"], "default": "auto"},
    "state_dir": {"type": "path", "default": "/var/lib/mirage-accel/mock_accel"},
    "root": {"type": "path", "default": "/"},
}


def read_wish(params: t.Mapping[str, t.Any]) -> Wish:
    given = params["module"] or {}
    return Wish(
        install=params["install"],
        module=Module(**{key: given[key] for key in Module._fields if key in given}),
        signing_key=params["signing_key"],
        certificate=params["signing_certificate"],
        first_domain=params["first_domain"],
        num_roots=params["num_roots"],
        gpu_domains=tuple(params["gpu_domains"]),
    )


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    wish = read_wish(params)
    facts = gather(pathlib.Path(params["root"]), pathlib.Path(params["state_dir"]))
    first_domain = choose_first_domain(facts, wish)
    wanted = {**params["parameters"], "first_domain": first_domain}
    module.exit_json(
        changed=False,
        facts=facts,
        choices={
            "way": choose_way(facts, wish),
            "sign_command": choose_sign_command(facts),
            "first_domain": first_domain,
            "persist": choose_persistence(facts, params["persist"]),
        },
        problems=find_problems(facts, wish),
        users=find_users(facts),
        changed_parameters=changed_parameters(facts, wanted),
    )


if __name__ == "__main__":
    main()
