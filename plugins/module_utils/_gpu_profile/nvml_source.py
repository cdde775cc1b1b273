# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from an NVML library what a profile says of a GPU, as facts.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils import _cffi_dep, _nvml_read
from ansible_collections.mirage.accel.plugins.module_utils._errors import MirageError
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import (
    nvml_board,
    nvml_calls,
    nvml_errors,
    nvml_fabric,
    nvml_places,
    nvml_tables,
    nvml_teller,
    words,
)
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_teller import UNTOLD, Json, Teller
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import CDEF, INVALID_ARGUMENT, Library

# What the child needs beside this file.
MODULES = (
    nvml_board,
    nvml_calls,
    nvml_errors,
    nvml_fabric,
    nvml_places,
    nvml_tables,
    nvml_teller,
    words,
)


def answer(path: str) -> Json:
    """What goes back to the parent: the facts, or {"error": sentence}."""
    try:
        ffi = _cffi_dep.require().FFI()
        ffi.cdef(CDEF + nvml_calls.CDEF)
        library = Library(ffi, path)
        return _nvml_read.started(library, path, lambda: read(ffi, library))
    except MirageError as error:
        return {"error": str(error)}


def read(ffi: t.Any, library: Library) -> Json:
    boards = [Board(ffi, library, index) for index in range(library.value("nvmlDeviceGetCount_v2"))]
    gpus = [read_gpu(board) for board in boards]
    nvml_places.read(boards, gpus)
    return {
        "driver_version": library.text("nvmlSystemGetDriverVersion"),
        "nvml_version": library.text("nvmlSystemGetNVMLVersion"),
        "cuda_version": _nvml_read.read_cuda_version(library),
        "gpus": gpus,
    }


def read_gpu(board: Board) -> Json:
    teller = Teller(board)
    # One that has fallen off the bus keeps its place, and says why nothing else is known of it.
    if teller.get("handle", board.open) is not None:
        for group in GROUPS:
            group(teller, board)
    return {"keys": teller.keys, "errors": teller.errors, "least": teller.least, **read_identity(board, teller)}


def read_identity(board: Board, teller: Teller) -> Json:
    """What tells this GPU from its neighbours; None where it has none."""
    readers: dict[str, t.Callable[[], t.Any]] = {
        "uuid": lambda: board.text("nvmlDeviceGetUUID"),
        "serial": lambda: board.text("nvmlDeviceGetSerial"),
        "minor": lambda: board.value("nvmlDeviceGetMinorNumber"),
        "module_id": lambda: board.value("nvmlDeviceGetModuleId"),
        "memory_node": lambda: board.value("nvmlDeviceGetNumaNodeId"),
        "bus_id": lambda: board.library.decode(board.struct("nvmlDeviceGetPciInfo_v3", "nvmlPciInfo_t").busId),
    }
    found = {name: teller.get(name, reader) if board.handle is not None else None for name, reader in readers.items()}
    return {name: None if value == words.NONE else value for name, value in found.items()}


def tell_tables(teller: Teller, board: Board) -> None:
    for path, (function, *arguments) in nvml_tables.TEXTS.items():
        teller.tell(path, lambda f=function, a=arguments: board.text(f, *a) or words.NONE)
    for path, (function, *arguments) in nvml_tables.NUMBERS.items():
        teller.tell(path, lambda f=function, a=arguments: board.value(f, *a))
    for path, kind in nvml_tables.THRESHOLDS.items():
        # A library does not know the kinds that came after it.
        teller.tell(
            path,
            lambda k=kind: signed(board.value("nvmlDeviceGetTemperatureThreshold", k)),
            (*UNTOLD, INVALID_ARGUMENT),
        )
    for path, (field, scope) in nvml_tables.FIELDS.items():
        teller.tell(path, lambda f=field, s=scope: board.field(f, s), (*UNTOLD, INVALID_ARGUMENT))
    for path, (function, out, choices) in nvml_tables.WORDS.items():
        teller.tell(path, lambda f=function, o=out, c=choices: words.word(c, board.value(f, out=o)))
    for path, (function, kind, member) in nvml_tables.MEMBERS.items():
        teller.tell(path, lambda p=path, f=function, k=kind, m=member: read_member(board, p, f, k, m))


def signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def read_member(board: Board, path: str, function: str, kind: str, member: str) -> t.Any:
    number = getattr(board.struct(function, kind, version=1), member)
    return (
        words.word(nvml_tables.MEMBER_WORDS[path], number & 1 if path == "capabilities.egm" else number)
        if (path in nvml_tables.MEMBER_WORDS)
        else number
    )


def tell_together(teller: Teller, board: Board) -> None:
    for paths, (function, *arguments), out, choices in nvml_tables.TOGETHER:
        kinds = [out] * len(paths)
        found = teller.get(paths[0], lambda f=function, a=arguments, k=kinds: board.values(f, *a, out=k))
        for n, path in enumerate(paths if found is not None else ()):
            if path:
                words.put(teller.keys, path, words.NONE if found == words.NONE else meaning(choices, found[n]))


def meaning(choices: t.Any, number: int) -> t.Any:
    if choices is None:
        return number
    if choices == "truth":
        return bool(number)
    return words.word(words.ENABLED if choices == "enabled" else choices, number)


GROUPS: list[t.Callable[[Teller, Board], None]] = [
    tell_tables,
    tell_together,
    nvml_board.tell_board,
    nvml_board.tell_memory,
    nvml_board.tell_pci,
    nvml_board.tell_power,
    nvml_board.tell_fans,
    nvml_board.tell_clocks,
    nvml_board.tell_utilization,
    nvml_errors.tell_errors,
    nvml_errors.tell_repair,
    nvml_board.tell_mig,
    nvml_board.tell_monitoring,
    nvml_fabric.tell_fabric,
    nvml_fabric.tell_platform,
    nvml_board.tell_processes,
]
