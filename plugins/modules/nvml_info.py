#!/usr/bin/python
# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nvml_info
version_added: "0.1.0"
short_description: Ask an NVML library about the GPUs of a host
description:
  - Loads an NVML library, mock or real, and returns what it tells of every GPU.
  - The library runs in a process of its own. One that crashes or hangs is an error message and nothing worse.
  - What a GPU does not have (N/A in nvidia-smi) is V(null).
options:
  library:
    description:
      - Path of the library, or a name that the dynamic loader finds by itself.
      - That of role P(mirage.accel.mock_nvml#role) is V(/var/lib/nvidia-mock/driver/usr/lib64/libnvidia-ml.so.1).
    type: path
    default: libnvidia-ml.so.1
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
extends_documentation_fragment:
  - mirage.accel._attributes.read_only
requirements:
  - cffi >= 1.12 (Python library)
seealso:
  - module: mirage.accel.node_allocatable_verify
author:
  - mirage.accel contributors
"""

EXAMPLES = r"""
- name: Ask the driver of the host
  mirage.accel.nvml_info:
  register: nvml

- name: Ask the mock driver
  mirage.accel.nvml_info:
    library: /var/lib/nvidia-mock/driver/usr/lib64/libnvidia-ml.so.1
  register: mock

- name: Show name and memory of every GPU
  ansible.builtin.debug:
    msg: "{{ item.index }}: {{ item.name }} ({{ item.uuid }}), {{ item.memory.total | human_readable }}"
  loop: "{{ mock.gpus }}"
  loop_control:
    label: "{{ item.index }}"

- name: Try a profile before it is installed
  mirage.accel.nvml_info:
    library: native/nvml/build/libnvidia-ml.so.1
    env:
      MOCK_NVML_CONFIG: my-gpus.yaml
"""

RETURN = r"""
driver_version:
  description: Version of the driver.
  returned: success
  type: str
  sample: 550.163.01
nvml_version:
  description: Version of the library.
  returned: success
  type: str
  sample: 12.550.163.01
cuda_version:
  description: Version of CUDA that the driver supports.
  returned: success
  type: str
  sample: "12.4"
gpus:
  description: One entry for each GPU, in the library's order. Every key is always there.
  returned: success
  type: list
  elements: dict
  contains:
    index:
      description: Index of the GPU in the library.
      type: int
    errors:
      description:
        - Messages for the fields that could not be read for another reason than that the GPU does not have them; such a
          field is V(null). A GPU that cannot be opened at all (fallen off the bus) has C(handle) here, and every field
          is V(null).
      type: dict
    uuid:
      description: UUID of the GPU, for example V(GPU-3b1c2a4e-...).
      type: str
    name:
      description: Name of the product.
      type: str
    serial:
      description: Serial number of the board.
      type: str
    minor:
      description: The N of the device node C(/dev/nvidiaN).
      type: int
    compute_capability:
      description: CUDA compute capability, for example V(8.0).
      type: str
    memory:
      description: Memory in bytes.
      type: dict
      contains:
        total: {description: All of it., type: int}
        reserved: {description: Kept by the driver., type: int}
        used: {description: Allocated., type: int}
        free: {description: Not allocated., type: int}
    pci:
      description: Place on the PCI bus.
      type: dict
      contains:
        bus_id: {description: "For example V(00000000:07:00.0).", type: str}
        domain: {description: PCI domain., type: int}
        bus: {description: Bus., type: int}
        device: {description: Device on the bus., type: int}
        vendor_id: {description: "For example V(0x10de).", type: str}
        device_id: {description: "For example V(0x20b0).", type: str}
        subsystem_vendor_id: {description: Vendor of the board., type: str}
        subsystem_device_id: {description: Kind of the board., type: str}
        link_generation: {description: Generation of the PCIe link now., type: int}
        link_generation_max: {description: Highest generation of the PCIe link., type: int}
        link_width: {description: Lanes of the PCIe link now., type: int}
        link_width_max: {description: Highest number of lanes., type: int}
    clocks:
      description: By domain (V(graphics), V(sm), V(memory), V(video)) a dictionary of C(current) and C(max), in MHz.
      type: dict
    power:
      description: In watts.
      type: dict
      contains:
        usage: {description: Drawn now., type: float}
        limit: {description: As set., type: float}
        limit_enforced: {description: In force., type: float}
        limit_default: {description: After a reset., type: float}
        limit_min: {description: Lowest that can be set., type: float}
        limit_max: {description: Highest that can be set., type: float}
    performance_state:
      description: The N of the performance state PN.
      type: int
    temperature:
      description: In degrees Celsius.
      type: dict
      contains:
        gpu: {description: Of the GPU now., type: int}
        shutdown: {description: At which the GPU shuts down., type: int}
        slowdown: {description: At which the hardware slows the GPU down., type: int}
        memory_max: {description: At which hot memory slows the GPU down., type: int}
        gpu_max: {description: Up to which the GPU runs at full speed., type: int}
    utilization:
      description: In percent.
      type: dict
      contains:
        gpu: {description: Share of time in which kernels ran., type: int}
        memory: {description: Share of time in which memory was read or written., type: int}
        encoder: {description: Of the video encoder., type: int}
        decoder: {description: Of the video decoder., type: int}
    nvlinks:
      description: The NVLinks that the board has; an empty list where there are none.
      type: list
      elements: dict
      contains:
        link: {description: Number of the link., type: int}
        active: {description: Whether it is up., type: bool}
        version: {description: "Version of NVLink, for example V(3.0).", type: str}
        remote_bus_id: {description: "PCI bus id of the far end; V(null) while the link is down.", type: str}
    processes:
      description: The processes that use the GPU, each once, by process id.
      type: list
      elements: dict
      contains:
        pid: {description: Process id., type: int}
        name: {description: "Name of the program; V(null) where it is not to be seen.", type: str}
        type: {description: "As in nvidia-smi: V(C) compute, V(G) graphics, V(M+C) compute by way of MPS.", type: str}
        used_memory: {description: Memory in bytes., type: int}
        gpu_instance_id: {description: MIG GPU instance., type: int}
        compute_instance_id: {description: MIG compute instance., type: int}
    mig_mode:
      description: Whether MIG is on (C(current)) and will be after a reset (C(pending)).
      type: dict
    ecc_mode:
      description: Whether ECC is on (C(current)) and will be after a restart (C(pending)).
      type: dict
    persistence_mode:
      description: Whether the driver stays loaded without a client.
      type: bool
    compute_mode:
      description: Who may compute, V(default), V(exclusive_thread), V(prohibited) or V(exclusive_process).
      type: str
  sample:
    - index: 0
      errors: {}
      uuid: GPU-3b1c2a4e-5d6f-4a7b-8c9d-0e1f2a3b4c5d
      name: NVIDIA A100-SXM4-40GB
      serial: "1560220000001"
      minor: 0
      compute_capability: "8.0"
      memory: {total: 42949672960, reserved: 634388480, used: 0, free: 42315284480}
      clocks:
        graphics: {current: 210, max: 1410}
        sm: {current: 210, max: 1410}
        memory: {current: 1215, max: 1215}
        video: {current: 585, max: 1290}
      nvlinks:
        - {link: 0, active: true, version: "3.0", remote_bus_id: "00000008:00:00.0"}
      processes: []
      mig_mode: {current: false, pending: false}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep, _nvml_child
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError


def main() -> t.NoReturn:
    module = AnsibleModule(
        argument_spec={
            "library": {"type": "path", "default": "libnvidia-ml.so.1"},
            "timeout": {"type": "float", "default": 30},
            "env": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    if module.params["timeout"] <= 0:
        module.fail_json(
            msg=f"Error while reading the options: timeout must be above 0, not {module.params['timeout']}"
        )
    try:
        _cffi_dep.require()
        answer = _nvml_child.read(module.params["library"], module.params["timeout"], module.params["env"])
    except MirageError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
