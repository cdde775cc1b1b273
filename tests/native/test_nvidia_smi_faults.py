# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvidia-smi, NVIDIA's own and ours, says of a fault that mock-nvml sets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from driver_root import apply, place_libraries

PROFILES = Path("charts/gpu-mock/profiles")

GPU_IS_LOST, LIB_RM_VERSION_MISMATCH = 15, 18


@pytest.fixture
def root(native_build: Path, repo: Path, run, tmp_path: Path) -> Path:
    path = tmp_path / "root"
    place_libraries(path, native_build)
    apply(path, native_build, run, repo / PROFILES / "a100.yaml", "--count", "4")
    return path


def test_nvidia_smi_says_which_gpu_is_lost(
    mock: Callable[..., dict], native_build: Path, root: Path, vendor_smi: Path, run
) -> None:
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(root / "usr/lib64")}
    address = mock("fail", "fallen-off-bus", "-i", 1)["devices"][0]["pci_bus_id"]
    done = run(vendor_smi, env=environment)
    assert done.returncode == GPU_IS_LOST
    message = f"Unable to determine the device handle for GPU{address[4:]}: GPU is lost.  Reboot the system to recover"
    assert message in done.stdout
    listed = run(vendor_smi, "-L", env=environment).stdout
    assert listed.count("UUID") == 3
    mock("clear")
    assert run(vendor_smi, env=environment).returncode == 0
    mock("fail", "init-error", "--code", "LIB_RM_VERSION_MISMATCH")
    done = run(vendor_smi, env=environment)
    assert (done.returncode, "Driver/library version mismatch" in done.stdout) == (LIB_RM_VERSION_MISMATCH, True)


def test_nvidia_smi_shows_faulty_readings(mock: Callable[..., dict], root: Path, vendor_smi: Path, run) -> None:
    environment = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(root / "usr/lib64")}
    fields = "temperature.gpu,clocks.gr,clocks_event_reasons.hw_thermal_slowdown,ecc.errors.uncorrected.volatile.total"
    query = [vendor_smi, "-i", "0", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    before = run(*query, env=environment).stdout
    mock("fail", "thermal-slowdown", "--temperature", 93, "--clock", 200, "-i", 0)
    mock("fail", "ecc-uncorrectable", "--count", 4, "-i", 0)
    assert run(*query, env=environment).stdout == "93, 200, Active, 4\n"
    mock("fail", "row-remap-pending", "-i", 0)
    assert "Pending                           : Yes" in run(vendor_smi, "-q", "-i", "0", env=environment).stdout
    mock("fail", "nvlink-down", "--link", 3, "-i", 0)
    assert "Link 3: <inactive>" in run(vendor_smi, "nvlink", "-s", "-i", "0", env=environment).stdout
    mock("clear")
    assert run(*query, env=environment).stdout == before


@pytest.mark.parametrize(
    ("change", "states"),
    [
        (["fail", "power-cap"], "No, No"),
        (["fail", "ecc-uncorrectable"], "Yes, No"),
        (["fail", "page-retirement-pending"], "No, Yes"),
        (["xid", "94"], "No, Yes"),
        (["set", "ecc.mode_pending=disabled"], "Yes, No"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_nvidia_smi_says_what_mends_a_gpu(mock, root, native_build, repo, run, change, states) -> None:
    apply(root, native_build, run, repo / PROFILES / f"{'t4' if 'page' in change[-1] else 'a100'}.yaml")
    mock(*change, "-i", 1)
    fields = "reset_status.reset_required,reset_status.drain_and_reset_recommended"
    done = run(
        native_build / "nvidia-smi",
        f"--query-gpu={fields}",
        "--format=csv,noheader",
        env={"LD_LIBRARY_PATH": str(root / "usr/lib64")},
    )
    assert done.stdout.splitlines()[:2] == ["No, No", states]
