# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to wait after failures in a row."""

from __future__ import annotations

import random

from .errors import Unavailable

# After a failure; each next wait is twice as long, up to the longest.
FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 10.0


class Backoff:
    """The waits after one kind of failure."""

    def __init__(self, longest: float) -> None:
        self._longest = min(longest, LONGEST_BACKOFF_S)
        self._next = FIRST_BACKOFF_S

    def reset(self) -> None:
        self._next = FIRST_BACKOFF_S

    def seconds(self, error: Exception) -> float:
        wait = min(self._next, self._longest)
        self._next *= 2
        wished = error.retry_after if isinstance(error, Unavailable) else None
        # Not all nodes of a cluster at once.
        return max(wait, wished or 0) * random.uniform(0.8, 1.2)
