# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as Kubernetes writes its quantities."""

from __future__ import annotations


def quantity(value: int) -> str:
    """As the API server writes it, so that what comes back compares equal: 16Gi, 3G, 1536Mi, 7."""
    base, units = (1024, ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
    if value % 1024 or not value:
        base, units = (1000, ("", "k", "M", "G", "T", "P", "E"))
    power = 0
    while value and value % base == 0 and power < len(units) - 1:
        value //= base
        power += 1
    return f"{value}{units[power]}"
