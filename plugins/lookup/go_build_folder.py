# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: go_build_folder
short_description: The cache folder of a go_build
version_added: 0.1.0
description:
  - Says where M(mirage.accel.go_build) puts, or has put, the programs of a build.
  - It runs inside the controller and starts no module. A role that asks it first runs M(mirage.accel.go_build) only for
    what is missing in the cache.
author:
  - mirage.accel contributors (@mirage-accel)
options:
  _terms:
    description: Builds, each with the options that M(mirage.accel.go_build) gets.
    type: list
    elements: dict
    required: true
  cache_dir:
    description: The cache folder.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Build what is not in the cache
  mirage.accel.go_build:
    name: "{{ item.name }}"
    version: "{{ item.version }}"
    src: "{{ item.src }}"
    cache_dir: "{{ cache }}"
  loop: "{{ builds }}"
  when: lookup('mirage.accel.go_build_folder', item, cache_dir=cache) is not directory
"""

RETURN = r"""
_list:
  description: Folders, in the order of the builds. They exist when the programs are in the cache.
  type: list
  elements: path
"""

import subprocess
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._go_build import (
    ask_go_version,
    cache_folder,
    describe,
    find_go,
)


def run_quietly(command: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a command with some more environment."""
    done = subprocess.run(
        ["env", *(f"{k}={v}" for k, v in environment.items()), *command], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


class LookupModule(LookupBase):
    """The lookup; the key is computed by the module's own function."""

    def run(self, terms: list[t.Any], variables: t.Any = None, **kwargs: t.Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        cache_dir = str(Path(self.get_option("cache_dir")).expanduser())
        try:
            version = ask_go_version(find_go(), run_quietly)
            return [str(cache_folder(cache_dir, describe(dict(term)), version)) for term in terms]
        except MirageError as exc:
            raise AnsibleError(f"Error while looking for a build in {cache_dir}: {exc}") from exc
