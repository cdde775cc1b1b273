# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `mock-nvml` of a driver root, which changes mock GPUs while programs use them.

Options become arguments and answers become results by pure functions; `call()` alone starts the command.
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


# In place of what differs, where that is nothing that `mock-nvml status` tells.
UNTOLD = "what mock-nvml status does not tell"


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
    before = call(command, root, ["status"])
    if not check:
        return Outcome(call(command, root, arguments), before, call(command, root, ["status"]))
    answer = call(command, root, [*arguments, "--dry-run"])
    if not answer["changed"]:
        return Outcome(answer, before, before)
    page = pathlib.Path(before["page"])
    if not os.access(page, os.W_OK):
        raise MockNvmlError(
            f"Error while foreseeing mock-nvml {arguments[0]} for driver root {root}: the device page {page} cannot be"
            " written here; run the task as root, where the driver root is not read-only"
        )
    with _device_page_copy.driver_root(page, folder) as copy:
        call(command, copy, arguments)
        return Outcome(answer, before, call(command, copy, ["status"]))


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


def by_key(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Values by the whole names of their keys, of a mapping that may be nested as in a profile."""
    flat: dict[str, t.Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update((f"{key}.{rest}", inner) for rest, inner in by_key(value).items())
        else:
            flat[str(key)] = value
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


def faults(status: Answer) -> dict[str, list[Answer]]:
    """The faults in an answer of `mock-nvml status`, by "node" or the UUID of the GPU; whoever has none is left out."""
    found = {"node": status["node"]["faults"]}
    found.update((device["uuid"], device["faults"]) for device in status["devices"])
    return {name: present for name, present in found.items() if present}


def values(status: Answer, keys: t.Iterable[str], gpus: t.Container[str]) -> dict[str, dict[str, t.Any]]:
    """Values in an answer of `mock-nvml status`, by the UUID of the GPU and by key, of the GPUs with these UUIDs."""
    wanted = list(keys)
    return {
        device["uuid"]: {key: device["values"][key] for key in wanted if key in device["values"]}
        for device in status["devices"]
        if device["uuid"] in gpus
    }


def states(status: Answer, gpus: t.Container[str]) -> dict[str, dict[str, t.Any]]:
    """All that `mock-nvml status` tells of the GPUs with these UUIDs and that can change, by UUID."""
    parts = ("faults", "processes", "mig")
    return {
        device["uuid"]: {**device["values"], **{part: device[part] for part in parts}}
        for device in status["devices"]
        if device["uuid"] in gpus
    }


def differing(before: dict[str, Answer], after: dict[str, Answer]) -> tuple[dict[str, Answer], dict[str, Answer]]:
    """Of the states of GPUs that have changed, what is not the same in both."""
    return (
        {uuid: differing_part(state, after[uuid], "changed") for uuid, state in before.items()},
        {uuid: differing_part(state, before[uuid], "as the profile says") for uuid, state in after.items()},
    )


def differing_part(state: Answer, other: Answer, untold: str) -> Answer:
    """Locked clocks, a recording that plays and the like are no values; that they change must be seen all the same."""
    return {key: value for key, value in state.items() if value != other.get(key)} or {UNTOLD: untold}


def as_text(data: t.Any) -> str:
    """For a diff: one line for each thing, in the same order each time."""
    return json.dumps(data, indent=2, sort_keys=True) + "\n" if data else ""
