# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's word that something was removed from a folder, or the folder itself (inotify)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import typing as t
from pathlib import Path

from .errors import ServerError

_MOVED_FROM, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x40, 0x200, 0x400, 0x800
_REMOVED = _MOVED_FROM | _DELETE | _DELETE_SELF | _MOVE_SELF
_BUFFER = 1 << 16


class Removals:
    """Waits for removals from some folders; another thread may close it."""

    def __init__(self, folders: t.Iterable[Path]) -> None:
        self._folders = sorted(set(folders))
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._inotify < 0:
            raise ServerError(f"Error while asking for inotify: {os.strerror(ctypes.get_errno())}")
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._inotify, select.POLLIN)
        self._poll.register(self._end, select.POLLIN)
        self.look()

    def look(self) -> None:
        """Watch the folders that are there now: one that was made anew is another one."""
        for folder in self._folders:
            # One that cannot be watched is one of which nothing is heard until it is looked for again.
            self._libc.inotify_add_watch(self._inotify, os.fsencode(folder), _REMOVED)

    def wait(self, seconds: float | None) -> bool:
        """Return when something was removed, or after that time: true; false when this has been closed."""
        ready = {handle for handle, _ in self._poll.poll(None if seconds is None else seconds * 1000)}
        if self._end in ready:
            os.close(self._inotify)
            os.close(self._end)
            return False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._inotify, _BUFFER):
                pass
        return True

    def close(self) -> None:
        os.eventfd_write(self._end, 1)
