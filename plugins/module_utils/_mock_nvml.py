# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `mock-nvml` of a driver root, which changes mock GPUs while programs use them.

Options become arguments and answers become results by pure functions; `call()` alone starts the command.
Imports: standard library and `_errors`.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError

Answer = dict[str, t.Any]
Call = t.Callable[[t.Sequence[str]], Answer]

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


def value_text(value: t.Any) -> str:
    """A value as `mock-nvml set` reads it: YAML's words for what is true, false and not there."""
    if value is None:
        return "N/A"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def set_arguments(values: t.Mapping[str, t.Any], gpus: t.Sequence[str]) -> list[str]:
    return ["set", *selected(gpus), *(f"{key}={value_text(value)}" for key, value in values.items())]


def faults(status: Answer) -> dict[str, list[Answer]]:
    """The faults in an answer of `mock-nvml status`, by "node" or the UUID of the GPU; whoever has none is left out."""
    found = {"node": status["node"]["faults"]}
    found.update((device["uuid"], device["faults"]) for device in status["devices"])
    return {name: present for name, present in found.items() if present}


def values(status: Answer, keys: t.Iterable[str]) -> dict[str, dict[str, t.Any]]:
    """Values in an answer of `mock-nvml status`, by the UUID of the GPU and by key."""
    wanted = list(keys)
    return {
        device["uuid"]: {key: device["values"][key] for key in wanted if key in device["values"]}
        for device in status["devices"]
    }


def as_text(data: t.Any) -> str:
    """For a diff: one line for each thing, in the same order each time."""
    return json.dumps(data, indent=2, sort_keys=True) + "\n" if data else ""
