#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deb_unpack
version_added: "0.1.0"
short_description: Unpack a Debian package into a cache folder without installing it
description:
  - Takes a package from the Debian archive that the machine's own apt is configured for, from any suite and component
    of it, and unpacks its files into a folder of the cache.
  - Nothing is installed, no dependency is followed, and the machine's apt (its lists, sources and database) is left
    alone. The archive's signature and the package's checksum are checked by apt.
  - A package that is in the cache is answered from there without asking the archive.
options:
  name:
    description: Name of the binary package.
    type: str
    required: true
  version:
    description:
      - Exact version, for example V(550.163.01-2), or the version without Debian's revision, for example V(550.163.01),
        which means its newest revision.
      - Without it, the version in the cache serves if there is exactly one, else the newest of the archive.
    type: str
  suite:
    description: Suite (release) of the archive to take the package from. It need not be the machine's own.
    type: str
    default: trixie
  components:
    description: Components of the archive to look in.
    type: list
    elements: str
    default: [main]
  architecture:
    description: Debian's name of the architecture. Without it, that of the machine.
    type: str
  mirror:
    description: Address of a Debian archive to use instead of the configured one.
    type: str
    default: ""
  cache_dir:
    description: Folder that keeps unpacked packages, below C(deb/).
    type: path
    required: true
  refresh:
    description: Ask the archive even though a fitting version is in the cache.
    type: bool
    default: false
requirements:
  - apt-get and dpkg-deb on the machine that runs the module
attributes:
  check_mode:
    description: Can run in check mode, which asks the archive but writes nothing.
    support: full
  diff_mode:
    description: Says which folder appears.
    support: full
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Fetch the vendor's nvidia-smi of exactly this driver version
  mirage.accel.deb_unpack:
    name: nvidia-smi
    version: 550.163.01
    suite: trixie
    components: [non-free]
    cache_dir: /var/cache/mirage.accel
  register: package

- name: Say where it lies
  ansible.builtin.debug:
    msg: "{{ package.path }}/usr/lib/nvidia/current/nvidia-smi"
"""

RETURN = r"""
path:
  description: Folder that holds the package's files.
  returned: success
  type: str
  sample: /var/cache/mirage.accel/deb/nvidia-smi-550.163.01-2-amd64
version:
  description: Full version of the package, with Debian's revision.
  returned: success
  type: str
  sample: 550.163.01-2
architecture:
  description: Debian's name of the package's architecture.
  returned: success
  type: str
  sample: amd64
"""

import pathlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._deb_unpack import (
    DebError,
    unpack,
)

ARGUMENT_SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str"},
    "suite": {"type": "str", "default": "trixie"},
    "components": {"type": "list", "elements": "str", "default": ["main"]},
    "architecture": {"type": "str"},
    "mirror": {"type": "str", "default": ""},
    "cache_dir": {"type": "path", "required": True},
    "refresh": {"type": "bool", "default": False},
}


def main() -> t.NoReturn:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    try:
        found = unpack(
            params["name"],
            params["version"],
            cache_dir=pathlib.Path(params["cache_dir"]),
            suite=params["suite"],
            components=params["components"],
            architecture=params["architecture"],
            mirror=params["mirror"],
            refresh=params["refresh"],
            dry_run=module.check_mode,
        )
    except (DebError, OSError) as error:
        module.fail_json(msg=str(error))
    path = str(found.path)
    module.exit_json(
        changed=found.changed,
        path=path,
        version=found.version,
        architecture=found.architecture,
        diff={"before": "" if found.changed else path + "\n", "after": path + "\n"},
    )


if __name__ == "__main__":
    main()
