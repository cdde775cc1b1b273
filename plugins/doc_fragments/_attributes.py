# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that several modules share."""

from __future__ import annotations


class ModuleDocFragment:
    # Modules that only read or judge.
    READ_ONLY = r"""
attributes:
  check_mode:
    description: Changes nothing, so it does the same in check mode.
    support: full
  diff_mode:
    description: Would say what the module changes.
    support: N/A
    details: The module changes nothing.
  idempotent:
    description: A second run gives the same state.
    support: full
requirements:
  - python >= 3.9
"""
