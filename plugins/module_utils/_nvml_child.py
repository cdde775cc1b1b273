# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a reader of NVML in a process of its own, so that a library that crashes or hangs is an error message.

The child is a fresh interpreter and not a fork: LD_LIBRARY_PATH and LD_PRELOAD only count at a program's start. It gets
the source of the few modules that it needs on its standard input, because Ansible ships modules in one zip file that is
no importable collection to another process. Its files are temporary ones, not pipes: nobody has to read while it runs.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import types
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import (
    _cffi_dep,
    _errors,
    _nvml_library,
    _nvml_read,
)
from ansible_collections.mirage.accel.plugins.module_utils._errors import LibraryError

# Makes the modules importable under their own names, then hands over to the last of them. The answer goes to a file
# descriptor of its own, since a library may print what it likes on the standard output.
BOOTSTRAP = """
import importlib.abc, importlib.util, json, os, sys
job = json.load(sys.stdin)
class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        package = any(module.startswith(name + ".") for module in job["sources"])
        if package or name in job["sources"]:
            return importlib.util.spec_from_loader(name, self, is_package=package)
    def get_source(self, name):
        return job["sources"].get(name, "")
    def is_package(self, name):
        return name not in job["sources"]
sys.meta_path.insert(0, Sources())
answer = importlib.import_module(job["entry"]).answer(job["library"])
with os.fdopen(int(sys.argv[1]), "w") as file:
    json.dump(answer, file)
"""

SOURCES = (_errors, _cffi_dep, _nvml_library, _nvml_read)

# A process that does not even end by SIGKILL hangs in the kernel; the module must come back all the same.
KILL_WAIT = 5.0
# How much of what the library printed is shown in an error.
PRINTED = 400


def read(
    library: str,
    timeout: float,
    env: dict[str, str | None],
    entry: types.ModuleType = _nvml_read,
    more: t.Sequence[types.ModuleType] = (),
) -> dict[str, t.Any]:
    """What the library tells of its GPUs, or a LibraryError; a variable of env that is None is taken away.

    entry has the function answer(); more are the modules that it needs besides.
    """
    job = {
        "library": library,
        "entry": entry.__name__,
        "sources": {module.__name__: inspect.getsource(module) for module in (*SOURCES, entry, *more)},
    }
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as result:
        stdin.write(json.dumps(job).encode())
        stdin.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-c", BOOTSTRAP, str(result.fileno())],
            stdin=stdin,
            stdout=printed,
            stderr=subprocess.STDOUT,
            pass_fds=[result.fileno()],
            env=_environment(env),
            # A group of its own, so that whatever the library starts can be ended with it.
            start_new_session=True,
        )
        ended = _wait(process, timeout)
        answer, words = _whole(result), _tail(printed)
    if not ended:
        raise LibraryError(
            f"Error while reading the NVML library {library}: no answer within {timeout:g} s, so the process was"
            f" killed{words}; see the kernel's log for a hanging driver, or set timeout higher"
        )
    if process.returncode < 0:
        raise LibraryError(
            f"Error while reading the NVML library {library}: the process was killed by"
            f" {_signal(-process.returncode)}{words};"
            " the library crashes: see that it fits the driver, and the kernel's log"
        )
    if process.returncode or not answer:
        raise LibraryError(
            f"Error while reading the NVML library {library}: the process ended with exit status {process.returncode}"
            f" and without an answer{words}; check the library, and the Python interpreter {sys.executable}"
        )
    decoded = json.loads(answer)
    if "error" in decoded:
        raise LibraryError(f"{decoded['error']}{words}")
    return decoded


def _environment(env: dict[str, str | None]) -> dict[str, str]:
    merged = {**os.environ, **env}
    return {name: str(value) for name, value in merged.items() if value is not None}


def _wait(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Whether the process ended by itself; afterwards nothing of its group runs."""
    try:
        process.wait(timeout)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_WAIT)


def _whole(file: t.IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _tail(file: t.IO[bytes]) -> str:
    """The end of what the library printed, ready to stand behind a reason."""
    text = " ".join(_whole(file).decode("utf-8", "replace").split())
    if not text:
        return ""
    return f" (it printed: {text if len(text) <= PRINTED else '... ' + text[-PRINTED:]})"


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
