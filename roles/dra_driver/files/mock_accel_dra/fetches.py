# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims that are being read from the server, so that a release which comes meanwhile is not forgotten."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from .errors import ClaimError


class Fetch:
    """A file that its process keeps locked. Somebody who removes it says that the claim is not wanted any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def is_wanted(self) -> bool:
        return self._path.exists()

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._file)


class Fetches:
    """Those of all instances, in a folder that they share. All but a fetch's end is done under the instances' lock.

    The kubelet gives up preparing when the pod is deleted, and releases at once; the call that it has left goes on. In
    a rolling update it is another instance that is asked to release.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, uid: str) -> Fetch:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return Fetch(self._folder / f"{uid}.{secrets.token_hex(8)}")
        except OSError as error:
            raise ClaimError(f"nothing can be written to {self._folder}: {error.strerror}") from error

    def cancel(self, uid: str) -> None:
        try:
            for path in self._folder.glob(f"{uid}.*"):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ClaimError(f"nothing can be removed from {self._folder}: {error.strerror}") from error

    def remove_ended(self) -> None:
        """What killed processes have left. It has no effect."""
        for path in self._folder.glob("*"):
            with contextlib.suppress(OSError):
                file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(file)
