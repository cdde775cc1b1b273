# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCI functions that the kernel module mock_accel makes: what a host shows of them, and their virtual functions.

`function`, `registers`, `use` and `plan` are pure functions of plain data. `tree` and `openers` read the host and judge
nothing; `change` carries out what `plan` has found right.
"""
