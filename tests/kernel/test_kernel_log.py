# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings that stand for something are told from those that do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kernel_log import trouble, unexpected

# Refusals of the module that no nonsense in configfs explains: there something is wrong with it or with the machine.
TROUBLES = {
    "no memory for root bus %04x:%02x",
    "no memory for the function",
    "%04x:%02x:%02x.0 cannot be added: error %d",
    "there is no setting %s",
}


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


def refusals(sources: Path) -> dict[str, str]:
    """Every reason that the module gives for not plugging or setting a function, with a line that it prints for it."""
    found = {}
    for name in ("mock_accel_function.c", "mock_accel_bus.c", "mock_accel_pf.c"):
        calls = re.findall(
            r'(?:snprintf\(reason, size,|REFUSE\([^,]+,)\s*"([^"]+)"([^;]*);', (sources / name).read_text()
        )
        for reason, arguments in calls:
            choices = re.findall(r'"([^"]+)"', arguments) or ["vendor"]
            for choice in choices:
                shown = re.sub(r"%0?\d*[dux]", "1", reason).replace("%s", choice)
                found[f"mock_accel: extra: {shown}"] = reason
    return found


def test_each_refusal_of_the_module_is_known(repo: Path) -> None:
    """A new reason is judged here, before some run of random nonsense meets it."""
    lines = refusals(repo / "native" / "mock_accel")
    assert len(lines) >= 11
    assert {reason for line, reason in lines.items() if unexpected([line])} == TROUBLES
