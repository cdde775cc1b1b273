/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's second part: what the board is doing, what has befallen it, and
 * its limits. */
#include "query_write.h"
#include "report.h"

#define MEMORY(part) .unit = "MiB", PART(memory, part)
#define BAR1(part) .unit = "MiB", PART(bar1, part)
#define PROTECTED(part) .unit = "MiB", PART(protected_memory, part)
#define PERCENT(function) .unit = "%", PAIR(pair, function, 0)
#define WATTS(writer, id, scope) .unit = "W", PART(writer, id), .counter = (scope)

static const struct element state[] = {
	VALUE_IN(IN_BOTH, "Fan Speed", "fan_speed", .unit = "%", NUMBER(DeviceGetFanSpeed)),
	VALUE_IN(IN_BOTH | DISPLAY_PERFORMANCE, "Performance State", "performance_state",
		 .write = write_pstate, CALL(DeviceGetPerformanceState)),
	PART_IN(IN_BOTH | DISPLAY_PERFORMANCE, report_clock_reasons),
	VALUE_IN(IN_BOTH | DISPLAY_PERFORMANCE, "Sparse Operation Mode", "sparse_operation_mode",
		 .write = write_unknown),
	GROUP_IN(IN_BOTH | DISPLAY_MEMORY, "FB Memory Usage", "fb_memory_usage"),
	VALUE("Total", "total", MEMORY(MEMORY_TOTAL)),
	VALUE("Reserved", "reserved", MEMORY(MEMORY_RESERVED)),
	VALUE("Used", "used", MEMORY(MEMORY_USED)),
	VALUE("Free", "free", MEMORY(MEMORY_FREE)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_MEMORY, "BAR1 Memory Usage", "bar1_memory_usage"),
	VALUE("Total", "total", BAR1(MEMORY_TOTAL)),
	VALUE("Used", "used", BAR1(MEMORY_USED)),
	VALUE("Free", "free", BAR1(MEMORY_FREE)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_MEMORY, "Conf Compute Protected Memory Usage",
		 "cc_protected_memory_usage"),
	VALUE("Total", "total", PROTECTED(MEMORY_TOTAL)),
	VALUE("Used", "used", PROTECTED(MEMORY_USED)),
	VALUE("Free", "free", .unit = "MiB", .write = write_protected_free),
	END,
	VALUE_IN(IN_BOTH | DISPLAY_COMPUTE, "Compute Mode", "compute_mode",
		 .write = write_compute_mode, CALL(DeviceGetComputeMode)),
	GROUP_IN(IN_BOTH | DISPLAY_UTILIZATION, "Utilization", "utilization"),
	VALUE("Gpu", "gpu_util", .unit = "%", PART(utilization, 0)),
	VALUE("Memory", "memory_util", .unit = "%", PART(utilization, 1)),
	VALUE("Encoder", "encoder_util", PERCENT(DeviceGetEncoderUtilization)),
	VALUE("Decoder", "decoder_util", PERCENT(DeviceGetDecoderUtilization)),
	VALUE("JPEG", "jpeg_util", PERCENT(DeviceGetJpgUtilization)),
	VALUE("OFA", "ofa_util", PERCENT(DeviceGetOfaUtilization)),
	END,
	PART_IN(DISPLAY_UTILIZATION, report_utilization_samples),
	GROUP_IN(IN_BOTH | DISPLAY_ENCODER_STATS, "Encoder Stats", "encoder_stats"),
	VALUE("Active Sessions", "session_count", PART(encoder_stats, 0)),
	VALUE("Average FPS", "average_fps", PART(encoder_stats, 1)),
	VALUE("Average Latency", "average_latency", PART(encoder_stats, 2)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_FBC_STATS, "FBC Stats", "fbc_stats"),
	VALUE("Active Sessions", "session_count", PART(fbc_stats, 0)),
	VALUE("Average FPS", "average_fps", PART(fbc_stats, 1)),
	VALUE("Average Latency", "average_latency", PART(fbc_stats, 2)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_ECC, "ECC Mode", "ecc_mode"),
	VALUE("Current", "current_ecc", PAIR(pair_switch, DeviceGetEccMode, 0)),
	VALUE("Pending", "pending_ecc", PAIR(pair_switch, DeviceGetEccMode, 1)),
	END,
	PART_IN(IN_BOTH | DISPLAY_ECC, report_ecc_errors),
	PART_IN(IN_BOTH | DISPLAY_PAGE_RETIREMENT, report_retired_pages),
	PART_IN(IN_BOTH | DISPLAY_ROW_REMAPPER, report_remapped_rows),
	PART_IN(IN_BOTH | DISPLAY_TEMPERATURE, report_temperature),
};

#define POWER_LIMITS(scope)                                                          \
	VALUE("Current Power Limit", "current_power_limit",                          \
	      WATTS(exact_watts, NVML_FI_DEV_POWER_CURRENT_LIMIT, scope)),           \
		VALUE("Requested Power Limit", "requested_power_limit",              \
		      WATTS(exact_watts, NVML_FI_DEV_POWER_REQUESTED_LIMIT, scope)), \
		VALUE("Default Power Limit", "default_power_limit",                  \
		      WATTS(exact_watts, NVML_FI_DEV_POWER_DEFAULT_LIMIT, scope)),   \
		VALUE("Min Power Limit", "min_power_limit",                          \
		      WATTS(exact_watts, NVML_FI_DEV_POWER_MIN_LIMIT, scope)),       \
		VALUE("Max Power Limit", "max_power_limit",                          \
		      WATTS(exact_watts, NVML_FI_DEV_POWER_MAX_LIMIT, scope))
