# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML's getters through NVIDIA's own Python bindings: each answers as the profile says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

# Evaluates expressions on the first GPU in a process of its own; an NVML error is a result.
EVALUATE = """
import ctypes, json, sys
import pynvml as nv
nv.nvmlInit()
gpu = nv.nvmlDeviceGetHandleByIndex(0)
def filled(function, struct):
    getattr(nv, function)(gpu, nv.byref(struct))
    return struct
names = {"nv": nv, "gpu": gpu, "other": nv.nvmlDeviceGetHandleByIndex(1), "filled": filled}
def threshold(kind):
    return nv.nvmlDeviceGetTemperatureThreshold(gpu, getattr(nv, "NVML_TEMPERATURE_THRESHOLD_" + kind))
names["threshold"] = threshold
def pci_ext():
    return filled("nvmlDeviceGetPciInfoExt", nv.nvmlPciInfoExt_v1_t(version=nv.nvmlPciInfoExt_v1))
names["pci_ext"] = pci_ext
def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, ctypes._SimpleCData):
        return value.value
    if isinstance(value, (list, tuple, ctypes.Array)):
        return [plain(item) for item in value]
    return value
def answer(expression):
    try:
        return plain(eval(expression, names))
    except nv.NVMLError as error:
        return type(error).__name__
print(json.dumps([answer(expression) for expression in json.load(sys.stdin)]))
"""

NO = "NVMLError_NotSupported"

