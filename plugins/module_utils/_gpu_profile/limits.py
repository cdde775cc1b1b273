# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a profile takes for a number or a text: a driver that is in trouble tells other things as well.

The numbers are those of native/nvml/profile_keys*.c; a test compares them with what `mock-nvml keys` prints.
Imports the standard library only.
"""

from __future__ import annotations

import re
import typing as t

COUNT = (1 << 63) - 1
BYTES = 1 << 50

# Lowest and highest number by path; the first that fits counts.
RANGES: list[tuple[str, int, int]] = [
    (r"compute_capability\.", 0, 99),
    (r"gpus_per_module", 1, 128),
    (r"num_gpu_cores", 0, 10000000),
    (r"memory\.memory_bus_width", 1, 65536),
    (r".*_bytes", 0, BYTES),
    (r"pci\.device_id", 1, 0xFFFFFFFE),
    (r"pci\.subsystem_id", 0, 0xFFFFFFFE),
    (r"pci\.class", 0, 0xFFFFFF),
    (r"pcie\..*_link_gen", 1, 7),
    (r"pcie\..*_link_width", 1, 32),
    (r"pcie\..*_counter", 0, COUNT),
    (r"pcie\..*_throughput_kbps", 0, 4000000000),
    (r"platform\.", 0, 255),
    (r"fabric\.status", 0, 999),
    (r"fabric\.(clique_id|health_mask)", 0, 0xFFFFFFFE),
    (r"power\..*_mw", 0, 100000000),
    (r"power\..*_mj", 0, COUNT),
    (r"power\.voltage_uv", 0, 100000000),
    (r"thermal\.", -300, 300),
    (r"fan\.count", 0, 4),
    (r"clocks\.memory_deferred_khz", 0, 100000000),
    (r"clocks\.", 0, 100000),
    (r".*\.average_latency_us", 0, 4000000000),
    (r".*_us", 0, COUNT),
    (r".*_percent|utilization\.", 0, 100),
    (r"(encoder_stats|fbc_stats)\.", 0, 1000000),
    (r"ecc\.", 0, COUNT),
    (r"retired_pages\..*\.count", 0, 64),
    (r"remapped_rows\.", 0, 1000000),
    (r"mig\.max_gpu_instances", 0, 16),
    (r"accounting\.buffer_size", 0, 1000000),
]

# Characters of a text by path.
LENGTHS: list[tuple[str, int]] = [
    (r"name", 95),
    (r"(board|gpu|fru)_part_number|gsp_firmware\.version", 79),
    (r"vbios_version|platform\.chassis_serial_number", 31),
    (r"inforom\.\w+", 15),
]

FORMS = {
    "inforom.bbx_flush.timestamp": re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}"),
    "fabric.cluster_uuid": re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
}
GPU_UUID = re.compile(r"GPU-[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def number_range(path: str) -> tuple[int, int] | None:
    return next(((low, high) for pattern, low, high in RANGES if re.match(pattern, path)), None)


def text_length(path: str) -> int | None:
    return next((length for pattern, length in LENGTHS if re.fullmatch(pattern, path)), None)


def fits(path: str, value: t.Any) -> bool:
    """Whether a profile takes the value for its key; words of the format and lists are made to fit."""
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        found = number_range(path)
        return found is None or found[0] <= value <= found[1]
    if isinstance(value, str):
        if path in FORMS:
            return FORMS[path].fullmatch(value) is not None
        length = text_length(path)
        return length is None or len(value.encode()) <= length
    return True
