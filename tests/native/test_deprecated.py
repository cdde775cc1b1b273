# SPDX-License-Identifier: GPL-3.0-or-later
"""What a newer driver calls deprecated, the library calls so from that driver on; what real ones did is in captures."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

ASK = """
import json, pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
def code(call, *arguments):
    try:
        call(*arguments)
    except nv.NVMLError as error:
        return error.value
    return 0
def field(number):
    return nv.nvmlDeviceGetFieldValues(gpu, [number])[0].nvmlReturn
print(json.dumps({
    "reset status": field(nv.NVML_FI_DEV_RESET_STATUS),
    "drain and reset status": field(nv.NVML_FI_DEV_DRAIN_AND_RESET_STATUS),
    "recovery action": field(nv.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION),
    "display mode": code(nv.nvmlDeviceGetDisplayMode, gpu),
    "display active": code(nv.nvmlDeviceGetDisplayActive, gpu),
    "power state": code(nv.nvmlDeviceGetPowerState, gpu),
    "performance state": code(nv.nvmlDeviceGetPerformanceState, gpu),
    "application clock": code(nv.nvmlDeviceGetApplicationsClock, gpu, nv.NVML_CLOCK_MEM),
    "default application clock": code(nv.nvmlDeviceGetDefaultApplicationsClock, gpu, nv.NVML_CLOCK_SM),
    "target clock": code(nv.nvmlDeviceGetClock, gpu, nv.NVML_CLOCK_SM, nv.NVML_CLOCK_ID_APP_CLOCK_TARGET),
    "current clock": code(nv.nvmlDeviceGetClock, gpu, nv.NVML_CLOCK_SM, nv.NVML_CLOCK_ID_CURRENT),
}))
"""

DEPRECATED = 26
RESETS = {"reset status", "drain and reset status"}
CLOCKS = {"power state", "application clock", "default application clock", "target clock"}
# Driver -> what it refuses: captures of an A100 (570), an H100 (580), an L40S and a T4 (595).
DRIVERS = {
    "550.163.01": set(),
    "570.148.08": RESETS,
    "580.105.08": RESETS | {"display mode"},
    "595.91.07": RESETS | {"display mode"} | CLOCKS,
}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("model", ["a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4"])
def test_newer_drivers_refuse_what_they_call_deprecated(driver, model, repo: Path, native_build: Path, tmp_path, run):
    text = (repo / "charts/gpu-mock/profiles" / f"{model}.yaml").read_text()
    profile = tmp_path / "profile.yaml"
    profile.write_text(re.sub(r"550\.163\.01", driver, text))
    env = {"LD_LIBRARY_PATH": str(native_build), "MOCK_NVML_CONFIG": str(profile)}
    done = run(sys.executable, "-c", ASK, env=env)
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    assert {question for question, code in codes.items() if code == DEPRECATED} == DRIVERS[driver]
    assert set(codes.values()) <= {0, DEPRECATED}