/* The vendor lets the whole board draw no less than a watt. */
#define POWER_DRAW(writer, scope)                                       \
	VALUE("Average Power Draw", "average_power_draw",               \
	      WATTS(writer, NVML_FI_DEV_POWER_AVERAGE, scope)),         \
		VALUE("Instantaneous Power Draw", "instant_power_draw", \
		      WATTS(writer, NVML_FI_DEV_POWER_INSTANT, scope))
#define POWER_STATE VALUE(NULL, "power_state", .write = write_pstate, CALL(DeviceGetPowerState))

static const struct element limits[] = {
	GROUP_IN(IN_XML | DISPLAY_TARGET_TEMPERATURE, "Supported GPU_TARGET_TEMP",
		 "supported_gpu_target_temp"),
	VALUE("Min", "gpu_target_temp_min", .unit = "C", .write = write_numbered,
	      CALL(DeviceGetTemperatureThreshold),
	      .which = NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MIN),
	VALUE("Max", "gpu_target_temp_max", .unit = "C", .write = write_numbered,
	      CALL(DeviceGetTemperatureThreshold),
	      .which = NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MAX),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_POWER, "GPU Power Readings", "gpu_power_readings"),
	POWER_STATE,
	POWER_DRAW(field_watts, NVML_POWER_SCOPE_GPU),
	POWER_LIMITS(NVML_POWER_SCOPE_GPU),
	END,
	PART_IN(DISPLAY_POWER, report_power_samples),
	GROUP_IN(IN_BOTH | DISPLAY_POWER, "GPU Memory Power Readings ",
		 "gpu_memory_power_readings"),
	POWER_DRAW(exact_watts, NVML_POWER_SCOPE_MEMORY),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_POWER, "Module Power Readings", "module_power_readings"),
	POWER_STATE,
	POWER_DRAW(field_watts, NVML_POWER_SCOPE_MODULE),
	POWER_LIMITS(NVML_POWER_SCOPE_MODULE),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Clocks", "clocks"),
	VALUE("Graphics", "graphics_clock", CLOCK(DeviceGetClockInfo, NVML_CLOCK_GRAPHICS)),
	VALUE("SM", "sm_clock", CLOCK(DeviceGetClockInfo, NVML_CLOCK_SM)),
	VALUE("Memory", "mem_clock", CLOCK(DeviceGetClockInfo, NVML_CLOCK_MEM)),
	VALUE("Video", "video_clock", CLOCK(DeviceGetClockInfo, NVML_CLOCK_VIDEO)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Applications Clocks", "applications_clocks"),
	VALUE("Graphics", "graphics_clock", CLOCK(DeviceGetApplicationsClock, NVML_CLOCK_GRAPHICS)),
	VALUE("Memory", "mem_clock", CLOCK(DeviceGetApplicationsClock, NVML_CLOCK_MEM)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Default Applications Clocks",
		 "default_applications_clocks"),
	VALUE("Graphics", "graphics_clock",
	      CLOCK(DeviceGetDefaultApplicationsClock, NVML_CLOCK_GRAPHICS)),
	VALUE("Memory", "mem_clock", CLOCK(DeviceGetDefaultApplicationsClock, NVML_CLOCK_MEM)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Deferred Clocks", "deferred_clocks"),
	VALUE("Memory", "mem_clock", .write = write_unknown),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Max Clocks", "max_clocks"),
	VALUE("Graphics", "graphics_clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_GRAPHICS)),
	VALUE("SM", "sm_clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_SM)),
	VALUE("Memory", "mem_clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_MEM)),
	VALUE("Video", "video_clock", CLOCK(DeviceGetMaxClockInfo, NVML_CLOCK_VIDEO)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Max Customer Boost Clocks", "max_customer_boost_clocks"),
	VALUE("Graphics", "graphics_clock",
	      CLOCK(DeviceGetMaxCustomerBoostClock, NVML_CLOCK_GRAPHICS)),
	END,
	PART_IN(DISPLAY_CLOCK, report_clock_samples),
	GROUP_IN(IN_BOTH | DISPLAY_CLOCK, "Clock Policy", "clock_policy"),
	VALUE("Auto Boost", "auto_boost", PAIR(boost, DeviceGetAutoBoostedClocksEnabled, 0)),
	VALUE("Auto Boost Default", "auto_boost_default",
	      PAIR(boost, DeviceGetAutoBoostedClocksEnabled, 1)),
	END,
	GROUP_IN(IN_BOTH | DISPLAY_VOLTAGE, "Voltage", "voltage"),
	VALUE("Graphics", "graphics_volt", .write = write_unknown),
	END,
	PART_IN(IN_BOTH, report_fabric),
	PART_IN(IN_XML | DISPLAY_SUPPORTED_CLOCKS, report_supported_clocks),
	PART_IN(IN_BOTH | DISPLAY_PIDS, report_processes),
	PART_IN(IN_XML | DISPLAY_ACCOUNTING, report_accounted_processes),
};

const struct elements report_state = ELEMENTS(state);
const struct elements report_limits = ELEMENTS(limits);
