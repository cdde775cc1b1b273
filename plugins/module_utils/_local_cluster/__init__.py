# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the embedded cluster does to a host: read its facts, judge them, prepare it, and put it back.

`choices` and `iptables` are pure functions of plain data. `facts`, `host` and `processes` read or change the host and
judge nothing.
"""
