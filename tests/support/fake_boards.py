# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fake NVML library (native/nvml/nvidia_smi/tests/fake_nvml.c) answers: boards that no profile describes.

One line an answer: the function without "nvml", the GPU where it is not for all, and the values, or ! and an error.
"""

from __future__ import annotations

BOARD = """\
    Init 0
    DeviceGetCount_v2 2
    SystemGetDriverVersion 550.163.01
    SystemGetNVMLVersion 12.550.163.01
    SystemGetCudaDriverVersion_v2 12040
    DeviceGetName NVIDIA A100-SXM4-40GB
    DeviceGetUUID@0 GPU-11111111-2222-3333-4444-555555555555
    DeviceGetUUID GPU-aaaaaaaa-2222-3333-4444-555555555555
    DeviceGetSerial@0 1650000000001
    DeviceGetSerial 1650000000002
    PciBusId@0 00000000:07:00.0
    PciBusId@1 00000000:BD:00.0
    PciBusId 00000008:01:00.0
    PciIds 0x20B010DE 0x144E10DE
    PciClass 3 2
    DeviceGetPersistenceMode 1
    DeviceGetDisplayActive 0
    DeviceGetTemperature 34
    DeviceGetPerformanceState 0
    DeviceGetPowerUsage 54321
    DeviceGetEnforcedPowerLimit 400000
    DeviceGetMemoryInfo 42949672960 600000000 42000000000 349672960
    DeviceGetUtilizationRates 12 3
    DeviceGetTotalEccErrors 0
    DeviceGetEccMode 1 1
    DeviceGetComputeMode 0
    DeviceGetMigMode 0 0
    ComputeProcesses\x20
    MpsProcesses\x20
    GraphicsProcesses\x20
"""

# What the base board leaves out, so that every field of --query-gpu has a value.
ALL_VALUES = """\
    DeviceGetCurrPcieLinkGeneration 4
    DeviceGetMaxPcieLinkGeneration 4
    DeviceGetGpuMaxPcieLinkGeneration 5
    HostPcieLinkGeneration 4
    DeviceGetCurrPcieLinkWidth 16
    DeviceGetMaxPcieLinkWidth 16
    DeviceGetDisplayMode 1
    DeviceGetAddressingMode 1
    DeviceGetAccountingMode 1
    DeviceGetAccountingBufferSize 4000
    DeviceGetVbiosVersion 92.00.45.00.03
    DeviceGetInforomImageVersion G506.0200.00.04
    DeviceGetInforomVersion(0) 2.0
    DeviceGetInforomVersion(1) 6.16
    DeviceGetInforomVersion(2) 1.0
    Field(226) 1 0
    Field(227) 1 1
    DeviceGetGpuOperationMode 0 1
    DeviceGetDriverModel 0 1
    DeviceGetFanSpeed 30
    DeviceGetSupportedClocksThrottleReasons 0x1ff
    DeviceGetCurrentClocksThrottleReasons 0x1
    DeviceGetCudaComputeCapability 8 0
    DeviceGetEncoderUtilization 5 1000
    DeviceGetDecoderUtilization 6 1000
    DeviceGetJpgUtilization 7 1000
    DeviceGetOfaUtilization 8 1000
    DeviceGetEncoderStats 1 2 3
    DeviceGetMemoryErrorCounter 42
    DeviceGetRetiredPages(0) 3
    DeviceGetRetiredPages(1) 4
    DeviceGetRetiredPagesPendingStatus 1
    DeviceGetMarginTemperature 50
    Field(82) 1 39
    DeviceGetPowerManagementMode 1
    Field(185) 1 61234
    Field(186) 1 71239
    DeviceGetPowerManagementLimit 400000
    DeviceGetPowerManagementDefaultLimit 400000
    DeviceGetPowerManagementLimitConstraints 100000 400555
    DeviceGetClockInfo(0) 210
    DeviceGetClockInfo(1) 1410
    DeviceGetClockInfo(2) 1215
    DeviceGetClockInfo(3) 585
    DeviceGetApplicationsClock 1095
    DeviceGetDefaultApplicationsClock 1095
    DeviceGetMaxClockInfo 1410
    DeviceGetGspFirmwareMode 1 1
    DeviceGetC2cModeInfoV 1
    DeviceGetConfComputeProtectedMemoryUsage 1048576600 600000000 848576000
    DeviceGetGpuFabricInfoV 3 0 7 0 170
    DeviceGetVgpuCapabilities 1
    GetVgpuDriverCapabilities 1
