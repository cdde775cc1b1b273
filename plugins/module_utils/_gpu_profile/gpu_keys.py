# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one GPU as a profile has them. Imports the standard library only."""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import clocks, limits, words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import keys as about

MAX_PROCESSES = 16
# Of a longer name the end is kept, which tells programs apart.
MAX_NAME = 127


Json = dict[str, t.Any]


def prepare(gpu: Json, facts: Json, scrub: bool, notes: list[str]) -> None:
    """Its keys as a profile has them."""
    flat: Json = {}
    for path, value in words.flatten(gpu["keys"]).items():
        if value == words.NONE:
            flat.update({path: value} if about.takes_none(path) else {})
        elif limits.fits(path, value):
            flat[path] = value
        else:
            notes.append(f"{path} of GPU {gpu['index']} is left out: no board has {value}.")
    gpu["keys"] = keys = words.nest(flat)
    for name, message in gpu["errors"].items():
        notes.append(f"{name} of GPU {gpu['index']} is left out: {message}.")
    drop_contradictions(keys, gpu["index"], notes)
    keep_within(keys, gpu["index"], notes)
    shorten_errors(keys)
    firmware = keys.get("gsp_firmware", {})
    if firmware.get("version") not in (None, words.NONE):
        firmware.setdefault("mode", "enabled")
        # Without a version it is the driver's, on a site that chooses another driver too.
        if firmware["version"] == facts["driver_version"]:
            del firmware["version"]
    if "memory_clocks" in keys.get("supported_clocks", {}):
        found, whole = clocks.compact(keys["supported_clocks"]["memory_clocks"])
        keys["supported_clocks"]["memory_clocks"] = found
        if not whole:
            notes.append(f"Some supported clocks of GPU {gpu['index']} are left out: a profile has no room for them.")
    # The keys name what a process is called: it is nobody's business beside the board.
    processes = keys.pop("processes", [])
    if processes and not scrub:
        keys["processes"] = [{**process, **shortened(process)} for process in processes[:MAX_PROCESSES]]
        if len(processes) > MAX_PROCESSES:
            notes.append(f"GPU {gpu['index']} has {len(processes)} processes; the first {MAX_PROCESSES} are kept.")


def shortened(process: Json) -> Json:
    name = process.get("name", "").encode()
    return {"name": name[-MAX_NAME:].decode(errors="ignore")} if len(name) > MAX_NAME else {}


def keep_within(keys: Json, index: int, notes: list[str]) -> None:
    """Readings beyond what can be set are as far as can be set."""
    flat = words.flatten(keys)
    for ends, side, nearest in ((about.HIGHEST, "above its highest", min), (about.LOWEST, "below its lowest", max)):
        for path, limit in ends.items():
            value, end = flat.get(path), flat.get(limit)
            if isinstance(value, int) and isinstance(end, int) and nearest(value, end) != value:
                words.put(keys, path, end)
                notes.append(f"{path} of GPU {index} was {value}, {side} value, and is {end}.")


def drop_contradictions(keys: Json, index: int, notes: list[str]) -> None:
    """Limits of power of which the default is beyond the ends are those of nobody."""
    for section, where in ((keys.get("power", {}), "power"), (keys.get("power", {}).get("module", {}), "power.module")):
        found = [section.get(f"{name}_limit_mw") for name in ("min", "default", "max")]
        numbers = [value for value in found if isinstance(value, int)]
        if numbers != sorted(numbers):
            section.pop("min_limit_mw", None)
            section.pop("max_limit_mw", None)
            notes.append(f"The range of {where} of GPU {index} is left out: lowest, default and highest were {found}.")


def shorten_errors(keys: Json) -> None:
    """A sum is only written where it is not that of its parts."""
    for scope in keys.get("ecc", {}).get("errors", {}).values():
        for counters in scope.values():
            # A location that has no counter needs no line: there are many.
            for name in [name for name, value in counters.items() if value == words.NONE]:
                del counters[name]
            if counters.get("total") == words.sum_of_parts(counters):
                del counters["total"]
