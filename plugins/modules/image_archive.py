#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_archive
short_description: Make a container image as a docker-archive, without a container engine
version_added: 0.1.0
description:
  - Makes an image from a folder, from single files, or from both, on top of another image where O(base) names one.
  - The archive is what C(docker save) writes. C(ctr images import), C(docker load), C(podman load) and
    C(kind load image-archive) take it.
  - The same inputs always give the same archive and the same image id. Times are zero, names are sorted, all belongs to
    root.
author:
  - mirage.accel contributors (@mirage-accel)
options:
  path:
    description: The archive to write.
    type: path
    required: true
  name:
    description: Name of the image, with registry and repository.
    type: str
    required: true
  tag:
    description: Tag of the image.
    type: str
    default: latest
  base:
    description: A docker-archive whose layers and settings come first.
    type: path
  src:
    description: Folder whose content becomes the root of the image's new layer.
    type: path
  files:
    description: Single files of the new layer. They go over what O(src) has of the same name.
    type: list
    elements: dict
    default: []
    suboptions:
      dest:
        description: Path in the image.
        type: str
        required: true
      src:
        description: File, or folder with all that is below it, on the host that runs the module.
        type: path
      content:
        description: Text of the file.
        type: str
      link:
        description: What a symbolic link points to.
        type: str
      mode:
        description: Permission in octal, for example V("0755"). That of O(files[].src), or V("0644"), when left out.
        type: str
  entrypoint:
    description: Command that a container starts.
    type: list
    elements: str
  cmd:
    description: Arguments of the command, or the command where there is no O(entrypoint).
    type: list
    elements: str
  env:
    description: Environment of the command.
    type: dict
    default: {}
  labels:
    description: Labels of the image.
    type: dict
    default: {}
  workdir:
    description: Folder that the command starts in.
    type: str
  user:
    description: User, or user and group, that the command runs as.
    type: str
  architecture:
    description: Architecture of the programs in the image, V(amd64) or V(arm64). That of the host when left out.
    type: str
attributes:
  check_mode:
    support: full
    description: Says whether the archive would change.
  diff_mode:
    support: none
    description: Archives are opaque.
  platform:
    support: full
    description: Runs on any POSIX host.
    platforms: posix
"""

EXAMPLES = r"""
- name: Make the pause image
  mirage.accel.image_archive:
    path: /var/cache/mirage.accel/images/pause.tar
    name: localhost/mirage/pause
    tag: "1"
    files:
      - src: build/pause
        dest: /pause
        mode: "0755"
    entrypoint: [/pause]

- name: Put a program on top of a root file system
  mirage.accel.image_archive:
    path: /var/cache/mirage.accel/images/agent.tar
    name: localhost/example/agent
    base: /var/cache/mirage.accel/images/base.tar
    src: build/agent-root
    entrypoint: [/usr/bin/agent]
    env:
      LOG_LEVEL: info
"""

RETURN = r"""
image:
  description: Full name of the image.
  type: str
  returned: success
  sample: localhost/mirage/pause:1
image_id:
  description: Id of the image, the digest of its configuration. It is what a container runtime shows as the image's id.
  type: str
  returned: success
layers:
  description: Digests of the layers, lowest first.
  type: list
  elements: str
  returned: success
archive:
  description: The archive.
  type: str
  returned: success
"""

import platform
import tempfile
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._image_archive import (
    ImageError,
    ImageSettings,
    file_digest,
    file_entries,
    make_image,
    tree_entries,
)

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def settings_of(params: dict[str, t.Any]) -> ImageSettings:
    """How a container of the image starts, from the options."""
    machine = platform.machine()
    return ImageSettings(
        architecture=params["architecture"] or ARCHITECTURES.get(machine, machine),
        entrypoint=params["entrypoint"],
        cmd=params["cmd"],
        env={name: str(value) for name, value in params["env"].items()},
        labels={name: str(value) for name, value in params["labels"].items()},
        workdir=params["workdir"],
        user=params["user"],
    )


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Make the image beside its place and move it there when it differs from what is there."""
    params = module.params
    image = f"{params['name']}:{params['tag']}"
    target = Path(params["path"])
    entries = tree_entries(Path(params["src"])) if params["src"] else {}
    entries.update(file_entries(params["files"]))
    base = Path(params["base"]) if params["base"] else None
    with tempfile.TemporaryDirectory(dir=module.tmpdir) as work_name:
        work = Path(work_name)
        made = make_image(work / "image.tar", [image], entries, settings_of(params), base, work)
        changed = not target.exists() or file_digest(target) != file_digest(work / "image.tar")
        if changed and not module.check_mode:
            module.atomic_move(str(work / "image.tar"), str(target))
    return dict(made, image=image, archive=str(target), changed=changed)


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "tag": {"type": "str", "default": "latest"},
            "base": {"type": "path"},
            "src": {"type": "path"},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "dest": {"type": "str", "required": True},
                    "src": {"type": "path"},
                    "content": {"type": "str"},
                    "link": {"type": "str"},
                    "mode": {"type": "str"},
                },
                "required_one_of": [("src", "content", "link")],
                "mutually_exclusive": [("src", "content", "link")],
            },
            "entrypoint": {"type": "list", "elements": "str"},
            "cmd": {"type": "list", "elements": "str"},
            "env": {"type": "dict", "default": {}},
            "labels": {"type": "dict", "default": {}},
            "workdir": {"type": "str"},
            "user": {"type": "str"},
            "architecture": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (ImageError, OSError) as exc:
        module.fail_json(msg=f"Error while making the image {module.params['name']}: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
