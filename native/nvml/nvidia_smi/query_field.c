/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "query_field.h"

#include <string.h>

#include "query_write.h"

#define ECC_LOCATIONS(kind, type, span, count_type)                                         \
	ECC(kind, type, span, count_type, "device_memory", DEVICE_MEMORY),                  \
		ECC(kind, type, span, count_type, "dram", DEVICE_MEMORY),                   \
		ECC(kind, type, span, count_type, "register_file", REGISTER_FILE),          \
		ECC(kind, type, span, count_type, "l1_cache", L1_CACHE),                    \
		ECC(kind, type, span, count_type, "l2_cache", L2_CACHE),                    \
		ECC(kind, type, span, count_type, "texture_memory", TEXTURE_MEMORY),        \
		ECC(kind, type, span, count_type, "cbu", CBU),                              \
		ECC(kind, type, span, count_type, "sram", SRAM),                            \
	{                                                                                   \
		"ecc.errors." kind "." span ".total", .help = kind " errors in all, " span, \
			.write = write_ecc_total, .error_type = type, .counter = count_type \
	}
#define ECC(kind, type, span, count_type, place, location) \
	{ "ecc.errors." kind "." span "." place,           \
	  .help = kind " errors of " place ", " span,      \
	  .write = write_ecc,                              \
	  .error_type = type,                              \
	  .counter = count_type,                           \
	  .which = NVML_MEMORY_LOCATION_##location }

/* clang-format off */
static const struct field fields[] = {
	{ "timestamp", .help = "when the line was made: YYYY/MM/DD HH:MM:SS.msec", .write = write_timestamp },
	{ "driver_version", .help = "version of the driver", .write = write_driver_version },
	{ "vgpu_driver_capability.heterogenous_multivGPU", .help = "1 if the driver mixes vGPU types on a GPU",
	  PART(vgpu_driver, NVML_VGPU_DRIVER_CAP_HETEROGENEOUS_MULTI_VGPU) },
	{ "count", .help = "number of GPUs that are seen", .write = write_count },
	{ "name", "gpu_name", .help = "name of the product", TEXT(DeviceGetName) },
	{ "serial", "gpu_serial", .help = "serial number of the board", TEXT(DeviceGetSerial) },
	{ "uuid", "gpu_uuid", .help = "unique identifier of the GPU", TEXT(DeviceGetUUID) },
	{ "pci.bus_id", "gpu_bus_id", .help = "domain:bus:device.function", PART(pci, PCI_BUS_ID) },
	{ "pci.domain", .help = "PCI domain", PART(pci, PCI_DOMAIN) },
	{ "pci.bus", .help = "PCI bus", PART(pci, PCI_BUS) },
	{ "pci.device", .help = "PCI device", PART(pci, PCI_DEVICE) },
	{ "pci.baseClass", .help = "PCI base class", PART(pci, PCI_BASE_CLASS) },
	{ "pci.subClass", .help = "PCI sub-class", PART(pci, PCI_SUB_CLASS) },
	{ "pci.device_id", .help = "PCI device and vendor id", PART(pci, PCI_DEVICE_ID) },
	{ "pci.sub_device_id", .help = "PCI subsystem id", PART(pci, PCI_SUBSYSTEM_ID) },
	{ "vgpu_device_capability.fractional_multiVgpu", .help = "1 if fractional vGPUs may be mixed",
	  .write = write_numbered, CALL(DeviceGetVgpuCapabilities), .which = NVML_DEVICE_VGPU_CAP_FRACTIONAL_MULTI_VGPU },
	{ "vgpu_device_capability.heterogeneous_timeSlice_profile", .help = "1 if time-sliced vGPU types may be mixed",
	  .write = write_numbered, CALL(DeviceGetVgpuCapabilities),
	  .which = NVML_DEVICE_VGPU_CAP_HETEROGENEOUS_TIMESLICE_PROFILES },
	{ "vgpu_device_capability.heterogeneous_timeSlice_sizes", .help = "1 if time-sliced vGPU sizes may be mixed",
	  .write = write_numbered, CALL(DeviceGetVgpuCapabilities),
	  .which = NVML_DEVICE_VGPU_CAP_HETEROGENEOUS_TIMESLICE_SIZES },
	{ "pcie.link.gen.current", .help = "PCIe generation in use", NUMBER(DeviceGetCurrPcieLinkGeneration) },
	{ "pcie.link.gen.gpucurrent", .help = "PCIe generation in use by the GPU", NUMBER(DeviceGetCurrPcieLinkGeneration) },
	{ "pcie.link.gen.max", .help = "PCIe generation of GPU and host together", NUMBER(DeviceGetMaxPcieLinkGeneration) },
	{ "pcie.link.gen.gpumax", .help = "PCIe generation of the GPU", NUMBER(DeviceGetGpuMaxPcieLinkGeneration) },
	{ "pcie.link.gen.hostmax", .help = "PCIe generation of the host: not known here", .write = write_host_pcie },
	{ "pcie.link.width.current", .help = "PCIe lanes in use", NUMBER(DeviceGetCurrPcieLinkWidth) },
	{ "pcie.link.width.max", .help = "PCIe lanes of GPU and host together", NUMBER(DeviceGetMaxPcieLinkWidth) },
	{ "index", .help = "number of the GPU, from 0", NUMBER(DeviceGetIndex) },
	{ "display_mode", .help = "a display is connected", ENABLED(DeviceGetDisplayMode) },
	{ "display_active", .help = "a display is initialised", ENABLED(DeviceGetDisplayActive) },
	{ "persistence_mode", .help = "the driver stays loaded without clients", ENABLED(DeviceGetPersistenceMode) },
	{ "addressing_mode", .help = "how the GPU addresses system memory: HMM, ATS or None", .write = write_addressing },
	{ "accounting.mode", .help = "statistics are kept for each process", ENABLED(DeviceGetAccountingMode) },
	{ "accounting.buffer_size", .help = "processes whose statistics are kept", NUMBER(DeviceGetAccountingBufferSize) },
	{ "driver_model.current", .help = "N/A but on Windows", PAIR(driver_model, DeviceGetDriverModel, 0) },
	{ "driver_model.pending", .help = "N/A but on Windows", PAIR(driver_model, DeviceGetDriverModel, 1) },
	{ "vbios_version", .help = "version of the board's firmware", TEXT(DeviceGetVbiosVersion) },
	{ "inforom.img", "inforom.image", .help = "version of the infoROM", TEXT(DeviceGetInforomImageVersion) },
	{ "inforom.oem", .help = "version of its OEM object", .write = write_words, CALL(DeviceGetInforomVersion),
	  .which = NVML_INFOROM_OEM },
	{ "inforom.ecc", .help = "version of its ECC object", .write = write_words, CALL(DeviceGetInforomVersion),
	  .which = NVML_INFOROM_ECC },
	{ "inforom.pwr", "inforom.power", .help = "version of its power object", .write = write_words,
	  CALL(DeviceGetInforomVersion), .which = NVML_INFOROM_POWER },
	{ "reset_status.reset_required", .help = "the GPU must be reset", PART(field_yes, NVML_FI_DEV_RESET_STATUS) },
	{ "reset_status.drain_and_reset_recommended", .help = "the GPU should be drained and reset",
	  PART(field_yes, NVML_FI_DEV_DRAIN_AND_RESET_STATUS) },
	{ "gom.current", "gpu_operation_mode.current", .help = "GPU operation mode", PAIR(operation_mode, DeviceGetGpuOperationMode, 0) },
	{ "gom.pending", "gpu_operation_mode.pending", .help = "the same after the next reboot",
	  PAIR(operation_mode, DeviceGetGpuOperationMode, 1) },
	{ "fan.speed", .unit = "%", .help = "intended fan speed", NUMBER(DeviceGetFanSpeed) },
	{ "pstate", .help = "performance state, P0 the highest", .write = write_pstate, CALL(DeviceGetPerformanceState) },
	{ "clocks_event_reasons.supported", "clocks_throttle_reasons.supported", .help = "mask of the reasons below that the board knows",
	  .write = write_reasons_supported },
	{ "clocks_event_reasons.active", "clocks_throttle_reasons.active", .help = "mask of the reasons below that hold now",
	  .write = write_reasons_active },
	{ "clocks_event_reasons.gpu_idle", "clocks_throttle_reasons.gpu_idle", .help = "nothing runs",
	  REASON(nvmlClocksEventReasonGpuIdle) },
	{ "clocks_event_reasons.applications_clocks_setting", "clocks_throttle_reasons.applications_clocks_setting",
	  .help = "the applications clocks are the limit", REASON(nvmlClocksEventReasonApplicationsClocksSetting) },
	{ "clocks_event_reasons.sw_power_cap", "clocks_throttle_reasons.sw_power_cap", .help = "the power limit is the limit",
	  REASON(nvmlClocksEventReasonSwPowerCap) },
	{ "clocks_event_reasons.hw_slowdown", "clocks_throttle_reasons.hw_slowdown", .help = "the hardware slows down by half or more",
	  REASON(nvmlClocksThrottleReasonHwSlowdown) },
	{ "clocks_event_reasons.hw_thermal_slowdown", "clocks_throttle_reasons.hw_thermal_slowdown", .help = "it does for the temperature",
	  REASON(nvmlClocksThrottleReasonHwThermalSlowdown) },
	{ "clocks_event_reasons.hw_power_brake_slowdown", "clocks_throttle_reasons.hw_power_brake_slowdown",
	  .help = "it does for the power supply", REASON(nvmlClocksThrottleReasonHwPowerBrakeSlowdown) },
	{ "clocks_event_reasons.sw_thermal_slowdown", "clocks_throttle_reasons.sw_thermal_slowdown",
	  .help = "the driver slows down for the temperature", REASON(nvmlClocksEventReasonSwThermalSlowdown) },
	{ "clocks_event_reasons.sync_boost", "clocks_throttle_reasons.sync_boost", .help = "held back by its sync boost group",
	  REASON(nvmlClocksEventReasonSyncBoost) },
	{ "memory.total", .unit = "MiB", .help = "memory of the GPU", PART(memory, MEMORY_TOTAL) },
	{ "memory.reserved", .unit = "MiB", .help = "of it kept by driver and firmware", PART(memory, MEMORY_RESERVED) },
	{ "memory.used", .unit = "MiB", .help = "of it taken by programs", PART(memory, MEMORY_USED) },
	{ "memory.free", .unit = "MiB", .help = "of it left", PART(memory, MEMORY_FREE) },
	{ "compute_mode", .help = "who may compute: Default, Exclusive_Process or Prohibited", .write = write_compute_mode,
	  CALL(DeviceGetComputeMode) },
	{ "compute_cap", .help = "CUDA compute capability", .write = write_capability },
	{ "utilization.gpu", .unit = "%", .help = "time in which a kernel ran", PART(utilization, 0) },
	{ "utilization.memory", .unit = "%", .help = "time in which memory was read or written", PART(utilization, 1) },
	{ "utilization.encoder", .unit = "%", .help = "time in which the encoder was used", PAIR(pair, DeviceGetEncoderUtilization, 0) },
	{ "utilization.decoder", .unit = "%", .help = "time in which the decoder was used", PAIR(pair, DeviceGetDecoderUtilization, 0) },
	{ "utilization.jpeg", .unit = "%", .help = "time in which the JPEG engine was used", PAIR(pair, DeviceGetJpgUtilization, 0) },
	{ "utilization.ofa", .unit = "%", .help = "time in which the optical flow engine was used", PAIR(pair, DeviceGetOfaUtilization, 0) },
	{ "encoder.stats.sessionCount", .help = "encoder sessions", PART(encoder_stats, 0) },
	{ "encoder.stats.averageFps", .help = "their frames per second", PART(encoder_stats, 1) },
	{ "encoder.stats.averageLatency", .help = "their latency in microseconds", PART(encoder_stats, 2) },
	{ "ecc.mode.current", .help = "errors of memory are corrected", PAIR(pair_enabled, DeviceGetEccMode, 0) },
	{ "ecc.mode.pending", .help = "the same after the next reboot", PAIR(pair_enabled, DeviceGetEccMode, 1) },
	ECC_LOCATIONS("corrected", NVML_MEMORY_ERROR_TYPE_CORRECTED, "volatile", NVML_VOLATILE_ECC),
	ECC_LOCATIONS("corrected", NVML_MEMORY_ERROR_TYPE_CORRECTED, "aggregate", NVML_AGGREGATE_ECC),
	ECC_LOCATIONS("uncorrected", NVML_MEMORY_ERROR_TYPE_UNCORRECTED, "volatile", NVML_VOLATILE_ECC),
	ECC_LOCATIONS("uncorrected", NVML_MEMORY_ERROR_TYPE_UNCORRECTED, "aggregate", NVML_AGGREGATE_ECC),
	{ "retired_pages.single_bit_ecc.count", "retired_pages.sbe", .help = "pages retired for single-bit errors",
	  PART(retired, NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS) },
	{ "retired_pages.double_bit.count", "retired_pages.dbe", .help = "pages retired for a double-bit error",
	  PART(retired, NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR) },
	{ "retired_pages.pending", .help = "pages wait for the next reboot to be retired", .write = write_yes,
	  CALL(DeviceGetRetiredPagesPendingStatus) },
	{ "temperature.gpu", .help = "degrees Celsius", .write = write_numbered, CALL(DeviceGetTemperature),
	  .which = NVML_TEMPERATURE_GPU },
	{ "temperature.gpu.tlimit", .help = "degrees left to the first limit", .write = write_margin },
	{ "temperature.memory", .help = "degrees Celsius of the memory", PART(field_value, NVML_FI_DEV_MEMORY_TEMP), .failure = "N/A" },
	{ "power.management", .help = "power is measured and limited", ENABLED(DeviceGetPowerManagementMode) },
	{ "power.draw", .unit = "W", .help = "power of the board", .write = write_watts, CALL(DeviceGetPowerUsage) },
	{ "power.draw.average", .unit = "W", .help = "averaged over a second", PART(field_watts, NVML_FI_DEV_POWER_AVERAGE) },
	{ "power.draw.instant", .unit = "W", .help = "at this moment", PART(field_watts, NVML_FI_DEV_POWER_INSTANT) },
	{ "power.limit", .unit = "W", .help = "limit that was set", .write = write_watts, CALL(DeviceGetPowerManagementLimit) },
	{ "enforced.power.limit", .unit = "W", .help = "lowest of all limits", .write = write_watts, CALL(DeviceGetEnforcedPowerLimit) },
	{ "power.default_limit", .unit = "W", .help = "limit after the driver is loaded", .write = write_watts,
	  CALL(DeviceGetPowerManagementDefaultLimit) },
	{ "power.min_limit", .unit = "W", .help = "lowest limit that can be set",
	  PAIR(pair_watts, DeviceGetPowerManagementLimitConstraints, 0) },
	{ "power.max_limit", .unit = "W", .help = "highest limit that can be set",
	  PAIR(pair_watts, DeviceGetPowerManagementLimitConstraints, 1) },
	{ "clocks.current.graphics", "clocks.gr", .help = "graphics clock now", CLOCK(DeviceGetClockInfo, NVML_CLOCK_GRAPHICS) },
	{ "clocks.current.sm", "clocks.sm", .help = "SM clock now", CLOCK(DeviceGetClockInfo, NVML_CLOCK_SM) },
	{ "clocks.current.memory", "clocks.mem", .help = "memory clock now", CLOCK(DeviceGetClockInfo, NVML_CLOCK_MEM) },
	{ "clocks.current.video", "clocks.video", .help = "video clock now", CLOCK(DeviceGetClockInfo, NVML_CLOCK_VIDEO) },
	{ "clocks.applications.graphics", "clocks.applications.gr", .help = "graphics clock for programs",
	  CLOCK(DeviceGetApplicationsClock, NVML_CLOCK_GRAPHICS) },
	{ "clocks.applications.memory", "clocks.applications.mem", .help = "memory clock for programs",
	  CLOCK(DeviceGetApplicationsClock, NVML_CLOCK_MEM) },
	{ "clocks.default_applications.graphics", "clocks.default_applications.gr", .help = "the same as delivered",
	  CLOCK(DeviceGetDefaultApplicationsClock, NVML_CLOCK_GRAPHICS) },
	{ "clocks.default_applications.memory", "clocks.default_applications.mem", .help = "the same as delivered",
	  CLOCK(DeviceGetDefaultApplicationsClock, NVML_CLOCK_MEM) },
	{ "clocks.max.graphics", "clocks.max.gr", .help = "highest graphics clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_GRAPHICS) },
	{ "clocks.max.sm", .help = "highest SM clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_SM) },
	{ "clocks.max.memory", "clocks.max.mem", .help = "highest memory clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_MEM) },
	{ "mig.mode.current", .help = "the GPU is divided into instances", PAIR(pair_switch, DeviceGetMigMode, 0) },
	{ "mig.mode.pending", .help = "the same after the next reset", PAIR(pair_switch, DeviceGetMigMode, 1) },
	{ "gsp.mode.current", .help = "the GPU runs its own firmware", PAIR(gsp_mode, DeviceGetGspFirmwareMode, 0) },
	{ "gsp.mode.default", .help = "the same as delivered", PAIR(gsp_mode, DeviceGetGspFirmwareMode, 1) },
	{ "c2c.mode", .help = "the GPU is joined to a processor chip to chip", .write = write_c2c },
	{ "protected_memory.total", .unit = "MiB", .help = "memory under confidential computing", PART(protected_memory, MEMORY_TOTAL) },
	{ "protected_memory.used", .unit = "MiB", .help = "of it taken by programs", PART(protected_memory, MEMORY_USED) },
	{ "protected_memory.free", .unit = "MiB", .help = "of it left", PART(protected_memory, MEMORY_FREE) },
	{ "fabric.state", .help = "registration with the fabric", .write = write_fabric_state },
	{ "fabric.status", .help = "how the registration ended", .write = write_fabric_status },
};
/* clang-format on */

const struct query_kind query_gpu = { "--query-gpu", fields, COUNT(fields), NULL };

const struct field *query_field_find(const struct query_kind *kind, const char *name)
{
	for (size_t i = 0; i < kind->field_count; i++) {
		const struct field *field = &kind->fields[i];

		if (!strcmp(name, field->name) || (field->alias && !strcmp(name, field->alias)))
			return field;
	}
	return NULL;
}
