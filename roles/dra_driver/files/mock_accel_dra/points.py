# SPDX-License-Identifier: GPL-3.0-or-later
"""Places where a test may have the process die, as by kill -9; without the variable they do nothing.

MOCK_ACCEL_DRA_DIE_AT names the point, and with ":N" behind it the Nth time that it is reached.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "MOCK_ACCEL_DRA_DIE_AT"

_POINT, _, _COUNT = os.environ.get(VARIABLE, "").partition(":")
_remaining = int(_COUNT or 1)


def reached(name: str) -> None:
    global _remaining
    if name != _POINT:
        return
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
        # The first process of a container cannot be killed from within.
        os._exit(128 + signal.SIGKILL)
