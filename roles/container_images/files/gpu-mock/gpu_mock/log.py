# SPDX-License-Identifier: GPL-3.0-or-later
"""One line per event on standard output, where `kubectl logs` finds it."""

from __future__ import annotations

import datetime
import sys


def line(message: str) -> None:
    """Print one line with the time."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    print(f"{now} {message}", file=sys.stdout, flush=True)
