#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: file_set
short_description: Keep a set of small text files, folders and links in one step
version_added: 0.1.0
description:
  - Keeps folders, text files and symbolic links that belong together. One call does what would otherwise be a call of
    M(ansible.builtin.file) or M(ansible.builtin.copy) for each of them.
  - A file is written beside its place and renamed, so nobody reads half of one. What is not named is left alone.
author:
  - mirage.accel contributors (@mirage-accel)
options:
  folders:
    description: Folders to keep. Missing parents are made with the same mode.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The folder.
        type: path
        required: true
      mode:
        description: Permission in octal.
        type: str
        default: "0755"
  files:
    description: Text files to keep.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file. Its folder is made where it is missing.
        type: path
        required: true
      content:
        description: The text.
        type: str
        required: true
      mode:
        description: Permission in octal.
        type: str
        default: "0644"
  links:
    description: Symbolic links to keep.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The link.
        type: path
        required: true
      target:
        description: What it points to. It need not exist.
        type: str
        required: true
attributes:
  check_mode:
    support: full
    description: Says what would change.
  diff_mode:
    support: full
    description: Shows the difference of each text file, unless its mode keeps it from others.
  platform:
    support: full
    description: Runs on any POSIX host.
    platforms: posix
"""

EXAMPLES = r"""
- name: Keep the configuration of a service
  mirage.accel.file_set:
    folders:
      - path: /var/lib/example/log
        mode: "0750"
    files:
      - path: /var/lib/example/service.conf
        content: "{{ lookup('ansible.builtin.template', 'service.conf.j2') }}"
        mode: "0600"
    links:
      - path: /var/lib/example/bin/service
        target: ../programs/service-1.2/service
"""

RETURN = r"""
changed_paths:
  description: What was made or changed.
  type: list
  elements: str
  returned: success
"""

import stat
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file


class FileSetError(MirageError):
    """Something else is where a folder, a file or a link should be."""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def keep_folder(item: dict[str, t.Any], check_mode: bool) -> bool:
    """Make a folder, or give it its mode; whether that was needed."""
    path, mode = Path(item["path"]), int(item["mode"], 8)
    if path.is_dir():
        if mode_of(path) == mode:
            return False
    elif path.exists():
        raise FileSetError(f"{path} is no folder: remove it")
    if not check_mode:
        for folder in [*reversed(path.parents), path]:
            if not folder.exists():
                folder.mkdir()
                folder.chmod(mode)
        path.chmod(mode)
    return True


def keep_file(item: dict[str, t.Any], check_mode: bool) -> tuple[bool, dict[str, str]]:
    """Write a file that differs; whether it did, and the difference."""
    path, mode, text = Path(item["path"]), int(item["mode"], 8), item["content"]
    if path.is_dir():
        raise FileSetError(f"{path} is a folder, a file should be there: remove it")
    before = path.read_text() if path.exists() else ""
    if path.exists() and before == text and mode_of(path) == mode:
        return False, {}
    if not check_mode:
        write_file(path, text.encode(), mode)
    hidden = not mode & stat.S_IROTH
    return True, {
        "before_header": str(path),
        "after_header": str(path),
        "before": "(not shown)\n" if hidden else before,
        "after": "(not shown, changed)\n" if hidden else text,
    }


def keep_link(item: dict[str, t.Any], check_mode: bool) -> bool:
    """Point a link where it should; whether it did not."""
    path, target = Path(item["path"]), item["target"]
    if path.is_symlink():
        if str(path.readlink()) == target:
            return False
    elif path.exists():
        raise FileSetError(f"{path} is no link: remove it")
    if not check_mode:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.rename(path)
    return True


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Folders, then files, then links."""
    changed = [item["path"] for item in module.params["folders"] if keep_folder(item, module.check_mode)]
    differences = []
    for item in module.params["files"]:
        differs, difference = keep_file(item, module.check_mode)
        if differs:
            changed.append(item["path"])
            differences.append(difference)
    changed += [item["path"] for item in module.params["links"] if keep_link(item, module.check_mode)]
    return {"changed": bool(changed), "changed_paths": changed, "diff": differences}


def main() -> t.NoReturn:
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "folders": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": path, "mode": {"type": "str", "default": "0755"}},
            },
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": path,
                    "content": {"type": "str", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                },
            },
            "links": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"path": path, "target": {"type": "str", "required": True}},
            },
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (FileSetError, OSError, ValueError) as exc:
        module.fail_json(msg=f"Error while keeping files: {exc}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
