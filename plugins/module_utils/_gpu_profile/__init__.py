# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a board that exists to a profile of mock GPUs.

Two sources (`nvml_source`, `smi_source`) tell the same plain data, `facts`; `profile` makes it a profile and `text` its
YAML. Everything but `nvml_*` is pure, and nothing here knows of Ansible: `nvml_*` runs in the child of `_nvml_child`.
"""
