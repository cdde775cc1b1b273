# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container sees of its devices, read from the output of commands, and compared with what was expected.

Imports the standard library only.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference

Json = dict[str, t.Any]
Differences = t.Iterator[Difference]

_UUID = re.compile(r"\(UUID: ((?:GPU|MIG)-[0-9A-Za-z-]+)\)")


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What a container must see. None asks nothing."""

    # By name: a text, None for "not there", or a mapping with the key regex.
    environment: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    device_nodes: tuple[str, ...] = ()
    absent_device_nodes: tuple[str, ...] = ()
    uuids: tuple[str, ...] | None = None
    gpu_count: int | None = None

    @property
    def looks_at_gpus(self) -> bool:
        return self.uuids is not None or self.gpu_count is not None


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was found inside; None where it was not looked for or could not be."""

    environment: dict[str, str] | None = None
    device_nodes: frozenset[str] | None = None
    uuids: tuple[str, ...] | None = None


def parse_environment(output: str) -> dict[str, str]:
    """Of `env`: one variable a line; a line that goes on from the one before it belongs to that one's value."""
    variables: dict[str, str] = {}
    last = None
    for line in output.splitlines():
        match = re.match(r"([A-Za-z_][A-Za-z0-9_.-]*)=(.*)", line)
        if match:
            last = match[1]
            variables[last] = match[2]
        elif last is not None:
            variables[last] += f"\n{line}"
    return variables


def parse_uuids(output: str) -> tuple[str, ...]:
    """Of `nvidia-smi -L`: UUIDs of GPUs, and of MIG devices where there are any."""
    found = _UUID.findall(output)
    return tuple(uuid for uuid in found if uuid.startswith("MIG-")) or tuple(found)


def compare(expected: Expectation, seen: Seen, path: str) -> Differences:
    """Every difference inside one container."""
    if seen.environment is not None:
        for name, wanted in sorted(expected.environment.items()):
            yield from _compare_variable(wanted, seen.environment.get(name), f"{path}.environment[{name}]")
    if seen.device_nodes is not None:
        for node in sorted(set(expected.device_nodes) - seen.device_nodes):
            yield Difference(f"{path}.device_nodes[{node}]", "character device", None)
        for node in sorted(set(expected.absent_device_nodes) & seen.device_nodes):
            yield Difference(f"{path}.device_nodes[{node}]", None, "character device")
    if seen.uuids is not None:
        yield from _compare_uuids(expected, seen.uuids, path)


def compare_health(wanted: str | None, statuses: t.Sequence[Json], path: str) -> Differences:
    """A difference for each device whose health is another; `statuses` are a container's allocatedResourcesStatus."""
    if wanted is None:
        return
    resources = [resource for status in statuses for resource in status.get("resources") or ()]
    if not resources:
        yield Difference(f"{path}.allocated_resources_status", "a status of each device", None)
    for resource in resources:
        if resource.get("health") != wanted:
            where = f"{path}.allocated_resources_status[{resource.get('resourceID')}]"
            yield Difference(where, wanted, resource.get("health"))


def _compare_variable(wanted: t.Any, actual: str | None, path: str) -> Differences:
    if isinstance(wanted, dict):
        if actual is None or re.search(wanted["regex"], actual) is None:
            yield Difference(path, f"text that {wanted['regex']} matches", actual)
    elif actual != (None if wanted is None else str(wanted)):
        yield Difference(path, wanted, actual)


def _compare_uuids(expected: Expectation, actual: tuple[str, ...], path: str) -> Differences:
    if expected.gpu_count is not None and len(actual) != expected.gpu_count:
        yield Difference(f"{path}.gpus.count", expected.gpu_count, len(actual))
    if expected.uuids is not None:
        for uuid in sorted(set(expected.uuids) - set(actual)):
            yield Difference(f"{path}.gpus[{uuid}]", "present", None)
        for uuid in sorted(set(actual) - set(expected.uuids)):
            yield Difference(f"{path}.gpus[{uuid}]", None, "present")
