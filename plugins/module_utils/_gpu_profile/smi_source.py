# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from a document of `nvidia-smi -q -x` what a profile says of a GPU, as facts.

Imports the standard library only.
"""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.smi_elements import (
    COUNTERS,
    DEFERRED,
    ELEMENTS,
    LEAST,
    MIB,
    SRAM_SOURCES,
    Read,
    active,
    hexadecimal,
    number,
    on,
)

ROOT = "nvidia_smi_log"

# What stands in the place of a value that could not be read: NVML's words for its errors, and nvidia-smi's own.
FAILURES = {
    "Driver Not Loaded",
    "ERR!",
    "GPU is lost",
    "GPU requires reset",
    "Insufficient Permissions",
    "Insufficient Resources",
    "Invalid Argument",
    "Not Found",
    "Not Ready",
    "Not Supported",
    "Requested functionality has been deprecated",
    "Timeout",
    "Unknown",
    "Unknown Error",
    "[Unknown Error]",
    "[GPU is lost]",
    "[GPU requires reset]",
    "[Insufficient Permissions]",
}


Json = dict[str, t.Any]


class DocumentError(MirageError):
    """A document is not what `nvidia-smi -q -x` prints."""


def read(document: str | bytes, name: str) -> Json:
    """The facts of a document; name stands for it in messages."""
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise DocumentError(
            f"Error while reading the document {name}: it is no XML ({error}); make it with nvidia-smi -q -x"
        ) from error
    if root.tag != ROOT:
        raise DocumentError(
            f"Error while reading the document {name}: it is no document of nvidia-smi -q -x, its first element is"
            f" <{root.tag}> and not <{ROOT}>"
        )
    return {
        "driver_version": text_of(root, "driver_version"),
        "nvml_version": None,
        "document": True,
        "cuda_version": text_of(root, "cuda_version"),
        "gpus": [read_gpu(gpu) for gpu in root.findall("gpu")],
    }


def text_of(element: ElementTree.Element, path: str) -> str | None:
    """The text of the first element of the path that is there; an empty one and a missing one are None."""
    for one in path.split():
        found = element.find(one)
        if found is not None and not len(found):
            return (found.text or "").strip() or None
    return None


def value_of(element: ElementTree.Element, path: str, read: Read) -> t.Any:
    """N/A where the board has none; None where the document does not say, or says it in unknown words."""
    text = text_of(element, path)
    if text is None or text in FAILURES:
        return None
    return words.NONE if text in ("N/A", "[N/A]") else read(text)


def read_gpu(gpu: ElementTree.Element) -> Json:
    keys: Json = {}
    for path, (elements, reader) in ELEMENTS.items():
        words.put(keys, path, value_of(gpu, elements, reader))
    for group in (
        put_fabric,
        put_memory,
        put_pci_class,
        put_power,
        put_fan,
        put_clocks,
        put_errors,
        put_pages,
        put_rows,
        put_mig,
        put_processes,
    ):
        group(keys, gpu)
    c2c = value_of(gpu, "c2c_mode", on)
    return {
        "keys": keys,
        "errors": {},
        "least": [path for path in LEAST if words.flatten(keys).get(path) == 1],
        "uuid": text_of(gpu, "uuid"),
        "serial": known(text_of(gpu, "serial")),
        "minor": number(text_of(gpu, "minor_number") or ""),
        "bus_id": text_of(gpu, "pci/pci_bus_id"),
        "module_id": number(text_of(gpu, "platformInfo/module_id gpu_module_id") or ""),
        "numa_node": None,
        "cpus": None,
        "levels": None,
        "nvlink": {"c2c_enabled": c2c} if isinstance(c2c, bool) else {},
    }


def known(text: str | None) -> str | None:
    return None if text in ("N/A", "0", *FAILURES) else text


def put_fabric(keys: Json, gpu: ElementTree.Element) -> None:
    """A board without a fabric answers N/A to all of it; then there is nothing to write."""
    if keys.get("fabric", {}).get("state") in (None, words.NONE, "not_supported"):
        keys.pop("fabric", None)


def put_memory(keys: Json, gpu: ElementTree.Element) -> None:
    parts = {
        name: number(text_of(gpu, f"fb_memory_usage/{name}") or "") for name in ("total", "reserved", "used", "free")
    }
    if parts["total"] is None:
        return
    reserved, used = unrounded(**parts)
    words.put(keys, "memory.total_bytes", parts["total"] * MIB)
    words.put(keys, "memory.reserved_bytes", reserved)
    words.put(keys, "memory.used_bytes", used)


def unrounded(total: int, reserved: int | None, used: int | None, free: int | None) -> tuple[int | None, int | None]:
    """Bytes of two MiB numbers that, with the third, are rounded each: their sum tells on which side they were."""
    if reserved is None or used is None or free is None:
        return (None if reserved is None else reserved * MIB, None if used is None else used * MIB)
    excess = reserved + used + free - total
    if excess == 1:
        # 741.5 and 188729.5 are printed as 742 and 188730.
        return (reserved * MIB - MIB // 2, used * MIB)
    if excess == -1:
        # Three thirds were lost.
        return (reserved * MIB + MIB // 3, used * MIB + MIB // 3)
    return (reserved * MIB, used * MIB)


def put_pci_class(keys: Json, gpu: ElementTree.Element) -> None:
    base, sub = (hexadecimal(text_of(gpu, f"pci/pci_{name}_class") or "") for name in ("base", "sub"))
    if base is not None and sub is not None:
        words.put(keys, "pci.class", base << 16 | sub << 8)


def put_power(keys: Json, gpu: ElementTree.Element) -> None:
    limit = keys.get("power", {}).get("default_limit_mw")
    if limit is not None:
        words.put(keys, "power.management_supported", limit != words.NONE)


def put_fan(keys: Json, gpu: ElementTree.Element) -> None:
    """The document has one speed and no number of fans: a board that has a speed has at least one."""
    speed = keys.get("fan", {}).get("speed_percent")
    if speed is not None:
        words.put(keys, "fan.count", 0 if speed == words.NONE else 1)


def put_clocks(keys: Json, gpu: ElementTree.Element) -> None:
    deferred = value_of(gpu, *DEFERRED)
    words.put(keys, "clocks.memory_deferred_khz", deferred * 1000 if isinstance(deferred, int) else deferred)
    for name in words.REASONS:
        path = f"clocks_event_reasons/clocks_event_reason_{name} clocks_throttle_reasons/clocks_throttle_reason_{name}"
        told = value_of(gpu, path, active)
        words.put(keys, f"clocks_throttle_reasons.{name}", told if isinstance(told, bool) else None)
    for name, element in COUNTERS.items():
        path = f"clocks_event_reasons_counters/clocks_event_reasons_counters_{element}"
        words.put(keys, f"clocks_throttle_reasons.counters.{name}", value_of(gpu, path, number))
    supported = [
        {
            "freq_mhz": number(text_of(memory, "value") or ""),
            "graphics_clocks": [
                number((clock.text or "").strip()) for clock in memory.findall("supported_graphics_clock")
            ],
        }
        for memory in gpu.findall("supported_clocks/supported_mem_clock")
    ]
    if supported and all(
        clock["freq_mhz"] and clock["graphics_clocks"] and None not in clock["graphics_clocks"] for clock in supported
    ):
        words.put(keys, "supported_clocks.memory_clocks", supported)


def put_errors(keys: Json, gpu: ElementTree.Element) -> None:
    for scope in ("volatile", "aggregate"):
        found = f"ecc_errors/{scope}"
        for bits, kind in (("single_bit", "correctable"), ("double_bit", "uncorrectable")):
            section = f"ecc.errors.{scope}.{bits}"
            # Before Turing each location has its own counter.
            for name in (*words.ECC_LOCATIONS, "total"):
                words.put(keys, f"{section}.{name}", value_of(gpu, f"{found}/{bits}/{name}", number))
            words.put(keys, f"{section}.device_memory", value_of(gpu, f"{found}/dram_{kind}", number))
            words.put(keys, f"{section}.sram", value_of(gpu, f"{found}/sram_{kind}", number))
        for name in ("correctable", "uncorrectable_parity", "uncorrectable_secded"):
            words.put(keys, f"ecc.sram.{scope}.{name}", value_of(gpu, f"{found}/sram_{name}", number))
        parts = keys.get("ecc", {}).get("sram", {}).get(scope, {})
        sources = [parts.get("uncorrectable_parity"), parts.get("uncorrectable_secded")]
        if all(isinstance(part, int) for part in sources):
            words.put(keys, f"ecc.errors.{scope}.double_bit.sram", sum(sources))
        elif set(parts) == {"correctable"}:
            # A board that does not tell its kinds of SRAM errors apart has one counter, that of the location.
            del keys["ecc"]["sram"][scope]
    for name in SRAM_SOURCES:
        path = f"ecc_errors/aggregate_uncorrectable_sram_sources/sram_{name}"
        words.put(keys, f"ecc.sram.uncorrectable_sources.{name}", value_of(gpu, path, number))
    if not keys.get("ecc", {}).get("sram", True):
        del keys["ecc"]["sram"]


def put_pages(keys: Json, gpu: ElementTree.Element) -> None:
    section = keys.get("retired_pages", {})
    if section.get("pending_retirement") == words.NONE:
        del section["pending_retirement"]
    for name, element in (
        ("single_bit_retirement", "multiple_single_bit_retirement"),
        ("double_bit_retirement", "double_bit_retirement"),
    ):
        pages = gpu.findall(f"retired_pages/{element}/retired_pagelist/*")
        addresses = [hexadecimal((page.text or "").strip()) for page in pages if page.tag.endswith("address")]
        if addresses and None not in addresses:
            words.put(keys, f"retired_pages.{name}.addresses", addresses)


def put_rows(keys: Json, gpu: ElementTree.Element) -> None:
    rows = gpu.find("remapped_rows")
    if rows is None:
        return
    if not len(rows):
        # One N/A for all of it: the board does not remap rows.
        keys["remapped_rows"] = {"correctable": words.NONE}
        return
    section = keys.get("remapped_rows", {})
    for name in ("pending", "failure_occurred"):
        if section.get(name) == words.NONE:
            del section[name]
    for name in ("max", "high", "partial", "low", "none"):
        path = f"remapped_rows/row_remapper_histogram/row_remapper_histogram_{name}"
        words.put(keys, f"remapped_rows.availability_histogram.{name}", value_of(gpu, path, number))


def put_mig(keys: Json, gpu: ElementTree.Element) -> None:
    """The document does not tell how many instances a board may have; one that has a MIG mode has at least one."""
    if keys.get("mig", {}).get("mode_current") in words.ENABLED:
        words.put(keys, "mig.max_gpu_instances", 1)


def put_processes(keys: Json, gpu: ElementTree.Element) -> None:
    found = []
    for element in gpu.findall("processes/process_info"):
        process: Json = {"pid": number(text_of(element, "pid") or "")}
        kind = text_of(element, "type")
        if kind and re.fullmatch(r"[CGM](\+[CGM])*", kind):
            process["type"] = kind
        words.put(process, "name", text_of(element, "process_name"))
        words.put(process, "used_memory_mib", value_of(element, "used_memory", number))
        if process["pid"]:
            found.append(process)
    if found:
        words.put(keys, "processes", found)
