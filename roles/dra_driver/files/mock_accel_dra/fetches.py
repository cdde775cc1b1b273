# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims that are being read from the server, so that a release which comes meanwhile is not forgotten.

The kubelet gives up preparing when the pod is deleted, and releases at once; the call that it has left goes on. In a
rolling update it is another instance that is asked to release.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
import typing as t
from pathlib import Path

from . import log
from .errors import ClaimError, FetchError

# A file whose process has not locked it within that time has none any more.
_BEGUN_S = 60.0


class Fetch:
    """One claim's: a file that its process keeps locked, and that whoever releases the claim removes."""

    def __init__(self, folder: Path, uid: str) -> None:
        self._folder = folder
        self._path = folder / f"{uid}.{secrets.token_hex(8)}"
        self._descriptor = -1
        # Told when it matters: a claim that is prepared already is not read.
        self._error: OSError | None = None
        unlocked = folder / f".{self._path.name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(unlocked, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            unlocked.rename(self._path)
        except OSError as error:
            self._error = error
            with contextlib.suppress(OSError):
                unlocked.unlink()

    def check(self) -> None:
        """Raise where the claim is not wanted any more, or where nobody could say so."""
        if self._error:
            raise FetchError(
                f"Error while noting in {self._folder} that the claim is being read: {self._error.strerror}"
            )
        if not os.fstat(self._descriptor).st_nlink:
            raise ClaimError(f"it has been released meanwhile, or somebody has emptied {self._folder}")

    def end(self) -> None:
        if not self._error:
            with contextlib.suppress(OSError):
                self._path.unlink()
        if self._descriptor >= 0:
            os.close(self._descriptor)


class Fetches:
    """The claims that instances which share a folder are reading."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def begun(self, uid: str) -> t.Iterator[Fetch]:
        """Before the lock is waited for, so that a release which gets it first is heard too."""
        fetch = Fetch(self._folder, uid)
        try:
            yield fetch
        finally:
            fetch.end()

    def cancel(self, uid: str) -> None:
        """Say to all who are reading the claim that it is not wanted any more."""
        try:
            for path in self._entries():
                if path.name.startswith(f"{uid}."):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise FetchError(
                f"Error while saying in {self._folder} that the claim is released: {error.strerror}"
            ) from error

    def remove_ended(self) -> None:
        """Remove what killed processes have left, which has no effect."""
        try:
            for path in self._entries():
                hidden = path.name.startswith(".")
                if not (hidden and time.time() - path.lstat().st_mtime < _BEGUN_S):
                    _remove_unlocked(path)
        except OSError as error:
            log.warning("What killed processes have left stays", folder=self._folder, reason=error.strerror)

    def _entries(self) -> list[Path]:
        try:
            return list(self._folder.iterdir())
        except FileNotFoundError:
            return []


def _remove_unlocked(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)
