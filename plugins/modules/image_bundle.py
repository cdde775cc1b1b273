#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_bundle
short_description: Put several container images into one archive
version_added: 0.1.0
description:
  - Makes one docker-archive of several. Layers that they share are in it once, so that images which have their base in
    common are handed to a node in a fraction of the time.
  - What imports a docker-archive imports all images of a bundle, for example C(ctr images import).
author:
  - mirage.accel contributors (@mirage-accel)
options:
  path:
    description: The archive to write. What is there is replaced.
    type: path
    required: true
  archives:
    description: The archives that go into it, as C(docker save) or M(mirage.accel.image_archive) write them.
    type: list
    elements: path
    required: true
attributes:
  check_mode:
    support: full
    description: Says that the archive would be written.
  diff_mode:
    support: none
    description: Archives are opaque.
  platform:
    support: full
    description: Runs on any POSIX host.
    platforms: posix
seealso:
  - module: mirage.accel.image_archive
"""

EXAMPLES = r"""
- name: Put two images into one archive
  mirage.accel.image_bundle:
    path: /var/tmp/images.tar
    archives:
      - /var/cache/mirage.accel/images/base.tar
      - /var/cache/mirage.accel/images/agent.tar
"""

RETURN = r"""
images:
  description: The images that are in it.
  type: list
  elements: str
  returned: when it was written
  sample: ["localhost/mirage/base:latest", "localhost/example/agent:latest"]
"""

import os
import tempfile
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._image_bundle import bundle


def write(target: Path, archives: list[Path]) -> list[str]:
    """Make the bundle beside its place, so that it is there whole or not at all."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        images = bundle(archives, Path(name))
        Path(name).rename(target)
    finally:
        Path(name).unlink(missing_ok=True)
    return images


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "archives": {"type": "list", "elements": "path", "required": True},
        },
        supports_check_mode=True,
    )
    target = Path(module.params["path"])
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        images = write(target, [Path(archive) for archive in module.params["archives"]])
    except (MirageError, OSError) as exc:
        module.fail_json(msg=f"Error while making the bundle {target}: {exc}")
    module.exit_json(changed=True, images=images)


if __name__ == "__main__":
    main()
