#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_profile
version_added: "0.1.0"
short_description: Make a profile of mock GPUs from the GPUs of a host
description:
  - Makes the profile with which the mock driver shows the same GPUs elsewhere, from a host's NVML library, from a
    document of C(nvidia-smi -q -x), or from both.
  - The library runs in a process of its own. One that crashes or hangs is an error message and nothing worse.
  - What the source does not tell is left out and listed in RV(untold); nothing is guessed. What a board does not have
    (N/A in nvidia-smi) is V(N/A).
  - GPUs that differ from most are described by what is different.
options:
  library:
    description:
      - Path of the NVML library, or a name that the dynamic loader finds by itself.
      - Without it and O(src) it is V(libnvidia-ml.so.1). With both, O(src) tells what the library does not.
    type: path
  src:
    description:
      - Path, on the host, of a document that C(nvidia-smi -q -x) has printed.
      - Of links and places it tells less than the library, and of part numbers more.
    type: path
  gpus:
    description:
      - Indexes of the GPUs to describe, for a host with several models. They are numbered anew from 0.
      - Without it, all of them are described.
    type: list
    elements: int
    default: []
  scrub:
    description:
      - Leave out who the GPUs are. UUIDs and serial numbers, and PCI domains, then follow from the name of the node
        that gets the profile; serial numbers of chassis and UUIDs of clusters are numbered from 1; processes are left
        out.
      - With V(false) UUIDs, serial numbers, PCI addresses, chassis, clusters and processes are written as they are, and
        two nodes with the profile have the same. PDI and fabric GUID, for which a profile has no key, are always left
        out.
    type: bool
    default: true
  dest:
    description:
      - File to write the profile to. Its folder is made where it is missing.
      - A file from the same GPUs stays as it is while only readings have moved (temperatures, power, clocks in use and
        the like), and nobody has changed it.
    type: path
  mode:
    description:
      - Mode of the file, as an octal number in quotes. Without quotes it is what YAML makes of it, so that V(0644) is
        the same and V(644) another.
    type: raw
    default: "0644"
  timeout:
    description: Seconds after which a library that has not answered is given up.
    type: float
    default: 30
  env:
    description:
      - Environment variables of the process that loads the library, for example E(MOCK_NVML_CONFIG) or
        E(LD_LIBRARY_PATH). An empty value (V(null)) takes a variable away.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Reads the GPUs and tells whether O(dest) would be written, and writes nothing.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
  idempotent:
    description: A second run gives the same state.
    support: full
requirements:
  - python >= 3.9
  - cffi >= 1.12 (Python library), where a library is read
seealso:
  - module: mirage.accel.nvml_info
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Describe the GPUs of this host
  mirage.accel.gpu_profile:
    dest: /root/my-gpus.yaml

- name: Describe a board of which there is only a document
  mirage.accel.gpu_profile:
    src: /root/nvidia-smi-q-x.xml
    dest: /root/my-gpus.yaml

- name: Describe the GPUs of this host by all that both sources tell
  block:
    - name: Have nvidia-smi tell what it knows
      ansible.builtin.command:
        argv: [nvidia-smi, -q, -x, -f, /root/nvidia-smi-q-x.xml]
      changed_when: false

    - name: Make the profile
      mirage.accel.gpu_profile:
        library: libnvidia-ml.so.1
        src: /root/nvidia-smi-q-x.xml
        dest: /root/my-gpus.yaml
      register: capture

    - name: Say what is missing
      ansible.builtin.debug:
        var: capture.untold
"""

RETURN = r"""
profile:
  description: The profile as data.
  returned: success
  type: dict
  sample:
    version: "1.0"
    system: {driver_version: 580.173.02, cuda_version: "13.0", num_devices: 4}
    device_defaults: {name: NVIDIA GB200, brand: nvidia, architecture: blackwell}
untold:
  description:
    - Keys of a profile that clients look for and the source does not tell. A board may have what they say.
    - A document tells that there is a fan, or a MIG mode, but not how many fans or GPU instances; then 1 is written,
      and the key is listed here.
  returned: success
  type: list
  elements: str
  sample: [num_multiprocessors]