"""

OTHER_VALUES = """\
    DeviceGetName A, B "C"
    DeviceGetDisplayMode 0
    DeviceGetAddressingMode 2
    DeviceGetAccountingMode 0
    Field(226) 1 1
    Field(227) 1 0
    DeviceGetGpuOperationMode 2 7
    DeviceGetDriverModel 2 9
    DeviceGetFanSpeed 0
    DeviceGetCurrentClocksThrottleReasons 0xfe
    DeviceGetCudaComputeCapability 10 0
    DeviceGetRetiredPagesPendingStatus 0
    DeviceGetMarginTemperature -3
    Field(82) 1 0
    DeviceGetPowerManagementMode 0
    Field(186) 1 999
    DeviceGetPowerManagementLimit 400004
    DeviceGetPowerManagementDefaultLimit 400005
    DeviceGetPowerManagementLimitConstraints 100006 400009
    DeviceGetGspFirmwareMode 0 1
    DeviceGetC2cModeInfoV 0
    DeviceGetConfComputeProtectedMemoryUsage 0 0 0
    DeviceGetGpuFabricInfoV 2 999 7 0 170
    DeviceGetVgpuCapabilities 0
    GetVgpuDriverCapabilities 0
    DeviceGetComputeMode 3
    DeviceGetMigMode 1 0
    DeviceGetEccMode 0 1
    DeviceGetPersistenceMode 0
    DeviceGetDisplayActive 1
    DeviceGetPerformanceState 8
    DeviceGetPowerUsage 4
    DeviceGetMemoryInfo 198674743296 700000000 1048575 1048577
    DeviceGetUtilizationRates 100 0
    DeviceGetTemperature -5
"""

STRANGE_VALUES = """\
    DeviceGetAddressingMode 0
    DeviceGetGpuOperationMode 1 2
    DeviceGetDriverModel 1 1
    DeviceGetGpuFabricInfoV 0 0 7 0 170
    DeviceGetComputeMode 2
    DeviceGetPerformanceState 32
    DeviceGetSupportedClocksThrottleReasons 0x1
    DeviceGetCurrentClocksThrottleReasons 0x1ff
    DeviceGetAccountingMode 9
    DeviceGetPersistenceMode 9
    DeviceGetEccMode 9 9
    DeviceGetMigMode 9 9
    DeviceGetPowerManagementMode 7
    DeviceGetDisplayMode 7
    DeviceGetRetiredPagesPendingStatus 7
    DeviceGetGspFirmwareMode 2 7
"""

ODD_ROWS = """\
    DeviceGetCount_v2 8
    PciBusId@2 00010001:19:00.0
    SystemGetDriverVersion 580.95.05
    SystemGetCudaDriverVersion_v2 13000
    DeviceGetName@0 NVIDIA RTX PRO 6000 Blackwell Server Edition
    DeviceGetName@1 ABCDEFGHIJKLMNOPQRSTUVWXYZA
    DeviceGetName@2 ABCDEFGHIJKLMNOPQRSTUVWXYZAB
    DeviceGetName@6 Tesla T4
    DeviceGetPersistenceMode@0 0
    DeviceGetPersistenceMode@1 !15
    DeviceGetPersistenceMode@2 !3
    DeviceGetDisplayActive@1 1
    DeviceGetDisplayActive@2 !999
    DeviceGetDisplayActive@3 !3
    DeviceGetFanSpeed@0 30
    DeviceGetFanSpeed@1 100
    DeviceGetFanSpeed@2 !999
    DeviceGetFanSpeed@4 0
    DeviceGetTemperature@0 !3
    DeviceGetTemperature@1 105
    DeviceGetTemperature@2 !999
    DeviceGetTemperature@3 4
    DeviceGetTemperature@4 -6
    DeviceGetPerformanceState@0 8
    DeviceGetPerformanceState@1 12
    DeviceGetPerformanceState@2 !3
    DeviceGetPerformanceState@3 !999
    DeviceGetPerformanceState@4 32
    DeviceGetPowerUsage@0 !3
    DeviceGetPowerUsage@1 1234567
    DeviceGetPowerUsage@2 !999
    DeviceGetPowerUsage@3 9500
    DeviceGetPowerUsage@4 0
    DeviceGetPowerUsage@5 54999
    DeviceGetEnforcedPowerLimit@0 !3
    DeviceGetEnforcedPowerLimit@1 10000000
    DeviceGetEnforcedPowerLimit@2 !999
    DeviceGetEnforcedPowerLimit@3 70900
    DeviceGetEnforcedPowerLimit@4 0
    DeviceGetMemoryInfo@0 !3
    DeviceGetMemoryInfo@1 !999
    DeviceGetMemoryInfo@2 0 0 0 0
    DeviceGetMemoryInfo@3 10000000000000 5 5 9000000000000
    DeviceGetMemoryInfo@4 198674743296 0 0 1048575
    DeviceGetMemoryInfo@5 !4
    DeviceGetUtilizationRates@0 !3
    DeviceGetUtilizationRates@1 100 100
    DeviceGetUtilizationRates@2 !999
    DeviceGetTotalEccErrors@1 12345678901234567890
    DeviceGetTotalEccErrors@2 !999
    DeviceGetTotalEccErrors@6 5
    DeviceGetEccMode@0 !3
    DeviceGetEccMode@3 0 1
    DeviceGetEccMode@4 0 0
    DeviceGetEccMode@5 !999
    DeviceGetEccMode@6 1 0
    DeviceGetComputeMode@0 !3
    DeviceGetComputeMode@1 1
    DeviceGetComputeMode@2 2
    DeviceGetComputeMode@3 3
    DeviceGetComputeMode@4 !999
    DeviceGetComputeMode@5 9
    DeviceGetMigMode@0 !3
    DeviceGetMigMode@1 1 1
    DeviceGetMigMode@2 0 1
    DeviceGetMigMode@3 1 0
    DeviceGetMigMode@4 !999
    DeviceValidateInforom@4 !14
