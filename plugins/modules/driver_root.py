#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_root
version_added: "0.1.0"
short_description: Configure the driver root of a host with mock GPUs, record its owner, or take it away
description:
  - Has C(mock-nvml) write the configuration and the device page from a description of the GPUs, then records in
    C(config/owner.json) who owns the driver root and which files belong to it.
  - Files that an earlier run recorded and that are no longer named (those of another driver version, for example) are
    removed.
  - A driver root of another owner is refused.
  - Where the PCI domain that follows from the node's name has other devices on the host, another one is chosen for the
    GPUs, and kept as long as it is free.
options:
  path:
    description: The driver root.
    type: path
    default: /var/lib/nvidia-mock/driver
  top:
    description:
      - Outermost folder that is removed with the driver root when it is empty. By default the driver root itself.
    type: path
  owner:
    description: Name under which the driver root is owned.
    type: str
    default: mirage.accel/mock_nvml
  files:
    description:
      - Absolute paths of all files, links and device nodes that belong to the owner. The configuration and the page are
        added by the module.
      - With O(state=absent) those in the driver root are removed beside those that are on record and the capability
        files of MIG, so that an interrupted installation can be taken away too. Outside of the driver root only what
        is on record is removed, and only where it is a device node of a GPU (a character device with major number 195).
    type: list
    elements: path
    default: []
  config:
    description: Description of the GPUs, as the text of a profile. Required when O(state=present).
    type: str
  profile:
    description: Name of the profile, for the record.
    type: str
    default: custom
  count:
    description: Number of GPUs, 1 to 128. Required when O(state=present).
    type: int
  driver_version:
    description: Version of the driver that the library stands for. Required when O(state=present).
    type: str
  node_name:
    description: Name from which serial numbers, UUIDs and PCI addresses are derived. Required when O(state=present).
    type: str
  command:
    description: The C(mock-nvml) command. By default that of the driver root.
    type: path
  state:
    description: Whether the driver root should be configured, or gone with everything that its owner placed.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Can run in check mode. Where C(mock-nvml) is not installed yet, a change is predicted.
    support: full
  diff_mode:
    description: Shows the configuration, the record and the files that go.
    support: full
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Configure eight GPUs of a profile
  mirage.accel.driver_root:
    config: "{{ lookup('ansible.builtin.file', 'a100.yaml') }}"
    profile: a100
    count: 8
    driver_version: 550.163.01
    node_name: "{{ ansible_facts['hostname'] | lower }}"
    files:
      - /var/lib/nvidia-mock/driver/usr/lib64/libnvidia-ml.so.550.163.01
      - /var/lib/nvidia-mock/driver/usr/lib64/libnvidia-ml.so.1
      - /var/lib/nvidia-mock/driver/usr/bin/mock-nvml

- name: Take everything away that was placed
  mirage.accel.driver_root:
    state: absent
"""

RETURN = r"""
owner:
  description: The record that is in C(config/owner.json) now, or was there before it was removed.
  returned: success
  type: dict
  sample: {"owner": "mirage.accel/mock_nvml", "profile": "a100", "count": 8}
removed:
  description: Files and folders that were removed.
  returned: success
  type: list
  elements: str
