# SPDX-License-Identifier: GPL-3.0-or-later
"""What Linux itself says to nonsense and to haste, so that whatever else a kernel warns of stands out."""

from __future__ import annotations

import re

EXPECTED = (
    # Writers of sriov_numvfs that did not wait for each other.
    r"\d+ VFs already enabled\. Disable before enabling",
    # Words in a file `uevent` that no action has.
    r"synth uevent: .*: ",
    r"uevent: failed to send synthetic uevent: -\d+",
    # A node in a PCI function's file `numa_node`: the machine's firmware is blamed for it.
    r"\[Firmware Bug\]: Overriding NUMA node to",
    # Settings and places that the module refuses, one line each.
    r"^mock_accel: .*: \w+ must be ",
    r"^mock_accel: .*: \w+ can be set while enable is 0 only$",
    r"^mock_accel: .*: root bus \S+ has (something in that slot|no free slot)$",
    r"^mock_accel: .*: root bus \S+ is at NUMA node -?\d+, not \d+$",
    r"^mock_accel: .*: NUMA node \d+ is asked for, which this machine does not have$",
    r"^mock_accel: .*: numa_node names node \d+, which this machine does not have$",
    r"^mock_accel: .*: PCI domain \S+ is in use: choose another one$",
)
_EXPECTED = re.compile("|".join(EXPECTED))

# What no refused memory explains.
_TROUBLE = re.compile(
    r"\[ cut here \]|\bBUG\b|WARNING|KASAN|Oops|general protection|INFO: |ODEBUG|refcount_t|[Cc]orruption|"
    r"circular locking|recursive locking|suspicious RCU|cannot create duplicate|already registered"
)


def trouble(lines: list[str]) -> list[str]:
    """The lines by which a kernel says that something is wrong with it, not that something could not be done."""
    return [line for line in lines if _TROUBLE.search(line)]


def unexpected(lines: list[str]) -> list[str]:
    """The warnings that neither hasty nor nonsensical writing explains."""
    return [line for line in lines if not _EXPECTED.search(line)]
