# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - messages stand here as whole lines, so that they can be searched
"""NVIDIA's own nvidia-smi changes settings: what it says, how it ends, what the next process sees.

That of the default driver, and 555.58.02 of Debian's experimental suite, with a library of its version.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from board_settings import DENIED, Board, commands, read_board
from driver_root import apply, place_libraries

# Somebody who is not root, but may read the program wherever it lies.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NOBODY += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]

Smi = Callable[..., "subprocess.CompletedProcess[str]"]


PROFILES = sorted((Path(__file__).parents[2] / "charts/gpu-mock/profiles").glob("*.yaml"))


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.stem)
def board(request: pytest.FixtureRequest) -> Board:
    return read_board(request.param)


@pytest.fixture(params=["vendor_smi", "newer_smi"])
def program(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


@pytest.fixture
def version(program: Path, run) -> str:
    """What the program calls its own version."""
    return re.search(r" -- v([\d.]+)$", run(program, "--help").stdout, re.MULTILINE)[1]


@pytest.fixture
def root(native_build: Path, repo: Path, run, board: Board, version: str) -> Iterator[Path]:
    """A driver root that all may read, which pytest's own folders are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        place_libraries(path, native_build, version=version)
        profile = repo / f"charts/gpu-mock/profiles/{board.name}.yaml"
        apply(path, native_build, run, profile, "--count", "2", "--node-name", "node", "--driver-version", version)
        yield path


