# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `mock-nvml status` tells of mock GPUs, and how two such answers differ.

Pure functions. Imports: standard library.
"""

from __future__ import annotations

import json
import typing as t

Answer = dict[str, t.Any]
ByGpu = dict[str, Answer]

# In place of what differs, where that is nothing that `mock-nvml status` tells.
UNTOLD = "what mock-nvml status does not tell"

# What of a GPU can change besides its values.
PARTS = ("faults", "processes", "mig", "resets", "reset_required", "recovery_action")


def faults(status: Answer) -> dict[str, list[Answer]]:
    """The faults by "node" or the UUID of the GPU; whoever has none is left out."""
    found = {"node": status["node"]["faults"]}
    found.update((device["uuid"], device["faults"]) for device in status["devices"])
    return {name: present for name, present in found.items() if present}


def conditions(status: Answer) -> ByGpu:
    """The faults, and what is needed to recover, by "node" or the UUID of the GPU; whoever has none is left out."""
    found: ByGpu = {name: {"faults": present} for name, present in faults(status).items()}
    for device in status["devices"]:
        if device["recovery_action"] != "none":
            found.setdefault(device["uuid"], {})["recovery_action"] = device["recovery_action"]
    return found


def values(status: Answer, keys: t.Iterable[str], gpus: t.Container[str]) -> ByGpu:
    """Values by the UUID of the GPU and by key, of the GPUs with these UUIDs."""
    wanted = list(keys)
    return {
        device["uuid"]: {key: device["values"][key] for key in wanted if key in device["values"]}
        for device in status["devices"]
        if device["uuid"] in gpus
    }


def states(status: Answer, gpus: t.Container[str]) -> ByGpu:
    """All that is told of the GPUs with these UUIDs and that can change, by UUID."""
    return {
        device["uuid"]: {**device["values"], **{part: device[part] for part in PARTS}}
        for device in status["devices"]
        if device["uuid"] in gpus
    }


def differing(before: ByGpu, after: ByGpu) -> tuple[ByGpu, ByGpu]:
    """Of the states of GPUs, what is not the same in both. Who applies another description meanwhile makes others."""
    return (
        {uuid: differing_part(state, after.get(uuid, {})) for uuid, state in before.items()},
        {uuid: differing_part(state, before.get(uuid, {})) for uuid, state in after.items()},
    )


def differing_part(state: Answer, other: Answer) -> Answer:
    return {key: value for key, value in state.items() if key not in other or value != other[key]}


def tell_apart(before: ByGpu, after: ByGpu, gpus: t.Iterable[str], words: tuple[str, str]) -> None:
    """Locked clocks, an Xid error to come and the like are not told; that they change must be seen all the same."""
    for uuid in gpus:
        if before.get(uuid) == after.get(uuid):
            before.setdefault(uuid, {})[UNTOLD], after.setdefault(uuid, {})[UNTOLD] = words


def as_text(data: t.Any) -> str:
    """For a diff: one line for each thing, in the same order each time."""
    return json.dumps(data, indent=2, sort_keys=True) + "\n" if data else ""
