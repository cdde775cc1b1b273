# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGTERM and SIGINT, by which the kubelet and a user's terminal end a program."""

from __future__ import annotations

import signal
import threading
import typing as t

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def on_signal(end: t.Callable[[], object]) -> None:
    """Have a thread call `end` when one comes. To be called before other threads begin.

    Not a handler: Python runs those in the main thread, which does not hear of one that comes just before it waits.
    """
    # Threads inherit this; the one below takes what is blocked.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def wait() -> None:
        signal.sigwait(_SIGNALS)
        end()

    threading.Thread(target=wait, name="signals", daemon=True).start()
