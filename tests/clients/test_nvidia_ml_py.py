# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's Python bindings: what they read is right, and whatever they call answers and does not end the process."""

from __future__ import annotations

import json
import sys

# Each script runs in a child process: a crash of the library is a failing test and nothing else.
DESCRIBE = """
import json, pynvml as nv
nv.nvmlInit()
def describe(gpu):
    return {
        "index": nv.nvmlDeviceGetIndex(gpu),
        "name": nv.nvmlDeviceGetName(gpu),
        "uuid": nv.nvmlDeviceGetUUID(gpu),
        "serial": nv.nvmlDeviceGetSerial(gpu),
        "minor": nv.nvmlDeviceGetMinorNumber(gpu),
        "pci_bus_id": nv.nvmlDeviceGetPciInfo(gpu).busId,
        "memory_total_bytes": nv.nvmlDeviceGetMemoryInfo(gpu).total,
        "module_id": nv.nvmlDeviceGetModuleId(gpu),
        "power_limit_mw": nv.nvmlDeviceGetPowerManagementLimit(gpu),
    }
print(json.dumps({
    "driver_version": nv.nvmlSystemGetDriverVersion(),
    "nvml_version": nv.nvmlSystemGetNVMLVersion(),
    "devices": [describe(nv.nvmlDeviceGetHandleByIndex(i)) for i in range(nv.nvmlDeviceGetCount())],
}))
nv.nvmlShutdown()
"""

LOOK_UP = """
import pynvml as nv
nv.nvmlInit()
for index in range(nv.nvmlDeviceGetCount()):
    gpu = nv.nvmlDeviceGetHandleByIndex(index)
    for same in (
        nv.nvmlDeviceGetHandleByUUID(nv.nvmlDeviceGetUUID(gpu)),
        nv.nvmlDeviceGetHandleByPciBusId(nv.nvmlDeviceGetPciInfo(gpu).busId),
    ):
        assert nv.nvmlDeviceGetIndex(same) == index
for wrong, error in (
    (lambda: nv.nvmlDeviceGetHandleByIndex(nv.nvmlDeviceGetCount()), nv.NVMLError_InvalidArgument),
    (lambda: nv.nvmlDeviceGetHandleByUUID("GPU-00000000-0000-0000-0000-000000000000"), nv.NVMLError_NotFound),
    (lambda: nv.nvmlDeviceGetHandleByPciBusId("0000:ff:1f.7"), nv.NVMLError_NotFound),
):
    try:
        wrong()
    except error:
        continue
    raise SystemExit(f"no {error.__name__}")
nv.nvmlShutdown()
try:
    nv.nvmlDeviceGetCount()
except nv.NVMLError_Uninitialized:
    raise SystemExit(0)
raise SystemExit("the library answers after nvmlShutdown")
"""

# Every getter that a handle is enough for: it answers, or says by an NVML error why it does not.
CALL_ALL = """
import inspect, json, pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
outcome = {}
for name, function in sorted(vars(nv).items()):
    if not name.startswith(("nvmlDeviceGet", "nvmlDeviceIs")) or not inspect.isfunction(function):
        continue
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    if len(needed) != 1 or needed[0].name not in ("handle", "device"):
        continue
    try:
        function(gpu)
        outcome[name] = "answers"
    except nv.NVMLError as error:
        outcome[name] = type(error).__name__
print(json.dumps(outcome))
"""


def test_what_it_reads_is_what_the_profile_says(client, node):
    seen = json.loads(client(sys.executable, "-c", DESCRIBE))
    assert seen["driver_version"] == node["driver_version"]
    assert seen["nvml_version"] == node["nvml_version"]
    assert seen["devices"] == [{key: gpu[key] for key in seen["devices"][0]} for gpu in node["devices"]]


def test_handles_are_found_and_wrong_ones_refused(client):
    client(sys.executable, "-c", LOOK_UP)


def test_every_getter_of_a_handle_answers_or_says_why(client):
    outcome = json.loads(client(sys.executable, "-c", CALL_ALL))
    assert len(outcome) > 100
    # FunctionNotFound would be a name that we do not export; Unknown and InvalidArgument would be our fault.
    allowed = {
        "answers",
        "NVMLError_NotSupported",
        # Asked about something of which this GPU has none, such as a MIG device's instance.
        "NVMLError_NotFound",
    }
    assert {name: how for name, how in outcome.items() if how not in allowed} == {}
    assert sum(how == "answers" for how in outcome.values()) > 60
