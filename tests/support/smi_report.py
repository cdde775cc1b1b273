# SPDX-License-Identifier: GPL-3.0-or-later
"""A document of `nvidia-smi -q -x` as fields, and how much of one from a real board another has.

A field is a leaf element, named by its path; a list (supported clocks) is one field. Fields count that are in both
documents.
"""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

# Who the board is and where it sits, not what it is: derived from node and index.
IDENTIFIERS = {"serial", "uuid", "board_id", "pci/pci_bus", "pci/pci_domain", "pci/pci_bus_id"}
# Readings that move on an idle board; the profile has those of the capture, which is not required.
MOVING = {f"clocks/{name}_clock" for name in ("graphics", "sm", "mem", "video")}
LISTS_OF_PROCESSES = {"processes", "accounted_processes"}
# Fields newer than 550: nothing that the library answers can make 550.163.01 print them.
NEWER_THAN_550 = {
    "platformInfo",
    "gpu_recovery_action",
    "dram_encryption_mode",
    "power_smoothing",
    "power_profiles",
    "fabric/health/summary",
    "fabric/health/route_recovery_in_progress",
    "fabric/health/route_unhealthy",
    "fabric/health/access_timeout_recovery",
    "fabric/health/incorrect_configuration",
    "fabric/health/partition_assigned",
    "capabilities",
    "display_attached",
    "pdi",
    "clocks_event_reasons_counters",
    "ecc_errors/channel_repair_pending",
    "ecc_errors/tpc_repair_pending",
    "ecc_errors/unrepairable_memory",
    "remapped_rows/remapped_row_corr_inactive",
    "remapped_rows/remapped_row_unc_inactive",
}


def leaves(gpu: ElementTree.Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}

    def walk(element: ElementTree.Element, path: str) -> None:
        for child in element:
            name = f"{path}/{child.tag}" if path else child.tag
            if len(child):
                walk(child, name)
            else:
                found.setdefault(name, []).append((child.text or "").strip())

    walk(gpu, "")
    return found


def counts(name: str) -> bool:
    return name not in IDENTIFIERS | MOVING and name.split("/")[0] not in LISTS_OF_PROCESSES


def is_newer(name: str) -> bool:
    parts = name.split("/")
    return any("/".join(parts[:n]) in NEWER_THAN_550 for n in range(1, len(parts) + 1))


class Comparison(t.NamedTuple):
    fields: list[str]
    different: dict[str, tuple[list[str], list[str] | None]]

    @property
    def equal(self) -> int:
        return len(self.fields) - len(self.different)

    @property
    def share(self) -> float:
        """Per cent."""
        return 100 * self.equal / len(self.fields)

    def describe(self, name: str) -> str:
        lines = [f"{name}: {self.equal} of {len(self.fields)} fields as on the real board, {self.share:.1f} %"]
        for field, (wanted, got) in self.different.items():
            lines.append(f"  {field}: real {wanted[:2]}, here {got[:2] if got else 'missing'}")
        return "\n".join(lines)


def compare(real: dict[str, list[str]], mock: dict[str, list[str]]) -> Comparison:
    fields = [name for name in real if counts(name) and (name in mock or not is_newer(name))]
    different = {name: (real[name], mock.get(name)) for name in fields if real[name] != mock.get(name)}
    return Comparison(fields, different)