"""

PROCESSES = """\
    DeviceGetCount_v2 5
    ComputeProcesses@0 1234 1048576000 -1 -1 /usr/bin/python3;77 18446744073709551615 -1 -1 python
    GraphicsProcesses@0 1234 1048576000 -1 -1 /usr/bin/python3
    ComputeProcesses@1 4194304 1048575 -1 -1 /usr/local/lib/python3.12/site-packages/bin/python3 -m train;9 9 -1 -1 x
    GraphicsProcesses@1 1500 5242880 -1 -1 /usr/lib/xorg/Xorg
    ComputeProcesses@2 55 1572865 -1 -1 client
    MpsProcesses@2 55 1572865 -1 -1 client;56 1 -1 -1 nvidia-cuda-mps-server
    ComputeProcesses@3 !999
    GraphicsProcesses@3 12 1 -1 -1 not shown
    ComputeProcesses@4 123456789 100048576000000 -1 -1 x
"""

MIG = """\
    DeviceGetMigMode 1 1
    DeviceGetMaxMigDeviceCount 7
    MigDevices@0 5
    DeviceGetName@0.0 NVIDIA A100-SXM4-40GB MIG 3g.20gb
    DeviceGetName@0.1 NVIDIA A100-SXM4-40GB MIG 1g.5gb
    DeviceGetName@0.2 NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb
    DeviceGetName@0.3 NVIDIA A100-SXM4-40GB MIG 1g.5gb+me
    DeviceGetName@0.4 NVIDIA A100-SXM4-40GB MIG 1g.5gb
    DeviceGetUUID@0.0 MIG-01111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.1 MIG-11111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.2 MIG-21111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.3 MIG-31111111-2222-3333-4444-555555555555
    DeviceGetUUID@0.4 MIG-41111111-2222-3333-4444-555555555555
    DeviceGetGpuInstanceId@0.0 1
    DeviceGetGpuInstanceId@0.1 13
    DeviceGetGpuInstanceId@0.2 1
    DeviceGetGpuInstanceId@0.3 7
    DeviceGetGpuInstanceId@0.4 8
    DeviceGetComputeInstanceId 0
    DeviceGetComputeInstanceId@0.2 1
    DeviceGetAttributes_v2 14 1 0 0 1 1 1 1 4864
    DeviceGetAttributes_v2@0.0 42 3 2 1 0 0 3 3 19968
    DeviceGetMemoryInfo@0.0 20937965569 0 0 39845887
    DeviceGetMemoryInfo@0.1 20938965569 0 0 39845889
    DeviceGetMemoryInfo@0.3 5100273664 0 0 13631488
    DeviceGetMemoryInfo@0.4 2093906556900 0 0 391000000000
    DeviceGetBAR1MemoryInfo 34359738367 0 1048575
    DeviceGetBAR1MemoryInfo@0.1 34359738369 0 1048577
    DeviceGetMemoryErrorCounter(1,0,7)@0.0 123456
    DeviceGetMemoryErrorCounter(1,0,7)@0.1 12
    DeviceGetMemoryErrorCounter(1,0,7)@0.3 0
    DeviceGetUtilizationRates !3
    ComputeProcesses@0.0 1234 1048576000 1 0 /usr/bin/python3
    ComputeProcesses@0.1 77 18446744073709551615 13 0 python
"""


def failing(values: str, error: int) -> str:
    """The same answers, each of them this error; what the program cannot do without stays."""
    needed = ("Init", "DeviceGetCount", "PciBusId", "PciIds", "PciClass", "SystemGet", "DeviceGetUUID")
    # Of the clocks' reasons the vendor then prints what happens to lie in memory.
    left_out = (*needed, "DeviceGetSupportedClocks", "DeviceGetCurrentClocks", "Compute", "Mps", "Graphics")
    names = [line.split()[0] for line in values.splitlines() if line.strip() and not line.strip().startswith(left_out)]
    return "\n".join(f"{name} !{error}" for name in names)


BOARDS = {
    "plain": "",
    "all_values": ALL_VALUES,
    "other_values": ALL_VALUES + OTHER_VALUES,
    "strange_values": ALL_VALUES + STRANGE_VALUES,
    "odd_rows": ODD_ROWS,
    "processes": PROCESSES,
    "mig": ALL_VALUES + MIG,
    "unknown_error": ALL_VALUES + failing(BOARD + ALL_VALUES, 999),
    "no_permission": ALL_VALUES + failing(BOARD + ALL_VALUES, 4),
    "gpu_is_lost": ALL_VALUES + failing(BOARD + ALL_VALUES, 15),
}
