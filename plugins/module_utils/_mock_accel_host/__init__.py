# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which the kernel module mock_accel is to be loaded: facts are read, choices follow from facts alone.

Imports: standard library; `choices` and `facts` do not know each other.
"""
