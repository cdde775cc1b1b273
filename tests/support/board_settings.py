# SPDX-License-Identifier: GPL-3.0-or-later
"""What NVIDIA's nvidia-smi can set on a board of a profile: the options, and what it says to them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml


class Board(NamedTuple):
    """What of a profile the commands name."""

    name: str
    memory: int
    graphics: int
    highest: int
    watts: tuple[int, int]
    persistent: bool
    module_watts: int
    links: int
    memory_lock: bool
    link_threshold: bool


def read_board(profile: Path) -> Board:
    described = yaml.safe_load(profile.read_text())
    defaults = described["device_defaults"]
    memory = defaults["supported_clocks"]["memory_clocks"][0]
    clocks = memory["graphics_range"]
    highest = defaults["clocks"]["graphics_max"]
    # Twenty steps below the highest: steps of 7.5 MHz make whole numbers so.
    graphics = int(clocks["max_mhz"] - 20 * clocks["step_mhz"])
    power = defaults["power"]
    return Board(
        name=profile.stem,
        memory=memory["freq_mhz"],
        graphics=graphics,
        highest=highest,
        watts=(power["min_limit_mw"] // 1000, power["max_limit_mw"] // 1000),
        persistent=defaults["persistence_mode"] == "enabled",
        module_watts=power.get("module", {}).get("requested_limit_mw", 0) // 1000,
        links=described.get("nvlink", {}).get("links_per_gpu", 0),
        memory_lock=defaults["architecture"] != "turing",
        link_threshold=defaults["architecture"] in ("hopper", "blackwell"),
    )


# option -> (what is said, exit status, where nvidia-smi -q shows it, value); {gpu} is the address
def commands(board: Board) -> dict[str, tuple[list[str], str, tuple[str, ...], str]]:
    low, high = board.watts
    memory, graphics = board.memory, board.graphics
    persistence = "Disabled" if board.persistent else "Enabled"
    return {
        "-pm": (
            ["-pm", "0" if board.persistent else "1"],
            f"{persistence} persistence mode for GPU {{gpu}}.",
            ("Persistence Mode",),
            persistence,
        ),
        "-c 2": (["-c", "2"], "Set compute mode to PROHIBITED for GPU {gpu}.", ("Compute Mode",), "Prohibited"),
        "-c 3": (
            ["-c", "3"],
            "Set compute mode to EXCLUSIVE_PROCESS for GPU {gpu}.",
            ("Compute Mode",),
            "Exclusive_Process",
        ),
        "-pl": (
            ["-pl", str(low)],
            f"Power limit for GPU {{gpu}} was set to {low}.00 W from {high}.00 W.",
            ("GPU Power Readings", "Requested Power Limit"),
            f"{low}.00 W",
        ),
        "-lgc": (
            ["-lgc", f"{graphics},{graphics}"],
            f'GPU clocks set to "(gpuClkMin {graphics}, gpuClkMax {graphics})" for GPU {{gpu}}',
            ("Clocks", "Graphics"),
            f"{graphics} MHz",
        ),
        "-lmc": (
            ["-lmc", f"{memory},{memory}"],
            f'Memory clocks set to "(memClkMin {memory}, memClkMax {memory})" for GPU {{gpu}}',
            ("Clocks", "Memory"),
            f"{memory} MHz",
        ),
        "-ac": (
            ["-ac", f"{memory},{graphics}"],
            f'Applications clocks set to "(MEM {memory}, SM {graphics})" for GPU {{gpu}}',
            ("Applications Clocks", "Graphics"),
            f"{graphics} MHz",
        ),
        "-e 0": (["-e", "0"], "Disabled ECC support for GPU {gpu}.", ("ECC Mode", "Pending"), "Disabled"),
        "-am 1": (["-am", "1"], "Enabled Accounting Mode for GPU {gpu}.", ("Accounting Mode",), "Enabled"),
    }


# option -> what is said to somebody who is not root
DENIED = {
    "-pm": "Unable to set persistence mode for GPU {gpu}: Insufficient Permissions",
    "-c 2": "Unable to set the compute mode for GPU {gpu}: Insufficient Permissions",
    "-c 3": "Unable to set the compute mode for GPU {gpu}: Insufficient Permissions",
    "-pl": "Failed to set power management limit for GPU {gpu}: Insufficient Permissions",
    "-lgc": "The current user does not have permission to change clocks for GPU {gpu}.",
    "-lmc": "The current user does not have permission to change clocks for GPU {gpu}.",
    "-ac": "The current user does not have permission to change clocks for GPU {gpu}.",
    "-e 0": "Unable to set ECC config for GPU {gpu}: Insufficient Permissions",
    "-am 1": "Unable to set Accounting Mode for GPU {gpu}: Insufficient Permissions",
}