# Expression -> path in the profile's device_defaults; N/A there is "not supported" here.
FROM_PROFILE = {
    "nv.nvmlDeviceGetName(gpu)": "name",
    "nv.nvmlDeviceGetNumGpuCores(gpu)": "num_gpu_cores",
    "nv.nvmlDeviceGetBoardPartNumber(gpu)": "board_part_number",
    "nv.nvmlDeviceGetVbiosVersion(gpu)": "vbios_version",
    "nv.nvmlDeviceGetInforomImageVersion(gpu)": "inforom.image_version",
    "nv.nvmlDeviceGetInforomVersion(gpu, nv.NVML_INFOROM_OEM)": "inforom.oem_object",
    "nv.nvmlDeviceGetInforomVersion(gpu, nv.NVML_INFOROM_ECC)": "inforom.ecc_object",
    "nv.nvmlDeviceGetInforomVersion(gpu, nv.NVML_INFOROM_POWER)": "inforom.pwr_object",
    "nv.nvmlDeviceGetMemoryInfo(gpu).total": "memory.total_bytes",
    "nv.nvmlDeviceGetMemoryInfo(gpu, nv.nvmlMemory_v2).total": "memory.total_bytes",
    "nv.nvmlDeviceGetMemoryInfo(gpu, nv.nvmlMemory_v2).reserved": "memory.reserved_bytes",
    "nv.nvmlDeviceGetMemoryInfo(gpu, nv.nvmlMemory_v2).used": "memory.used_bytes",
    "nv.nvmlDeviceGetMemoryInfo(gpu).used": "memory.reserved_bytes",
    "nv.nvmlDeviceGetMemoryBusWidth(gpu)": "memory.memory_bus_width",
    "nv.nvmlDeviceGetPciInfo(gpu).pciDeviceId": "pci.device_id",
    "nv.nvmlDeviceGetPciInfo(gpu).pciSubSystemId": "pci.subsystem_id",
    "pci_ext().pciDeviceId": "pci.device_id",
    "nv.nvmlDeviceGetMaxPcieLinkGeneration(gpu)": "pcie.max_link_gen",
    "nv.nvmlDeviceGetGpuMaxPcieLinkGeneration(gpu)": "pcie.max_device_link_gen",
    "nv.nvmlDeviceGetCurrPcieLinkGeneration(gpu)": "pcie.current_link_gen",
    "nv.nvmlDeviceGetMaxPcieLinkWidth(gpu)": "pcie.max_link_width",
    "nv.nvmlDeviceGetCurrPcieLinkWidth(gpu)": "pcie.current_link_width",
    "nv.nvmlDeviceGetPcieReplayCounter(gpu)": "pcie.replay_counter",
    "nv.nvmlDeviceGetPcieThroughput(gpu, nv.NVML_PCIE_UTIL_TX_BYTES)": "pcie.tx_throughput_kbps",
    "nv.nvmlDeviceGetPcieThroughput(gpu, nv.NVML_PCIE_UTIL_RX_BYTES)": "pcie.rx_throughput_kbps",
    "nv.nvmlDeviceGetModuleId(gpu)": "platform.module_ids.0",
    "nv.nvmlDeviceGetPowerUsage(gpu)": "power.current_draw_mw",
    "nv.nvmlDeviceGetPowerManagementLimit(gpu)": "power.requested_limit_mw",
    "nv.nvmlDeviceGetPowerManagementDefaultLimit(gpu)": "power.default_limit_mw",
    "nv.nvmlDeviceGetPowerManagementLimitConstraints(gpu)[0]": "power.min_limit_mw",
    "nv.nvmlDeviceGetPowerManagementLimitConstraints(gpu)[1]": "power.max_limit_mw",
    "nv.nvmlDeviceGetEnforcedPowerLimit(gpu)": "power.enforced_limit_mw",
    "nv.nvmlDeviceGetTemperature(gpu, nv.NVML_TEMPERATURE_GPU)": "thermal.temperature_gpu_c",
    "nv.nvmlDeviceGetTemperatureV(gpu, nv.NVML_TEMPERATURE_GPU)": "thermal.temperature_gpu_c",
    "threshold('SHUTDOWN')": "thermal.shutdown_threshold_c",
    "threshold('SLOWDOWN')": "thermal.slowdown_threshold_c",
    "threshold('GPU_MAX')": "thermal.max_operating_c",
    "threshold('MEM_MAX')": "thermal.memory_max_operating_c",
    "threshold('ACOUSTIC_CURR')": "thermal.target_temperature_c",
    "nv.nvmlDeviceGetMarginTemperature(gpu)": "thermal.tlimit.current_c",
    "nv.nvmlDeviceGetFanSpeed(gpu)": "fan.speed_percent",
    "nv.nvmlDeviceGetNumFans(gpu)": "fan.count",
    "nv.nvmlDeviceGetClockInfo(gpu, nv.NVML_CLOCK_GRAPHICS)": "clocks.graphics_current",
    "nv.nvmlDeviceGetClockInfo(gpu, nv.NVML_CLOCK_SM)": "clocks.sm_current",
    "nv.nvmlDeviceGetClockInfo(gpu, nv.NVML_CLOCK_MEM)": "clocks.memory_current",
    "nv.nvmlDeviceGetClockInfo(gpu, nv.NVML_CLOCK_VIDEO)": "clocks.video_current",
    "nv.nvmlDeviceGetMaxClockInfo(gpu, nv.NVML_CLOCK_GRAPHICS)": "clocks.graphics_max",
    "nv.nvmlDeviceGetMaxClockInfo(gpu, nv.NVML_CLOCK_SM)": "clocks.sm_max",
    "nv.nvmlDeviceGetMaxClockInfo(gpu, nv.NVML_CLOCK_MEM)": "clocks.memory_max",
    "nv.nvmlDeviceGetMaxClockInfo(gpu, nv.NVML_CLOCK_VIDEO)": "clocks.video_max",
    "nv.nvmlDeviceGetApplicationsClock(gpu, nv.NVML_CLOCK_GRAPHICS)": "clocks.graphics_app",
    "nv.nvmlDeviceGetDefaultApplicationsClock(gpu, nv.NVML_CLOCK_MEM)": "clocks.memory_app_default",
    "nv.nvmlDeviceGetMaxCustomerBoostClock(gpu, nv.NVML_CLOCK_GRAPHICS)": "clocks.graphics_boost_max",
    "nv.nvmlDeviceGetClock(gpu, nv.NVML_CLOCK_SM, nv.NVML_CLOCK_ID_CURRENT)": "clocks.sm_current",
    "nv.nvmlDeviceGetUtilizationRates(gpu).gpu": "utilization.gpu",
    "nv.nvmlDeviceGetUtilizationRates(gpu).memory": "utilization.memory",
    "nv.nvmlDeviceGetEncoderUtilization(gpu)[0]": "utilization.encoder",
    "nv.nvmlDeviceGetDecoderUtilization(gpu)[0]": "utilization.decoder",
    "nv.nvmlDeviceGetJpgUtilization(gpu)[0]": "utilization.jpeg",
    "nv.nvmlDeviceGetOfaUtilization(gpu)[0]": "utilization.ofa",
    "nv.nvmlDeviceGetRemappedRows(gpu)[0]": "remapped_rows.correctable",
    "nv.nvmlDeviceGetRowRemapperHistogram(gpu).max": "remapped_rows.availability_histogram.max",
    "nv.nvmlDeviceGetAccountingBufferSize(gpu)": "accounting.buffer_size",
    "nv.nvmlDeviceGetAutoBoostedClocksEnabled(gpu)": "clocks.auto_boost",
    "nv.nvmlDeviceGetGpuOperationMode(gpu)": "gpu_operation_mode.current",
    "nv.nvmlDeviceGetCurrentDriverModel(gpu)": "driver_model.current",
    "nv.nvmlDeviceGetHostVgpuMode(gpu)": "virtualization.host_vgpu_mode",
    "nv.nvmlDeviceGetFieldValues(gpu, [nv.NVML_FI_DEV_MEMORY_TEMP])[0].value.uiVal": "thermal.temperature_memory_c",
    "nv.nvmlDeviceGetFieldValues(gpu, [nv.NVML_FI_DEV_POWER_INSTANT])[0].value.uiVal": "power.current_draw_mw",
}