"""

import dataclasses
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _driver_root as driver_root
from ansible_collections.mirage.accel.plugins.module_utils._driver_root import Description, Owner
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._mock_accel.tree import Tree, described_addresses
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file

ARGUMENT_SPEC: dict[str, t.Any] = {
    "path": {"type": "path", "default": "/var/lib/nvidia-mock/driver"},
    "top": {"type": "path"},
    "owner": {"type": "str", "default": "mirage.accel/mock_nvml"},
    "files": {"type": "list", "elements": "path", "default": []},
    "config": {"type": "str"},
    "profile": {"type": "str", "default": "custom"},
    "count": {"type": "int"},
    "driver_version": {"type": "str"},
    "node_name": {"type": "str"},
    "command": {"type": "path"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
REQUIRED = ("config", "count", "driver_version", "node_name")


def ensure_present(params: dict[str, t.Any], root: pathlib.Path, before: Owner | None, check: bool) -> dict[str, t.Any]:
    if before is not None and before.owner != params["owner"]:
        raise driver_root.DriverRootError(
            f"Error while configuring driver root {root}: it belongs to {before.owner}: remove that first"
        )
    command = pathlib.Path(params["command"] or root / "usr/bin/mock-nvml")
    config = driver_root.config_file(root)
    old_text = driver_root.text_or_nothing(config)
    description = Description(params["config"], params["count"], params["driver_version"], params["node_name"])
    # Before the first installation there is no command to ask; everything is new then.
    applied = check and not command.exists()
    if not applied:
        description = driver_root.choose_domain(
            description,
            driver_root.chosen_domain(old_text),
            driver_root.taken_domains(pathlib.Path("/sys/bus/pci/devices"), described_addresses(Tree())),
            lambda wanted: driver_root.apply(command, root, wanted, dry_run=True),
        )
        applied = bool(driver_root.apply(command, root, description, dry_run=check)["changed"])
    new_text = driver_root.text_or_nothing(config)
    page = driver_root.page_file(root, params["driver_version"])
    after = Owner(
        owner=params["owner"],
        profile=params["profile"],
        count=params["count"],
        driver_version=params["driver_version"],
        config_sha256=driver_root.sha256(new_text),
        files=(*params["files"], str(config), str(page)),
    )
    dropped = [path for path in (before.files if before else ()) if path not in after.files]
    surplus = driver_root.existing(dropped, root)
    folders = driver_root.empty_folders(dropped, surplus, root)
    if not check:
        driver_root.remove(surplus, folders)
        if after != before:
            write_file(driver_root.owner_file(root), after.as_json().encode(), 0o644)
    return {
        "changed": applied or after != before or bool(surplus),
        "owner": dataclasses.asdict(after),
        "removed": [*surplus, *map(str, folders)],
        "diff": [
            {"before_header": str(config), "after_header": str(config), "before": old_text, "after": new_text},
            {
                "before_header": str(driver_root.owner_file(root)),
                "after_header": str(driver_root.owner_file(root)),
                "before": before.as_json() if before else "",
                "after": after.as_json(),
            },
        ],
    }


def ensure_absent(params: dict[str, t.Any], root: pathlib.Path, before: Owner | None, check: bool) -> dict[str, t.Any]:
    if before is not None and before.owner != params["owner"]:
        return {"changed": False, "owner": dataclasses.asdict(before), "removed": []}
    recorded = before.files if before else ()
    # The record is there before the first device node is made: what is in /dev and not on record is another's.
    inside = [path for path in params["files"] if pathlib.Path(path).is_relative_to(root)]
    own = [*driver_root.capability_files(root), str(driver_root.owner_file(root))]
    named = [*dict.fromkeys((*recorded, *inside)), *own]
    if driver_root.real_driver(pathlib.Path("/proc")):
        # The nodes in /dev are the real driver's by now.
        named = [path for path in named if pathlib.Path(path).is_relative_to(root)]
    files = driver_root.existing(named, root)
    folders = driver_root.empty_folders(named, files, pathlib.Path(params["top"] or root))
    if not check:
        driver_root.remove(files, folders)
    gone = [*files, *map(str, folders)]
    return {
        "changed": bool(gone),
        "owner": dataclasses.asdict(before) if before else {},
        "removed": gone,
        "diff": {"before": "".join(f"{path}\n" for path in gone), "after": ""},
    }


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC, required_if=[("state", "present", REQUIRED)], supports_check_mode=True
    )
    root = pathlib.Path(module.params["path"])
    ensure = ensure_present if module.params["state"] == "present" else ensure_absent
    try:
        result = ensure(module.params, root, driver_root.read_owner(root), module.check_mode)
    except (MirageError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
