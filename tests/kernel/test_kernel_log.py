# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings that stand for something are told from those that do not."""

from __future__ import annotations

import pytest
from kernel_log import trouble, unexpected


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("mock-accel 1000:00:00.0: 4 VFs already enabled. Disable before enabling 2 VFs", False),
        ("synth uevent: /devices/pci1000:00/1000:00:00.0: unknown uevent action string", False),
        ("mock_accel: extra: vendor must be 0x2 to 0xfffe", False),
        ("mock_accel: extra: root bus 1000:00 has no free slot", False),
        ("mock_accel: extra: 1000:00:01.0 cannot be added: error -5", True),
        ("proc_dir_entry '1000:00/00.2' already registered", True),
        ("watchdog: BUG: soft lockup - CPU#0 stuck for 46s! [(udev-worker):1298]", True),
        ("pci ffff:07:01.0: not ready after 65535ms; giving up", True),
    ],
)
def test_unexpected(line: str, counts: bool) -> None:
    assert unexpected([line]) == [line] * counts


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("python3: vmalloc error: size 28672, vm_struct allocation failed, mode:0xcc0(GFP_KERNEL)", False),
        ("really_probe: driver_sysfs_add(1000:00:00.0) failed", False),
        ("WARNING: CPU: 0 PID: 156 at fs/proc/generic.c:398 proc_register+0x4bd/0x770", True),
        ("general protection fault, probably for non-canonical address 0xdffffc0000000021: 0000 [#1] SMP KASAN", True),
        ("BUG: KASAN: use-after-free in mock_accel_read+0x10/0x20 [mock_accel]", True),
        ("WARNING: possible circular locking dependency detected", True),
        ("INFO: task rmmod:123 blocked for more than 60 seconds.", True),
    ],
)
def test_trouble(line: str, counts: bool) -> None:
    assert trouble([line]) == [line] * counts
