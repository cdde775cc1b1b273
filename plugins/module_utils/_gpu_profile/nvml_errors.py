# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read from an NVML library what memory errors a board has had and how it repairs them.

Runs in the child of `_nvml_child` and needs no Ansible.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile import words
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_calls import Board
from ansible_collections.mirage.accel.plugins.module_utils._gpu_profile.nvml_teller import UNTOLD, Json, Teller
from ansible_collections.mirage.accel.plugins.module_utils._nvml_library import (
    INVALID_ARGUMENT,
)

NOTHING_64 = 0xFFFFFFFFFFFFFFFF


def tell_errors(teller: Teller, board: Board) -> None:
    for kind, bits in enumerate(("single_bit", "double_bit")):
        for counter, scope in enumerate(("volatile", "aggregate")):
            section = f"ecc.errors.{scope}.{bits}"
            for location, name in enumerate(words.ECC_LOCATIONS):
                teller.tell(
                    f"{section}.{name}",
                    lambda k=kind, c=counter, n=location: board.value(
                        "nvmlDeviceGetMemoryErrorCounter", k, c, n, out="unsigned long long"
                    ),
                    (*UNTOLD, INVALID_ARGUMENT),
                )
            teller.tell(
                f"{section}.total",
                lambda k=kind, c=counter: board.value("nvmlDeviceGetTotalEccErrors", k, c, out="unsigned long long"),
            )
    sram = teller.get(
        "ecc.sram", lambda: board.struct("nvmlDeviceGetSramEccErrorStatus", "nvmlEccSramErrorStatus_v1_t", version=1)
    )
    if sram not in (None, words.NONE):
        words.put(teller.keys, "ecc.sram", sram_errors(sram))


def sram_errors(sram: t.Any) -> Json:
    counted = {
        "volatile.correctable": sram.volatileCor,
        "volatile.uncorrectable_parity": sram.volatileUncParity,
        "volatile.uncorrectable_secded": sram.volatileUncSecDed,
        "aggregate.correctable": sram.aggregateCor,
        "aggregate.uncorrectable_parity": sram.aggregateUncParity,
        "aggregate.uncorrectable_secded": sram.aggregateUncSecDed,
        "uncorrectable_sources.l2": sram.aggregateUncBucketL2,
        "uncorrectable_sources.sm": sram.aggregateUncBucketSm,
        "uncorrectable_sources.microcontroller": sram.aggregateUncBucketMcu,
        "uncorrectable_sources.pcie": sram.aggregateUncBucketPcie,
        "uncorrectable_sources.other": sram.aggregateUncBucketOther,
    }
    keys = words.nest({path: words.NONE if number == NOTHING_64 else number for path, number in counted.items()})
    return {**keys, "threshold_exceeded": bool(sram.bThresholdExceeded)}


def tell_repair(teller: Teller, board: Board) -> None:
    for cause, name in enumerate(("single_bit_retirement", "double_bit_retirement")):
        pages = teller.get(
            f"retired_pages.{name}",
            lambda c=cause: [
                int(address) for address in board.list_of("unsigned long long", "nvmlDeviceGetRetiredPages", c)
            ],
        )
        if pages is None:
            continue
        words.put(teller.keys, f"retired_pages.{name}.count", words.NONE if pages == words.NONE else len(pages))
        if pages not in ([], words.NONE):
            words.put(teller.keys, f"retired_pages.{name}.addresses", pages)
    pending = teller.get(
        "retired_pages.pending_retirement",
        lambda: bool(board.value("nvmlDeviceGetRetiredPagesPendingStatus", out="int")),
    )
    if pending != words.NONE:
        words.put(teller.keys, "retired_pages.pending_retirement", pending)
    tell_remapping(teller, board)


def tell_remapping(teller: Teller, board: Board) -> None:
    rows = teller.get("remapped_rows", lambda: board.values("nvmlDeviceGetRemappedRows", out=["unsigned int"] * 4))
    if rows == words.NONE:
        words.put(teller.keys, "remapped_rows.correctable", words.NONE)
    elif rows is not None:
        words.put(teller.keys, "remapped_rows.correctable", rows[0])
        words.put(teller.keys, "remapped_rows.uncorrectable", rows[1])
        words.put(teller.keys, "remapped_rows.pending", bool(rows[2]))
        words.put(teller.keys, "remapped_rows.failure_occurred", bool(rows[3]))
    banks = teller.get(
        "remapped_rows.availability_histogram",
        lambda: board.struct("nvmlDeviceGetRowRemapperHistogram", "nvmlRowRemapperHistogramValues_t"),
    )
    if banks == words.NONE:
        words.put(teller.keys, "remapped_rows.availability_histogram.max", words.NONE)
    elif banks is not None:
        for name in ("max", "high", "partial", "low", "none"):
            words.put(teller.keys, f"remapped_rows.availability_histogram.{name}", getattr(banks, name))
