# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mock GPUs a module changes, in words; GPU_ARGS of module_utils/_mock_nvml.py says the same as data."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  path:
    description: The driver root.
    type: path
    default: /var/lib/nvidia-mock/driver
  command:
    description: The C(mock-nvml) command. By default that of the driver root.
    type: path
  gpus:
    description: The GPUs, each by index, UUID or PCI bus id. By default all of them.
    type: list
    elements: str
    default: []
    aliases: [gpu]
requirements:
  - python >= 3.9
  - The role mock_nvml has put mock GPUs on the host.
"""
