#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: make_build
version_added: "0.1.0"
short_description: Build a folder of C sources with make, once per state of its inputs
description:
  - Runs C(make install) on a folder of sources, out of tree, and keeps what it installs in a folder of the cache.
  - The folder's name carries a key over the version, the variables, the compiler and every source file, so nothing is
    built twice and a changed source is never served old.
options:
  name:
    description: Name that begins the folder's name.
    type: str
    required: true
  version:
    description: Version that follows the name.
    type: str
    required: true
  src:
    description:
      - Folder with a Makefile that understands the variables C(BUILD) (where to compile) and C(DESTDIR) (where to
        install) and the target C(install).
    type: path
    required: true
  variables:
    description: Further variables for make. All of them are part of the key, as is the version of the compiler V(CC).
    type: dict
    default: {}
  cache_dir:
    description: Folder that keeps results, below C(bin/).
    type: path
    required: true
attributes:
  check_mode:
    description: Can run in check mode, which says whether something would be built.
    support: full
  diff_mode:
    description: Says which folder appears.
    support: full
requirements:
  - make and a C compiler on the machine that runs the module
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Build the mock NVML library of one driver version
  mirage.accel.make_build:
    name: nvml
    version: 550.163.01
    src: /usr/src/accel/native/nvml
    variables:
      DRIVER_VERSION: 550.163.01
    cache_dir: /var/cache/mirage.accel
  register: library
"""

RETURN = r"""
path:
  description: Folder that holds what C(make install) installed. In check mode it may not exist yet.
  returned: success
  type: str
  sample: /var/cache/mirage.accel/bin/nvml-550.163.01-0123456789ab
"""

import os
import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._make_build import (
    Build,
    compiler_version,
    install,
    target_folder,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "src": {"type": "path", "required": True},
    "variables": {"type": "dict", "default": {}},
    "cache_dir": {"type": "path", "required": True},
}


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    src = pathlib.Path(params["src"])
    if not src.is_dir():
        module.fail_json(msg=f"Error while building {src}: the folder does not exist")
    build = Build(
        name=params["name"],
        version=params["version"],
        src=src,
        variables=tuple(sorted((key, str(value)) for key, value in params["variables"].items())),
        compiler=compiler_version(str(params["variables"].get("CC", ""))),
    )
    target = target_folder(build, pathlib.Path(params["cache_dir"]))
    changed = not target.is_dir()
    if changed and not module.check_mode:
        try:
            changed = install(build, target, jobs=os.cpu_count() or 1)
        except (MirageError, OSError) as error:
            module.fail_json(msg=str(error))
    before = "" if changed else f"{target}\n"
    module.exit_json(changed=changed, path=str(target), diff={"before": before, "after": f"{target}\n"})


if __name__ == "__main__":
    main()
