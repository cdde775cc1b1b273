# SPDX-License-Identifier: GPL-3.0-or-later
"""The control command: the only reader of profiles, and the only writer of config.yaml and the device page."""

from __future__ import annotations

import json
import subprocess
import typing as t

from .errors import GpuMockError, RefusedError
from .settings import Settings

TIMEOUT_S = 60
INVALID_FILE = 1


def check(settings: Settings) -> None:
    """Refuse a description that the library would refuse, before anything is changed."""
    _run(settings, ["check", str(settings.config_file)])


def would_change(settings: Settings) -> bool:
    """Whether applying the description would change what the node has."""
    return bool(_apply(settings, ["--dry-run"])["changed"])


def apply(settings: Settings) -> bool:
    """Write config.yaml and the device page; nothing is touched that is right already."""
    return bool(_apply(settings, [])["changed"])


def _apply(settings: Settings, options: list[str]) -> dict[str, t.Any]:
    arguments = [
        "--root",
        str(settings.driver_root),
        "apply",
        "--json",
        *options,
        "--count",
        str(settings.count),
        "--driver-version",
        settings.driver_version,
        "--node-name",
        settings.node_name,
        str(settings.config_file),
    ]
    output = _run(settings, arguments)
    try:
        return json.loads(output)
    except ValueError as error:
        raise GpuMockError(f"Error while reading the answer of mock-nvml apply: {error}: {output[:200]!r}") from error


def _run(settings: Settings, arguments: list[str]) -> str:
    command = str(settings.payload / "usr/bin/mock-nvml")
    try:
        done = subprocess.run([command, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GpuMockError(f"Error while running {command}: {error}") from error
    if done.returncode == 0:
        return done.stdout
    reason = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
    if done.returncode == INVALID_FILE:
        raise RefusedError(f"the description of the GPUs is refused: {reason}")
    raise GpuMockError(f"Error while running mock-nvml {' '.join(arguments)}: {reason}")