# Expression -> the answer on each board, where the profile says it in words.
A100, GB200 = "a100", "gb200"
STATED = {
    "nv.nvmlDeviceGetBrand(gpu) == nv.NVML_BRAND_NVIDIA": {A100: True, GB200: True},
    "nv.nvmlDeviceGetArchitecture(gpu)": {A100: 7, GB200: 10},
    "nv.nvmlDeviceGetCudaComputeCapability(gpu)": {A100: [8, 0], GB200: [10, 0]},
    "nv.nvmlSystemGetCudaDriverVersion()": {A100: 12040, GB200: 12040},
    "nv.nvmlSystemGetDriverBranch().branch": {A100: "r550_00", GB200: "r550_00"},
    "nv.nvmlDeviceGetGspFirmwareVersion(gpu)": {A100: "550.163.01", GB200: "550.163.01"},
    "nv.nvmlDeviceGetGspFirmwareMode(gpu)": {A100: [1, 1], GB200: [1, 1]},
    "nv.nvmlDeviceGetBusType(gpu) == nv.NVML_BUS_TYPE_PCIE": {A100: True, GB200: True},
    "nv.nvmlDeviceGetPcieSpeed(gpu)": {A100: 16000, GB200: 32000},
    "nv.nvmlDeviceGetPcieLinkMaxSpeed(gpu)": {A100: 4, GB200: 5},
    "pci_ext().baseClass": {
        A100: 3,
        GB200: 3,
    },
    "pci_ext().subClass": {
        A100: 2,
        GB200: 2,
    },
    "nv.nvmlDeviceGetPersistenceMode(gpu)": {A100: 1, GB200: 1},
    "nv.nvmlDeviceGetComputeMode(gpu)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetDisplayMode(gpu)": {A100: 1, GB200: 1},
    "nv.nvmlDeviceGetDisplayActive(gpu)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetEccMode(gpu)": {A100: [1, 1], GB200: [1, 1]},
    "nv.nvmlDeviceGetDefaultEccMode(gpu)": {A100: [1], GB200: [1]},
    "nv.nvmlDeviceGetTotalEccErrors(gpu, nv.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nv.NVML_AGGREGATE_ECC)": {
        A100: 0,
        GB200: 0,
    },
    "nv.nvmlDeviceGetMemoryErrorCounter(gpu, 0, 0, nv.NVML_MEMORY_LOCATION_DRAM)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetMemoryErrorCounter(gpu, 0, 0, nv.NVML_MEMORY_LOCATION_CBU)": {A100: NO, GB200: NO},
    "nv.nvmlDeviceGetPerformanceState(gpu)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetSupportedPerformanceStates(gpu)": {A100: [0], GB200: [0]},
    "nv.nvmlDeviceGetMinMaxClockOfPState(gpu, nv.NVML_CLOCK_GRAPHICS, 0)": {A100: [210, 1410], GB200: [120, 2062]},
    "nv.nvmlDeviceGetCurrentClocksEventReasons(gpu) == nv.nvmlClocksEventReasonGpuIdle": {A100: True, GB200: True},
    "nv.nvmlDeviceGetSupportedMemoryClocks(gpu)": {A100: [1215], GB200: [3996]},
    "len(nv.nvmlDeviceGetSupportedGraphicsClocks(gpu, nv.nvmlDeviceGetSupportedMemoryClocks(gpu)[0]))": {
        A100: 81,
        GB200: 260,
    },
    "nv.nvmlDeviceGetSupportedGraphicsClocks(gpu, 1)": {A100: "NVMLError_NotFound", GB200: "NVMLError_NotFound"},
    "nv.nvmlDeviceGetMigMode(gpu)": {A100: [0, 0], GB200: [0, 0]},
    "nv.nvmlDeviceIsMigDeviceHandle(gpu)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0)": {A100: "NVMLError_NotFound", GB200: "NVMLError_NotFound"},
    "nv.nvmlDeviceGetVirtualizationMode(gpu)": {A100: 1, GB200: 1},
    "nv.nvmlDeviceGetMultiGpuBoard(gpu)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetRetiredPagesPendingStatus(gpu)": {A100: NO, GB200: NO},
    "nv.nvmlDeviceGetBridgeChipInfo(gpu)": {A100: NO, GB200: NO},
    "nv.nvmlDeviceGetEncoderStats(gpu)": {A100: [0, 0, 0], GB200: [0, 0, 0]},
    "nv.nvmlDeviceGetComputeRunningProcesses(gpu)": {A100: [], GB200: []},
    "nv.nvmlDeviceGetGraphicsRunningProcesses(gpu)": {A100: [], GB200: []},
    "nv.nvmlDeviceGetMPSComputeRunningProcesses(gpu)": {A100: [], GB200: []},
    "nv.nvmlDeviceGetNvLinkState(gpu, 11)": {A100: 1, GB200: 1},
    "nv.nvmlDeviceGetNvLinkState(gpu, 12)": {A100: NO, GB200: 1},
    "nv.nvmlDeviceGetNvLinkState(gpu, 18)": {A100: NO, GB200: NO},
    "nv.nvmlDeviceGetNvLinkState(gpu, 36)": {A100: "NVMLError_InvalidArgument", GB200: "NVMLError_InvalidArgument"},
    "nv.nvmlDeviceGetNvLinkVersion(gpu, 0)": {A100: 4, GB200: 7},
    "nv.nvmlDeviceGetNvLinkCapability(gpu, 0, nv.NVML_NVLINK_CAP_P2P_SUPPORTED)": {A100: 1, GB200: 1},
    "nv.nvmlDeviceGetNvLinkRemoteDeviceType(gpu, 0)": {A100: 2, GB200: 2},
    "nv.nvmlDeviceGetNvLinkErrorCounter(gpu, 0, nv.NVML_NVLINK_ERROR_DL_REPLAY)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetTopologyCommonAncestor(gpu, gpu)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetTopologyCommonAncestor(gpu, other)": {A100: 20, GB200: 30},
    "len(nv.nvmlDeviceGetTopologyNearestGpus(gpu, nv.NVML_TOPOLOGY_SYSTEM))": {A100: 6, GB200: 2},
    "nv.nvmlDeviceGetP2PStatus(gpu, other, nv.NVML_P2P_CAPS_INDEX_NVLINK)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceOnSameBoard(gpu, other)": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetAddressingMode(gpu)": {A100: 1, GB200: 2},
    "nv.nvmlDeviceGetConfComputeProtectedMemoryUsage(gpu).total": {A100: 0, GB200: 0},
    "nv.nvmlSystemGetConfComputeState().ccFeature": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetRepairStatus(gpu)": {A100: [0, 0], GB200: [0, 0]},
    "nv.nvmlUnitGetCount()": {A100: 0, GB200: 0},
    "nv.nvmlDeviceGetFieldValues(gpu, [nv.NVML_FI_DEV_NVLINK_LINK_COUNT])[0].value.uiVal": {A100: 12, GB200: 18},
    "nv.nvmlDeviceGetFieldValues(gpu, [nv.NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON])[0].value.uiVal": {
        A100: 25000,
        GB200: 53125,
    },
    "nv.nvmlDeviceGetFieldValues(gpu, [nv.NVML_FI_DEV_C2C_LINK_COUNT])[0].nvmlReturn": {A100: 3, GB200: 0},
    "nv.nvmlDeviceGetFieldValues(gpu, [(nv.NVML_FI_DEV_POWER_CURRENT_LIMIT, 1)])[0].nvmlReturn": {A100: 3, GB200: 0},
    "nv.nvmlDeviceGetFieldValues(gpu, [0, 100000])[1].nvmlReturn": {A100: 2, GB200: 2},
    "nv.nvmlDeviceGetViolationStatus(gpu, nv.NVML_PERF_POLICY_POWER).violationTime": {A100: 0, GB200: 2354613000},
}