@pytest.fixture
def smi(program: Path, root: Path, run) -> Smi:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib64")}
    environment.pop("MOCK_NVML_CONFIG", None)

    def call(*argv: str, prefix: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        return run(*(prefix or []), program, *argv, env=environment, timeout=60)

    return call


@pytest.fixture
def control(native_build: Path, root: Path, run) -> Smi:
    """Our own command for the same GPUs."""

    def call(*argv: str) -> subprocess.CompletedProcess[str]:
        done = run(native_build / "mock-nvml", "--root", root, *argv)
        assert done.returncode == 0, done.stderr
        return done

    return call


@pytest.fixture
def address(smi: Smi) -> str:
    return smi("-i", "0", "--query-gpu=pci.bus_id", "--format=csv,noheader").stdout.strip()


def report(smi: Smi, *path: str, index: int = 0) -> str:
    """The value that nvidia-smi -q shows for one GPU below these headings."""
    headings: list[str] = []
    for line in smi("-q", "-i", str(index)).stdout.splitlines():
        name, _, value = line.strip().partition(" : ")
        headings = [*headings[: (len(line) - len(line.lstrip())) // 4], name.strip()]
        if headings[1:] == list(path):
            return value.strip()
    raise AssertionError(f"no {' / '.join(path)} in nvidia-smi -q")


# Said where a real driver would be unloaded, and what was set lost, as soon as nobody uses the GPU.
UNSTEADY = "Warning: persistence mode is disabled on device"
LOST_WITH_THE_DRIVER = ("-pl", "-lgc", "-lmc", "-ac", "-am 1")

NAMES = list(commands(read_board(PROFILES[0])))


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_is_said_and_shown(smi: Smi, board: Board, address: str, name: str) -> None:
    options, said, path, value = commands(board)[name]
    before = report(smi, *path, index=1)
    assert report(smi, *path) == before
    done = smi("-i", "0", *options)
    if name == "-lmc" and not board.memory_lock:
        assert done.stdout.startswith(f"Setting locked Memory clocks is not supported for GPU {address}.")
        return
    # Newer ones say which of two kinds of persistence they mean.
    said_by_all = done.stdout.replace(" Legacy persistence mode ", " persistence mode ")
    lines = [line for line in said_by_all.splitlines() if line and not line.startswith(UNSTEADY)]
    rest = ["All done."] + (["Reboot required."] if name == "-e 0" else [])
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines == [said.format(gpu=address), *rest]
    assert (UNSTEADY in done.stdout) == (not board.persistent and name in LOST_WITH_THE_DRIVER)
    assert report(smi, *path) == value
    assert report(smi, *path, index=1) == before


@pytest.mark.parametrize("name", NAMES)
def test_only_root_sets(smi: Smi, board: Board, address: str, name: str) -> None:
    options, _, path, _ = commands(board)[name]
    before = report(smi, *path)
    done = smi("-i", "0", *options, prefix=NOBODY)
    if name == "-lmc" and not board.memory_lock:
        assert done.stdout.startswith(f"Setting locked Memory clocks is not supported for GPU {address}.")
        return
    assert done.returncode == 4
    assert done.stdout.splitlines() == [
        DENIED[name].format(gpu=address),
        "Terminating early due to previous errors.",
    ]
    assert report(smi, *path) == before


def test_a_read_only_page_is_not_written(smi: Smi, root: Path, address: str) -> None:
    before = report(smi, "Compute Mode")
    page = next(root.rglob("gsp_mock.bin"))
    script = f'mount --bind "{page}" "{page}" && mount -o remount,bind,ro "{page}" && exec "$@"'
    done = smi("-i", "0", "-c", "3", prefix=["unshare", "--mount", "sh", "-ec", script, "sh"])
    assert done.returncode == 4
    assert f"Unable to set the compute mode for GPU {address}: Insufficient Permissions" in done.stdout
    assert report(smi, "Compute Mode") == before


def test_a_setting_that_holds_already(smi: Smi, board: Board, address: str) -> None:
    persistence = "Enabled" if board.persistent else "Disabled"
    for option, value, said in [
        ("-pm", str(int(board.persistent)), f"Persistence mode is already {persistence} for GPU {{gpu}}."),
        ("-c", "0", "Compute mode is already set to DEFAULT for GPU {gpu}."),
        ("-e", "1", "ECC support is already Enabled for GPU {gpu}."),
        ("-am", "0", "Accounting Mode is already Disabled for GPU {gpu}."),
    ]:
        done = smi("-i", "0", option, value)
        assert (done.returncode, done.stdout.splitlines()) == (0, [said.format(gpu=address), "All done."])


def test_out_of_range(smi: Smi, board: Board, address: str) -> None:
    low, high = board.watts
    done = smi("-i", "0", "-pl", str(high + 1))
    assert (done.returncode, done.stdout.splitlines()) == (
        2,
        [
            f"Provided power limit {high + 1}.00 W is not a valid power limit which should be between {low}.00 W and {high}.00 W for GPU {address}",
            "Terminating early due to previous errors.",
        ],
    )
    hint = f"is not supported for GPU {address}. Run 'nvidia-smi -q -d SUPPORTED_CLOCKS' to see list of supported clock combinations"
    for options, pair in [
        (["-lgc", f"{board.highest + 1},9999"], f"(gpuClkMin {board.highest + 1}, gpuClkMax 9999)"),
        *([(["-lmc", "1,2"], "(memClkMin 1, memClkMax 2)")] if board.memory_lock else []),
        (["-ac", f"{board.memory},{board.graphics + 1}"], f"(MEM {board.memory}, SM {board.graphics + 1})"),
    ]:
        done = smi("-i", "0", *options)
        assert done.returncode == 0
        assert done.stdout.splitlines()[0] == f'Specified clock combination "{pair}" {hint}'
    assert report(smi, "GPU Power Readings", "Requested Power Limit") == f"{high}.00 W"


def test_clocks_go_back(smi: Smi, board: Board) -> None:
    paths = [("Clocks", "Graphics"), ("Clocks", "Memory"), ("Applications Clocks", "Graphics")]
    before = [report(smi, *path) for path in paths]
    pair = f"{board.graphics},{board.graphics}"
    for options in (["-lgc", pair], ["-lmc", f"{board.memory}"], ["-ac", f"{board.memory},{board.graphics}"]):
        assert smi("-i", "0", *options).returncode == 0
    assert [report(smi, *path) for path in paths] != before
    for option in ("-rgc", "-rmc", "-rac"):
        done = smi("-i", "0", option)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "All done.")
    assert [report(smi, *path) for path in paths] == before


def test_named_clock_limits(smi: Smi, address: str) -> None:
    done = smi("-i", "0", "-lgc", "tdp,unlimited")
    said = f'GPU clocks set to "(gpuClkMin tdp, gpuClkMax unlimited)" for GPU {address}'
    assert (done.returncode, done.stdout.splitlines()[0], done.stdout.splitlines()[-1]) == (0, said, "All done.")


def test_the_limit_of_a_module(smi: Smi, board: Board, address: str) -> None:
    done = smi("-i", "0", "-pl", "2000", "-sc", "1")
    path = ("Module Power Readings", "Requested Power Limit")
    if not board.module_watts:
        assert f"Changing power management limit is not supported in current scope for GPU: {address}." in done.stdout
        return
    assert (
        done.stdout.splitlines()[0]
        == f"Power limit for GPU {address} was set to 2000.00 W from {board.module_watts}.00 W."
    )
    # Both GPUs sit on one module.
    assert [report(smi, *path, index=index) for index in (0, 1)] == ["2000.00 W", "2000.00 W"]


@pytest.mark.parametrize(("option", "kind"), [("0", "volatile"), ("1", "aggregate")])
def test_ecc_counters_are_cleared(smi: Smi, address: str, option: str, kind: str) -> None:
    done = smi("-i", "0", "-p", option)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"Reset {kind} ECC errors to zero for GPU {address}.", "All done."],
    )


