# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `mock-nvml` of a driver root, which changes mock GPUs while programs use them.

How a module's options become its arguments, and how it is run, in check mode on a copy of the device page.
Imports: standard library, `_device_page_copy` and `_errors`.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _device_page_copy
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

Answer = dict[str, t.Any]

# Options of every module that changes mock GPUs; the fragment _mock_gpus says the same in words.
GPU_ARGS: dict[str, t.Any] = {
    "path": {"type": "path", "default": "/var/lib/nvidia-mock/driver"},
    "command": {"type": "path"},
    "gpus": {"type": "list", "elements": "str", "default": [], "aliases": ["gpu"]},
}

# Options of a fault by the names of the module's options; a value is handed on as text.
FAULT_OPTIONS = {
    "after": "--after",
    "duration": "--for",
    "after_calls": "--after-calls",
    "probability": "--probability",
    "seed": "--seed",
    "code": "--code",
    "latency": "--latency",
    "count": "--count",
    "location": "--location",
    "link": "--link",
    "temperature": "--temperature",
    "clock": "--clock",
    "health": "--health",
}


class MockNvmlError(MirageError):
    """The mock GPUs of a driver root could not be changed or looked at."""


def call(command: pathlib.Path, root: pathlib.Path, arguments: t.Sequence[str]) -> Answer:
    """What `mock-nvml` answers, as data. Its own error is the reason of ours."""
    argv = [str(command), "--root", str(root), *arguments, "--json"]
    what = f"Error while running mock-nvml {arguments[0]} for driver root {root}"
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MockNvmlError(f"{what}: there is no {command}: install it with the role mock_nvml") from error
    except OSError as error:
        raise MockNvmlError(f"{what}: {error}") from error
    if done.returncode != 0:
        raise MockNvmlError(f"{what}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise MockNvmlError(f"{what}: it did not answer in JSON ({error})") from error
    return t.cast(Answer, answer)


class Outcome(t.NamedTuple):
    """What a command has changed, with the states before and after it (`mock-nvml status`)."""

    answer: Answer
    before: Answer
    after: Answer


def change(params: t.Mapping[str, t.Any], arguments: t.Sequence[str], check: bool, folder: str) -> Outcome:
    """Change the GPUs of a driver root. In check mode a copy of their state, in the folder, is changed instead."""
    root = pathlib.Path(params["path"])
    command = pathlib.Path(params["command"] or root / "usr/bin/mock-nvml")
    return foresee(command, root, arguments, folder) if check else run(command, root, arguments)


def run(command: pathlib.Path, root: pathlib.Path, arguments: t.Sequence[str]) -> Outcome:
    before = call(command, root, ["status"])
    answer = call(command, root, arguments)
    return Outcome(answer, before, call(command, root, ["status"]))


def foresee(command: pathlib.Path, root: pathlib.Path, arguments: t.Sequence[str], folder: str) -> Outcome:
    # Without --dry-run the first status after a boot writes to the page: what the boot has ended is taken out.
    page = pathlib.Path(call(command, root, ["status", "--dry-run"])["page"])
    with _device_page_copy.driver_root(page, folder) as copy:
        try:
            outcome = run(command, copy, arguments)
        except MockNvmlError as error:
            # The copy is gone when that is read.
            raise MockNvmlError(
                f"{str(error).replace(str(copy), str(root))}; check mode has tried it on a copy of the device page, in"
                " the folder for Ansible's temporary files"
            ) from error
    if outcome.answer["changed"] and not os.access(page, os.W_OK):
        raise MockNvmlError(
            f"Error while foreseeing mock-nvml {arguments[0]} for driver root {root}: the device page {page} cannot be"
            " written here; run the task as root, where the driver root is not read-only"
        )
    return outcome


def changed_gpus(answer: Answer) -> list[str]:
    """UUIDs of the GPUs that a command has changed."""
    return [device["uuid"] for device in answer["devices"] if device["changed"]]


def selected(gpus: t.Sequence[str]) -> list[str]:
    """Arguments that name GPUs; none stands for all."""
    return ["-i", ",".join(gpus)] if gpus else []


def fault_arguments(kind: str, gpus: t.Sequence[str], options: t.Mapping[str, t.Any]) -> list[str]:
    """`mock-nvml fail`: options that are None are left out."""
    arguments = ["fail", kind, *selected(gpus)]
    for name, flag in FAULT_OPTIONS.items():
        value = options.get(name)
        arguments += [flag, str(value)] if value is not None else []
    return arguments


def by_key(values: t.Mapping[str, t.Any], above: str = "") -> dict[str, t.Any]:
    """Values by the whole names of their keys, of a mapping that may be nested as in a profile."""
    flat: dict[str, t.Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        found = by_key(value, f"{name}.") if isinstance(value, dict) else {name: value}
        if not found:
            raise MockNvmlError(
                f"Error while reading the options: values has nothing in {name}; leave it out, or say what to set in it"
            )
        twice = sorted(flat.keys() & found.keys())
        if twice:
            raise MockNvmlError(f"Error while reading the options: values has {twice[0]} twice; leave one of them out")
        flat.update(found)
    return flat


def value_text(value: t.Any) -> str:
    """A value as `mock-nvml set` reads it: YAML's words for what is true, false and not there."""
    if value is None:
        return "N/A"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def set_arguments(values: t.Mapping[str, t.Any], gpus: t.Sequence[str]) -> list[str]:
    return ["set", *selected(gpus), *(f"{key}={value_text(value)}" for key, value in values.items())]