def look_up(described: dict, path: str) -> object:
    value: object = described["device_defaults"]
    for step in path.split("."):
        if isinstance(value, list):
            value = value[int(step)]
        else:
            value = value.get(step, "N/A") if isinstance(value, dict) else "N/A"
    return NO if value == "N/A" else value


@pytest.fixture(scope="module", params=[A100, GB200])
def board(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def evaluate(board: str, native_build: Path, repo: Path, run):
    env = {
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles" / f"{board}.yaml"),
    }

    def ask(expressions: list[str], **more: str) -> list:
        done = run(sys.executable, "-c", EVALUATE, input=json.dumps(expressions), env={**env, **more})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


def differences(expressions: dict[str, object], answers: list) -> dict[str, tuple]:
    pairs = zip(expressions.items(), answers, strict=True)
    return {expression: (expected, got) for (expression, expected), got in pairs if expected != got}


def test_answers_are_the_profiles(board, evaluate, repo):
    described = yaml.safe_load((repo / "charts/gpu-mock/profiles" / f"{board}.yaml").read_text())
    expected = {expression: look_up(described, path) for expression, path in FROM_PROFILE.items()}
    assert NO in expected.values()
    assert differences(expected, evaluate(list(expected))) == {}


def test_answers_are_the_boards(board, evaluate):
    expected = {expression: answers[board] for expression, answers in STATED.items()}
    assert differences(expected, evaluate(list(expected))) == {}


def test_fabric_of_the_rack(board, evaluate):
    script = (
        "[[info.state, info.status, info.cliqueId, bytes(info.clusterUuid).hex()]"
        " for info in [filled('nvmlDeviceGetGpuFabricInfoV', nv.c_nvmlGpuFabricInfo_v2_t())]][0]"
    )
    expected = {A100: [0, 0, 0, "00" * 16], GB200: [3, 0, 2, "00000001" + "0" * 23 + "1"]}
    assert evaluate([script]) == [expected[board]]


def test_energy_grows_with_the_power_drawn(board, evaluate):
    energy, draw = "nv.nvmlDeviceGetTotalEnergyConsumption(gpu)", "nv.nvmlDeviceGetPowerUsage(gpu)"
    # Two processes agree, because the count runs from boot.
    first, milliwatts = evaluate([energy, draw])
    second, pause, third = evaluate([energy, "__import__('time').sleep(0.5)", energy])
    assert first <= second < third
    assert third - second == pytest.approx(milliwatts * 0.5, rel=0.5)


def test_log_shows_calls(board, native_build, repo, run):
    env = {
        "LD_LIBRARY_PATH": str(native_build),
        "MOCK_NVML_CONFIG": str(repo / "charts/gpu-mock/profiles" / f"{board}.yaml"),
    }
    script = "import pynvml as nv; nv.nvmlInit(); nv.nvmlDeviceGetCount(); nv.nvmlShutdown()"
    assert run(sys.executable, "-c", script, env=env).stderr == ""
    lines = run(sys.executable, "-c", script, env={**env, "MOCK_NVML_LOG": "debug"}).stderr.splitlines()
    calls = [line.rsplit(": ", 1)[-1] for line in lines]
    assert [call for call in calls if call.startswith("nvml")] == [
        "nvmlInitWithFlags(0)",
        "nvmlDeviceGetCount_v2",
        "nvmlShutdown",
    ]