notes:
  description: What is not in the profile as the source tells it, one sentence each.
  returned: success
  type: list
  elements: str
  sample: ["PCI domains are kept: only they tell the addresses of these GPUs apart."]
dest:
  description: The file.
  returned: success and O(dest) is given
  type: str
  sample: /root/my-gpus.yaml
"""

import stat
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep, _nvml_child
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import (
    file,
    nvml_source,
    profile,
    smi_source,
)
from ansible_collections.mirage.accel.plugins.module_utils._write_file import write_file

LIBRARY = "libnvidia-ml.so.1"
HIGHEST_MODE = 0o7777


class CaptureError(MirageError):
    """An option, or a file that an option names, cannot be used."""


def read_facts(params: dict[str, t.Any]) -> tuple[dict[str, t.Any], str]:
    """What the sources tell, and what they are called in messages."""
    library = params["library"] or (None if params["src"] else LIBRARY)
    document = read_document(params["src"]) if params["src"] else None
    if library is None:
        return t.cast("dict[str, t.Any]", document), params["src"]
    _cffi_dep.require()
    facts = _nvml_child.read(library, params["timeout"], params["env"], nvml_source, nvml_source.MODULES)
    if document is None:
        return facts, library
    return profile.fill(facts, document, params["src"]), f"{library} and {params['src']}"


def read_document(path: str) -> dict[str, t.Any]:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CaptureError(
            f"Error while reading the document {path}: {error.strerror}; make it on the host with nvidia-smi -q -x"
        ) from error
    return smi_source.read(content, path)


def keep_file(module: AnsibleModule, made: file.File) -> dict[str, t.Any]:
    """Write a file that differs; what of it to answer."""
    path, mode = Path(module.params["dest"]), file_mode(module.params["mode"])
    try:
        before = path.read_bytes().decode("utf-8", "replace") if path.exists() else None
        same = before is not None and made.is_kept_by(before)
        changed = not same or stat.S_IMODE(path.stat().st_mode) != mode
        if changed and not module.check_mode:
            write_file(path, (before if same and before else made.text).encode(), mode)
    except OSError as error:
        raise CaptureError(
            f"Error while writing the profile to {path}: {error.strerror}; set dest to a file in a folder that can be"
            " written"
        ) from error
    after = (before or "") if same else made.text
    diff = {"before_header": str(path), "after_header": str(path), "before": before or "", "after": after}
    return {"changed": changed, "dest": str(path), "diff": diff}


def file_mode(given: t.Any) -> int:
    """A number is one that YAML has read: its 0644 has become 420, and is not to be read as octal once more."""
    try:
        # YAML's true is a number to Python, and no text of it is octal.
        mode = given if isinstance(given, int) and not isinstance(given, bool) else int(str(given), 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= HIGHEST_MODE:
        raise CaptureError(
            "Error while reading the options: mode must be an octal number in quotes, such as '0644', and at most"
            f" '7777', not {given}"
        )
    return mode


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    if params["timeout"] <= 0:
        raise CaptureError(f"Error while reading the options: timeout must be above 0, not {params['timeout']}")
    facts, source = read_facts(params)
    made = profile.make(facts, source, params["gpus"], params["scrub"])
    result = {"changed": False, "profile": made.profile, "untold": made.untold, "notes": made.notes}
    if params["dest"]:
        still = profile.make(profile.at_rest(facts), source, params["gpus"], params["scrub"])
        kinds = [
            kind
            for kind, given in (("its library", "nvml_version"), ("nvidia-smi -q -x", "document"))
            if facts.get(given)
        ]
        result.update(keep_file(module, file.make(made, still, kinds)))
    return result


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "library": {"type": "path"},
            "src": {"type": "path"},
            "gpus": {"type": "list", "elements": "int", "default": []},
            "scrub": {"type": "bool", "default": True},
            "dest": {"type": "path"},
            "mode": {"type": "raw", "default": "0644"},
            "timeout": {"type": "float", "default": 30},
            "env": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except MirageError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
