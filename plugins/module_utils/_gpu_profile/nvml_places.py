# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from an NVML library where GPUs sit and how they are linked, as facts.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _nvml_read
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import CallError

# What a profile can name: its CPUs and the NUMA nodes of an affinity mask.
CPU_WORDS = 16
NODE_WORDS = 16
WORD_BITS = 64
SCOPE_NODE = 0
# nvmlIntNvLinkDeviceType_t
REMOTE_TYPES = {0: "gpu", 1: "ibmnpu", 2: "switch"}

Json = dict[str, t.Any]


def read(boards: list[Board], gpus: list[Json]) -> None:
    """Add to each GPU its place, its nearness to each other one, and its links; None is what is not told."""
    for i, board in enumerate(boards):
        gpu = gpus[i]
        gpu.update({"numa_node": None, "cpus": None, "levels": None, "nvlink": {"links": []}})
        if board.handle is None:
            continue
        nodes = told(lambda b=board: bits(b, "nvmlDeviceGetMemoryAffinity", NODE_WORDS, SCOPE_NODE))
        gpu["numa_node"] = nodes[0] if nodes and len(nodes) == 1 else None
        gpu["cpus"] = told(lambda b=board: bits(b, "nvmlDeviceGetCpuAffinity", CPU_WORDS))
        gpu["levels"] = [read_level(board, other) for other in boards]
        gpu["nvlink"] = read_nvlink(board)


def read_level(board: Board, other: Board) -> int | None:
    if other.handle is None:
        return None
    return told(lambda: board.value("nvmlDeviceGetTopologyCommonAncestor", other.handle, out="int"))


def told(read: t.Callable[[], t.Any]) -> t.Any:
    try:
        return read()
    except CallError:
        return None


def bits(board: Board, function: str, words: int, *arguments: t.Any) -> list[int]:
    """The numbers of the bits that are set in a mask of so many words."""
    mask = board.ffi.new("unsigned long[]", words)
    board.library.call(function, board.handle, words, mask, *arguments)
    return [n for n in range(words * WORD_BITS) if mask[n // WORD_BITS] >> n % WORD_BITS & 1]


def read_nvlink(board: Board) -> Json:
    links = read_links(board)
    found: Json = {"links": links}
    if links:
        number = told(lambda: board.value("nvmlDeviceGetNvLinkVersion", links[0]["link"]))
        version = _nvml_read.NVLINK_VERSIONS.get(number)
        found["version"] = version and int(version.split(".")[0])
        active = next((link["link"] for link in links if link["active"]), None)
        if active is not None:
            found["bandwidth_per_link_mbps"] = told(lambda: board.field("NVLINK_SPEED_MBPS_COMMON")) or told(
                lambda: board.field("NVLINK_GET_SPEED", active)
            )
    c2c = told(lambda: board.struct("nvmlDeviceGetC2cModeInfoV", "nvmlC2cModeInfo_v1_t"))
    if c2c is not None:
        found["c2c_enabled"] = bool(c2c.isC2cEnabled)
        found["c2c_links"] = told(lambda: board.field("C2C_LINK_COUNT"))
        found["c2c_bandwidth_per_link_mbps"] = told(lambda: board.field("C2C_LINK_GET_MAX_BW"))
    return {name: value for name, value in found.items() if value is not None}


def read_links(board: Board) -> list[Json]:
    links: list[Json] = []
    for link in range(_nvml_read.NVLINK_MAX_LINKS):
        active = told(lambda n=link: board.value("nvmlDeviceGetNvLinkState", n, out="int"))
        if active is None:
            # Between the links of a board there may be some that it does not use.
            continue
        links.append({"link": link, "active": bool(active)})
        if not active:
            # The far end of a link that is down is not known.
            continue
        kind = told(lambda n=link: board.value("nvmlDeviceGetNvLinkRemoteDeviceType", n, out="int"))
        remote = told(
            lambda n=link: board.library.struct("nvmlDeviceGetNvLinkRemotePciInfo_v2", "nvmlPciInfo_t", board.handle, n)
        )
        links[-1]["type"] = REMOTE_TYPES.get(kind)
        links[-1]["bus_id"] = board.library.decode(remote.busId) if remote is not None else None
    return links
