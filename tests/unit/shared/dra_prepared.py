# SPDX-License-Identifier: GPL-3.0-or-later
"""A prepared claim of the DRA driver, to be changed as a test likes."""

from __future__ import annotations

from mock_accel_dra.prepared import ClaimRef, PreparedClaim, PreparedDevice

DEVICE = PreparedDevice(
    name="mock0_vf1",
    device_name="mock0-vf1",
    parent="mock0",
    pool="worker-0",
    requests=("accel",),
    cdi_name="claim-u0-mock0-vf1",
    uuid="60faed32",
    pci_address="1000:00:00.2",
    device_node="/dev/mock0_vf1",
    major=240,
    minor=2,
)
CLAIM = PreparedClaim(ClaimRef("default", "c0", "u0"), (DEVICE,))
