# SPDX-License-Identifier: GPL-3.0-or-later
"""The points at which the node agent can be told to die (mock_accel_dra/points.py), in the order in which they come."""

from __future__ import annotations

CDI = [f"cdi-{name}" for name in ("opened", "half-written", "written", "renamed")]
CHECKPOINT = [
    f"checkpoint-{name}" for name in ("opened", "half-written", "written", "synced", "renamed", "folder-synced")
]
# With two devices, so that a point can lie between them.
PREPARE = [
    *(f"prepare-{name}" for name in ("entered", "not-known", "fetched", "locked", "computed")),
    *CDI,
    "prepare-cdi-written",
    "prepare-status-written:1",
    "prepare-status-written:2",
    "prepare-statuses-written",
    *CHECKPOINT,
    "prepare-recorded",
    "prepare-answered",
]
UNPREPARE = [
    "unprepare-entered",
    "unprepare-loaded",
    "unprepare-cdi-removed",
    "unprepare-status-written:1",
    "unprepare-status-written:2",
    "unprepare-statuses-written",
    *CHECKPOINT,
    "unprepare-recorded",
    "unprepare-answered",
]
