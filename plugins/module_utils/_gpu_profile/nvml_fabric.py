# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from an NVML library which fabric and which chassis a board is in.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_teller import Json, Teller


def tell_fabric(teller: Teller, board: Board) -> None:
    info = teller.get(
        "fabric",
        lambda: board.newest(
            "nvmlDeviceGetGpuFabricInfoV", [("nvmlGpuFabricInfo_v3_t", 3), ("nvmlGpuFabricInfo_v2_t", 2)]
        ),
    )
    if info in (None, words.NONE) or not info.state:
        return
    words.put(teller.keys, "fabric.state", words.word(words.FABRIC_STATES, info.state))
    words.put(teller.keys, "fabric.status", info.status)
    words.put(teller.keys, "fabric.clique_id", info.cliqueId)
    words.put(teller.keys, "fabric.cluster_uuid", uuid_of(bytes(info.clusterUuid)))
    if info.version >> 24 == 3:
        words.put(teller.keys, "fabric.health_summary", words.word(words.FABRIC_SUMMARIES, info.healthSummary))
    for name, value in fabric_health(info.healthMask).items():
        words.put(teller.keys, f"fabric.{name}", value)


def uuid_of(data: bytes) -> str:
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def fabric_health(mask: int) -> Json:
    """The mask in words, or as it is where there are bits that the words do not cover."""
    truths: tuple[t.Any, ...] = (words.NONE, True, False)
    bits = {name: mask >> 2 * n & 3 for n, name in enumerate(words.FABRIC_CONDITIONS)}
    configuration = mask >> 8 & 15
    if mask >> 12 or 3 in bits.values() or (configuration and configuration not in words.FABRIC_CONFIGURATIONS):
        return {"health_mask": mask}
    health = {name: truths[value] for name, value in bits.items()}
    return {
        "health": {
            **health,
            "incorrect_configuration": words.FABRIC_CONFIGURATIONS.get(configuration, words.NONE),
        }
    }


def known(number: int) -> int | str:
    """A board outside a rack knows its host and its peers, and has the highest number for slot and tray."""
    return words.NONE if number == 0xFF else number


def tell_platform(teller: Teller, board: Board) -> None:
    info = teller.get(
        "platform",
        # Both versions have one layout.
        lambda: board.newest("nvmlDeviceGetPlatformInfo", [("nvmlPlatformInfo_v2_t", 2), ("nvmlPlatformInfo_v2_t", 1)]),
    )
    if info in (None, words.NONE):
        return
    serial = bytes(info.chassisSerialNumber).split(b"\0")[0].decode("ascii", "replace").strip()
    words.put(teller.keys, "platform.chassis_serial_number", serial or words.NONE)
    words.put(teller.keys, "platform.slot_number", known(info.slotNumber))
    words.put(teller.keys, "platform.tray_index", known(info.trayIndex))
    words.put(teller.keys, "platform.host_id", known(info.hostId))
    words.put(teller.keys, "platform.peer_type", words.word(words.PEER_TYPES, info.peerType))