def test_accounted_processes_are_cleared(smi: Smi, address: str) -> None:
    assert smi("-i", "0", "-am", "1").returncode == 0
    done = smi("-i", "0", "-caa")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"Cleared Accounted PIDs for GPU {address}.", "All done."],
    )
    shown = smi("-i", "0", "-q", "-d", "ACCOUNTING").stdout
    assert re.search(r"Accounting Mode +: Enabled$", shown, re.M)
    assert re.search(r"Accounted Processes +: None$", shown, re.M)


def test_accounted_processes_are_shown(smi: Smi, control: Smi) -> None:
    assert smi("-i", "0", "-am", "1").returncode == 0
    began = time.monotonic()
    control("process", "add", "--pid", "77", "--memory", "300", "--utilization", "25", "-i", "0")
    control("process", "remove", "--pid", "77", "-i", "0")
    query = ["--query-accounted-apps=pid,gpu_util,max_memory_usage,time", "--format=csv,noheader,nounits"]
    rows = [line.split(", ") for line in smi("-i", "0", *query).stdout.splitlines()]
    assert [row[:3] for row in rows] == [["77", "25", "300"]]
    assert 0 <= int(rows[0][3]) <= (time.monotonic() - began) * 1000
    assert smi("-i", "1", *query).stdout.strip() == ""


def test_errors_are_cleared_and_pending_rows_remapped(smi: Smi, control: Smi, board: Board) -> None:
    control("fail", "ecc-uncorrectable", "--count", "3", "-i", "0")
    query = ["--query-gpu=ecc.errors.uncorrected.volatile.total,ecc.errors.uncorrected.aggregate.total"]
    query += ["--format=csv,noheader", "-i", "0"]
    before = [int(value) for value in smi(*query).stdout.split(", ")]
    assert before[0] >= 3
    assert smi("-i", "0", "-p", "0").returncode == 0
    assert [int(value) for value in smi(*query).stdout.split(", ")] == [0, before[1]]
    if board.name == "t4":
        return
    control("fail", "row-remap-pending", "-i", "0")
    rows = ["--query-remapped-rows=remapped_rows.uncorrectable,remapped_rows.pending", "--format=csv,noheader"]
    assert smi(*rows, "-i", "0").stdout.split() == ["1,", "1"]
    assert smi("-i", "0", "--gpu-reset").returncode == 0
    assert smi(*rows, "-i", "0").stdout.split() == ["1,", "0"]


def test_what_data_centre_boards_do_not_have(smi: Smi, address: str) -> None:
    for option, said in [
        ("--gom=0", f"GOM mode cannot be changed on GPU {address}."),
        (
            "--auto-boost-default=0",
            f"Enabling/disabling default auto boosted clocks is not supported for GPU: {address}.",
        ),
        ("--auto-boost-permission=0", f"Changing auto boosted clocks permissions is not supported for GPU: {address}."),
        ("-acp 0", "Warning: This option is deprecated and will be removed in future releases"),
        ("-gtt 80", f"GPU Target Temperature Threshold not supported for GPU {address}."),
    ]:
        done = smi("-i", "0", *option.split(" "))
        assert (done.returncode, done.stdout.splitlines()) == (
            0,
            [said, "Treating as warning and moving on.", "All done."],
        )


# --- reset ---


