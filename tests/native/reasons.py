# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a getter of NVML does not answer on a model: what a real board of it does not have, or what nobody has made.

Each line is (names, models, why). Names are regular expressions for whole names. test_reasons.py holds the table to the
library in both directions: what does not answer is in it, and what is in it does not answer.
"""

from __future__ import annotations

import re
import typing as t

MODELS = ("a100", "b200", "gb200", "gb300", "h100", "h200", "l40s", "t4")

ALL = frozenset(MODELS)
T4 = frozenset({"t4"})
PCIE_CARDS = frozenset({"l40s", "t4"})
BEFORE_HOPPER = frozenset({"a100", "l40s", "t4"})
BEFORE_BLACKWELL = BEFORE_HOPPER | {"h100", "h200"}
SUPERCHIPS = frozenset({"gb200", "gb300"})


class Reason(t.NamedTuple):
    names: str
    models: frozenset[str]
    why: str


REASONS = [
    # What the boards are.
    Reason(
        r"nvmlDeviceGet(\w*Fan(Speed|ControlPolicy)\w*|CoolerInfo)",
        ALL,
        "the boards have no fans: their chassis cools them",
    ),
    Reason("nvmlDeviceGetBridgeChipInfo", ALL, "no board has several GPUs behind a bridge of its own"),
    Reason(r"nvmlDeviceGet\w*DriverModel\w*", ALL, "there are driver models on Windows only"),
    Reason(r"nvmlDeviceGet\w*GpuOperationMode", ALL, "all captures say N/A: only Kepler boards have the mode"),
    Reason("nvmlDeviceGetAutoBoostedClocksEnabled", ALL, "from Pascal on, clocks boost by themselves"),
    Reason(
        r"nvmlDeviceGet(Gpc|Mem)Clk\w*VfOffset|nvmlDeviceGetClockOffsets", ALL, "no overclocking of data centre boards"
    ),
    Reason("nvmlDeviceGetPowerMizerMode_v1", ALL, "a setting of boards with displays"),
    Reason("nvmlDeviceGetEncoderCapacity", ALL - PCIE_CARDS, "compute boards have no video encoder"),
    Reason(r"nvmlDeviceGet\w*DramEncryptionMode", ALL, "all captures say N/A"),
    Reason(
        r"nvmlDeviceWorkloadPowerProfileGet\w+", ALL, "all captures say N/A: which profiles a board has is not public"
    ),
    Reason(r"nvmlDeviceGetNvLinkUtilization\w+", ALL, "ended with Volta; field values took its place"),
    Reason(
        "nvmlDeviceGetNumaNodeId", ALL - SUPERCHIPS, "GPU memory is a NUMA node only where a CPU is linked coherently"
    ),
    Reason(
        "nvmlDeviceGetTemperatureThreshold", ALL - {"a100", "t4"}, "captures tell limits by T.Limit, not absolutely"
    ),
    Reason("nvmlDeviceGetMarginTemperature", frozenset({"a100", "t4"}), "captures say N/A: limits are absolute"),
    Reason("nvmlDeviceGetLastBBXFlushTime", ALL - SUPERCHIPS - {"h100"}, "captures say N/A, or are silent"),
    Reason("nvmlDeviceGetHandleBySerial", SUPERCHIPS, "the two GPUs of a module share their serial number"),
    # Links.
    Reason(
        r"nvmlDeviceGetNvLink(Capability|ErrorCounter|RemoteDeviceType|RemotePciInfo\w*|State|Version)",
        PCIE_CARDS,
        "the board has no NVLink",
    ),
    Reason(r"nvmlDeviceGetC2cModeInfo\w+", BEFORE_HOPPER, "captures say N/A: chips are linked to chips from Hopper on"),
    Reason("nvmlSystemGetNvlinkBwMode", BEFORE_HOPPER, "for Hopper and newer, says the manual"),
    Reason(r"nvmlDeviceGetNvlink(Supported)?BwModes?", BEFORE_BLACKWELL, "for Blackwell and newer, says the manual"),
    Reason(r"nvmlDeviceGetNvLinkInfo(_v3)?", BEFORE_BLACKWELL, "about encryption, which NVLink 5 brought"),
    Reason(
        r"nvmlDeviceGetNvlink(NvlePrivate|RemapTable)Info_v1",
        ALL,
        "opaque data of encrypted links; no link is encrypted",
    ),
    # Memory and its errors.
    Reason(r"nvmlDeviceGetRetiredPages\w*", ALL - T4, "from Ampere on, rows are remapped and no pages retired"),
    Reason(r"nvmlDeviceGet(RemappedRows\w*|RowRemapperHistogram)", T4, "rows are remapped from Ampere on"),
    Reason("nvmlDeviceGet(RepairStatus|SramEccErrorStatus|ClkMonStatus)", T4, "for Ampere and newer, says the manual"),
    Reason(
        "nvmlDeviceGet(SramUniqueUncorrectedEccErrorCounts|UnrepairableMemoryFlag_v1|PlatformInfo|Hostname_v1)",
        BEFORE_BLACKWELL,
        "for Blackwell and newer, says the manual, and captures of older boards say N/A",
    ),
    Reason("nvmlDeviceGetMemoryLimits_v1", ALL, "limits of control groups, which these drivers do not set"),
    # Newer or more secret than the boards.
    Reason(
        "nvmlDeviceGet(AdaptiveTgpModeInfo|BankRemapperStatus|NvLinkTelemetrySamples)_v1", ALL, "for Rubin and newer"
    ),
    Reason(
        "nvmlDevice(PerfMetricsGetSamples|ReadPRMCounters|ReadWritePRM)_v1",
        ALL,
        "registers whose contents are not public",
    ),
    Reason("nvmlSystemGetCPER_v1", ALL, "error records of the firmware, which drivers of these boards do not pass on"),
    # Confidential computing.
    Reason("nvmlDeviceGetConfComputeGpu(AttestationReport|Certificate)", ALL, "the feature is off"),
    Reason("nvmlSystemGetConfComputeKeyRotationThresholdInfo", ALL, "the feature is off"),
    Reason("nvml(Device|System)GetConfCompute(MemSizeInfo|GpusReadyState)", BEFORE_HOPPER, "the board cannot do it"),
    # Monitoring.
    Reason(
        "nvmlGpm(MetricsGet|SampleGet|QueryIfStreamingEnabled)", BEFORE_HOPPER, "for Hopper and newer, says the manual"
    ),
    Reason("nvmlGpmMigSampleGet", ALL, "there is no MIG instance"),
    Reason(r"nvmlDeviceGetProcess(es)?Utilization(Info)?", ALL, "no process runs"),
    Reason(r"nvmlDeviceGetAccountingStats\w*", ALL, "accounting is off"),
    # MIG.
    Reason(r"nvmlDeviceGetAttributes(_v2)?", ALL, "asked of a GPU, and only MIG devices have them"),
    Reason(r"nvmlDeviceGet(Gpu|Compute)InstanceId", ALL, "asked of a GPU, and only MIG devices have one"),
    Reason("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", ALL, "asked of a GPU"),
    Reason("nvmlDeviceGet(MigDeviceHandleByIndex|GpuInstanceById|GpuInstances)", ALL, "there is no MIG instance"),
    Reason(
        r"nvmlDeviceGet(MigMode|GpuInstance(PossiblePlacements|ProfileInfo|RemainingCapacity)\w*)",
        PCIE_CARDS,
        "the board has no MIG",
    ),
    # What is not there.
    Reason(r"nvmlUnitGet(?!Count)\w+", ALL, "no S-class unit"),
    Reason("nvmlGetExcludedDeviceInfoByIndex", ALL, "no GPU is excluded"),
    Reason(r"nvmlEventSetGet\w+", ALL, "no event has happened"),
    # The boards belong to the machine or are passed through whole: no vGPU manager runs.
    Reason(r"nvml(Vgpu(Instance|Type)|GetVgpu)\w+", ALL, "no vGPUs"),
    Reason(r"nvmlDeviceGet(Host|Active|Creatable|Supported)?Vgpu\w*", ALL, "no vGPUs"),
    Reason("nvmlDeviceGetPgpuMetadataString", ALL, "no vGPUs"),
]


def reasons_of(name: str, model: str) -> list[Reason]:
    return [reason for reason in REASONS if model in reason.models and re.fullmatch(reason.names, name)]