def test_a_reset_applies_what_is_pending_and_begins_anew(smi: Smi, board: Board, address: str) -> None:
    for options in (
        ["-e", "0"],
        ["-pl", str(board.watts[0])],
        ["-lgc", f"{board.graphics}"],
        ["-c", "3"],
        ["-pm", "0"],
    ):
        assert smi("-i", "0", *options).returncode == 0
    assert report(smi, "ECC Mode", "Current") == "Enabled"
    done = smi("-i", "0", "--gpu-reset")
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"GPU {address} was successfully reset.", "All done."])
    assert [report(smi, "ECC Mode", name) for name in ("Current", "Pending")] == ["Disabled", "Disabled"]
    assert report(smi, "GPU Power Readings", "Requested Power Limit") == f"{board.watts[1]}.00 W"
    assert report(smi, "Clocks", "Graphics") != f"{board.graphics} MHz"
    assert report(smi, "Compute Mode") == "Default"
    assert report(smi, "Persistence Mode") == "Disabled"
    assert report(smi, "ECC Mode", "Current", index=1) == "Enabled"


def test_a_reset_changes_the_mig_mode_that_waits(smi: Smi, control: Smi) -> None:
    query = ["--query-gpu=mig.mode.current,mig.mode.pending", "--format=csv,noheader", "-i", "0"]
    if "N/A" in smi(*query).stdout:
        assert "Not Supported" in smi("-i", "0", "-mig", "1").stdout
        return
    control("process", "add", "--pid", "77", "-i", "0")
    smi("-i", "0", "-mig", "1")
    assert smi(*query).stdout.strip() == "Disabled, Enabled"
    control("process", "remove", "--pid", "77", "-i", "0")
    assert smi("-i", "0", "--gpu-reset").returncode == 0
    assert smi(*query).stdout.strip() == "Enabled, Enabled"


def test_all_gpus_are_reset_at_once(smi: Smi) -> None:
    lines = smi("--gpu-reset").stdout.splitlines()
    assert len(lines) == 3
    assert all(re.fullmatch(r"GPU \S+ was successfully reset\.", line) for line in lines[:2])


def test_only_root_resets(smi: Smi) -> None:
    assert smi("-i", "0", "-e", "0").returncode == 0
    done = smi("-i", "0", "--gpu-reset", prefix=NOBODY)
    assert (done.returncode, done.stdout.splitlines()) == (4, ["GPU reset unavailable: Insufficient Permissions"])
    assert report(smi, "ECC Mode", "Current") == "Enabled"


def test_a_gpu_in_use_is_not_reset(smi: Smi, address: str, control: Smi) -> None:
    control("process", "add", "--pid", "77", "-i", "0")
    done = smi("-i", "0", "--gpu-reset")
    assert done.returncode == 255
    assert done.stdout.splitlines() == [
        "The following GPUs could not be reset:",
        f"  GPU {address}: In use by another client",
        "",
        "1 device is currently being used by one or more other processes (e.g., Fabric Manager, CUDA application, graphics application such as an X server, or a monitoring application such as another instance of nvidia-smi). Please first kill all processes using this device and all compute applications running in the system.",
    ]


# --- links and drain state ---


def test_link_counters_and_thresholds(smi: Smi, board: Board) -> None:
    done = smi("nvlink", "-re", "-i", "0")
    assert done.stdout.count("error counters reset") == board.links
    assert done.returncode == 0
    done = smi("nvlink", "-sLowPwrThres", "500", "-i", "0")
    if not board.link_threshold:
        assert "Low Power Threshold set" not in done.stdout
        return
    assert (done.returncode, done.stdout.splitlines()[1].strip()) == (0, "Low Power Threshold set to 50000 us")
    assert smi("nvlink", "-gLowPwrInfo", "-i", "0").stdout.count("Low Power Threshold: 50000 us") == 18


def test_a_gpu_is_drained_removed_and_discovered(smi: Smi, address: str) -> None:
    short = address.removeprefix("0000")
    drain = ["drain", "-p", short]
    assert smi("-i", "0", "-pm", "1").returncode == 0
    assert smi(*drain, "-m", "1").returncode == 255
    assert smi("-i", "0", "-pm", "0").returncode == 0
    done = smi(*drain, "-m", "1")
    assert done.stdout.strip() == f"Successfully set GPU {address} drain state to: draining."
    assert smi(*drain, "-q").stdout.strip() == f"The current drain state of GPU {address} is: draining."
    done = smi(*drain, "-r")
    assert (done.returncode, done.stdout.strip()) == (0, f"GPU {address} successfully removed.")
    assert smi("-L").stdout.count("UUID") == 1
    assert smi("drain", "-d").returncode == 0
    assert smi("-L").stdout.count("UUID") == 2
    assert smi(*drain, "-q").stdout.strip() == f"The current drain state of GPU {address} is: not draining."
