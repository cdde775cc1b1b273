/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of what a GPU says at rest: power, heat, clocks, utilization. */
#include "motion_wave.h"
#include "profile_keys.h"

static const struct choice patterns[] = {
	{ "idle", PATTERN_IDLE },	  { "busy", PATTERN_BUSY },
	{ "burst", PATTERN_BURST },	  { "steady", PATTERN_STEADY },
	{ "constant", PATTERN_CONSTANT }, { "sine", PATTERN_SINE },
	{ "ramp", PATTERN_RAMP },	  { "walk", PATTERN_WALK },
	{ "", PATTERN_STEADY },		  { NULL, 0 },
};

static const struct key module_power_keys[] = {
	MILLIWATTS("default_limit_mw", board.power.module_default_limit_mw),
	MILLIWATTS("enforced_limit_mw", readings.module_enforced_limit_mw),
	MILLIWATTS("requested_limit_mw", readings.module_power_limit_mw),
	MILLIWATTS("min_limit_mw", board.power.module_min_limit_mw),
	MILLIWATTS("max_limit_mw", board.power.module_max_limit_mw),
	MILLIWATTS("current_draw_mw", readings.module_power_mw),
	MILLIWATTS("average_draw_mw", readings.module_power_average_mw),
	END,
};

static const struct key memory_power_keys[] = {
	MILLIWATTS("current_draw_mw", readings.memory_power_mw),
	MILLIWATTS("average_draw_mw", readings.memory_power_average_mw),
	END,
};

const struct key power_keys[] = {
	BOOL("management_supported", board.power.management, NA),
	/* NVML has one answer for both: power management is on where there is any. */
	QUIET("management_mode"),
	MILLIWATTS("default_limit_mw", board.power.default_limit_mw),
	MILLIWATTS("enforced_limit_mw", readings.enforced_limit_mw),
	MILLIWATTS("requested_limit_mw", readings.power_limit_mw),
	MILLIWATTS("min_limit_mw", board.power.min_limit_mw),
	MILLIWATTS("max_limit_mw", board.power.max_limit_mw),
	MILLIWATTS("current_draw_mw", readings.power_mw),
	MILLIWATTS("average_draw_mw", readings.power_average_mw),
	CALL("power_state", read_performance_state, "a performance state from P0 to P15, or N/A"),
	U64("total_energy_consumption_mj", readings.energy_mj, COUNT_MAX, .unit = UNIT_MILLIJOULES,
	    NA),
	SECTION("memory", memory_power_keys),
	SECTION("module", module_power_keys),
	U32("voltage_uv", readings.voltage_uv, 0, 100000000, .unit = UNIT_MICROVOLTS, NA),
	END,
};

static const struct key tlimit_keys[] = {
	CELSIUS("current_c", readings.tlimit_c),
	CELSIUS("shutdown_c", board.thermal.tlimit_shutdown_c),
	CELSIUS("slowdown_c", board.thermal.tlimit_slowdown_c),
	CELSIUS("max_operating_c", board.thermal.tlimit_gpu_max_c),
	CELSIUS("memory_max_c", board.thermal.tlimit_mem_max_c),
	END,
};

const struct key thermal_keys[] = {
	CELSIUS("temperature_gpu_c", readings.temperature_c),
	CELSIUS("temperature_memory_c", readings.memory_temperature_c),
	CELSIUS("shutdown_threshold_c", board.thermal.shutdown_c),
	CELSIUS("slowdown_threshold_c", board.thermal.slowdown_c),
	CELSIUS("max_operating_c", board.thermal.gpu_max_c),
	CELSIUS("memory_max_operating_c", board.thermal.mem_max_c),
	CELSIUS("target_temperature_c", board.thermal.target_c),
	CELSIUS("target_temperature_min_c", board.thermal.target_min_c),
	CELSIUS("target_temperature_max_c", board.thermal.target_max_c),
	SECTION("tlimit", tlimit_keys),
	END,
};

const struct key fan_keys[] = {
	U32("count", board.fans, 0, PROFILE_MAX_FANS),
	CALL("speed_percent", read_fan_speed, "a number from 0 to 100 %, or N/A"),
	CALL("target_speed_percent", read_fan_target, "a number from 0 to 100 %, or N/A"),
	U32("min_speed_percent", board.fan_min_percent, 0, 100, .unit = UNIT_PERCENT, NA),
	U32("max_speed_percent", board.fan_max_percent, 0, 100, .unit = UNIT_PERCENT, NA),
	END,
};

const struct key clocks_keys[] = {
	MHZ("graphics_current", readings.graphics_mhz),
	MHZ("graphics_max", board.clocks.graphics_max),
	MHZ("graphics_app", readings.graphics_app_mhz),
	MHZ("graphics_app_default", board.clocks.graphics_app_default),
	MHZ("graphics_boost_max", board.clocks.graphics_boost_max),
	MHZ("sm_current", readings.sm_mhz),
	MHZ("sm_max", board.clocks.sm_max),
	MHZ("memory_current", readings.memory_mhz),
	MHZ("memory_max", board.clocks.memory_max),
	MHZ("memory_app", readings.memory_app_mhz),
	MHZ("memory_app_default", board.clocks.memory_app_default),
	U32("memory_deferred_khz", board.clocks.memory_deferred, 0, 100000000, .unit = UNIT_KHZ,
	    NA),
	MHZ("video_current", readings.video_mhz),
	MHZ("video_max", board.clocks.video_max),
	BOOL("auto_boost", readings.auto_boost, NA),
	BOOL("auto_boost_default", board.clocks.auto_boost_default, NA),
	END,
};

static const struct key throttle_counter_keys[] = {
	MICROSECONDS("sw_power_cap_us", readings.throttle_power_us),
	MICROSECONDS("sync_boost_us", readings.throttle_sync_boost_us),
	MICROSECONDS("sw_thermal_slowdown_us", readings.throttle_sw_thermal_us),
	MICROSECONDS("hw_thermal_slowdown_us", readings.throttle_hw_thermal_us),
	MICROSECONDS("hw_power_brake_slowdown_us", readings.throttle_hw_brake_us),
	END,
};

const struct key throttle_keys[] = {
	REASON("gpu_idle", 0x1),
	REASON("applications_clocks_setting", 0x2),
	REASON("sw_power_cap", 0x4),
	REASON("hw_slowdown", 0x8),
	REASON("sync_boost", 0x10),
	REASON("sw_thermal_slowdown", 0x20),
	REASON("hw_thermal_slowdown", 0x40),
	REASON("hw_power_brake_slowdown", 0x80),
	REASON("display_clocks_setting", 0x100),
	SECTION("counters", throttle_counter_keys),
	END,
};

const struct key supported_clocks_keys[] = {
	LIST("memory_clocks", read_clocks, profile_memory_clock_keys), END
};

const struct key utilization_keys[] = {
	PERCENT("gpu", readings.gpu_util),
	PERCENT("memory", readings.memory_util),
	PERCENT("encoder", readings.encoder_util),
	PERCENT("decoder", readings.decoder_util),
	PERCENT("jpeg", readings.jpeg_util),
	PERCENT("ofa", readings.ofa_util),
	END,
};

const struct key encoder_keys[] = {
	U32("session_count", readings.encoder_sessions, 0, 1000000, NA_ZERO),
	U32("average_fps", readings.encoder_fps, 0, 1000000, NA_ZERO),
	U32("average_latency_us", readings.encoder_latency_us, 0, 4000000000,
	    .unit = UNIT_MICROSECONDS, NA_ZERO),
	U32("capacity_percent", board.encoder_capacity, 0, 100, .unit = UNIT_PERCENT, NA),
	END,
};

const struct key fbc_keys[] = {
	U32("session_count", readings.fbc_sessions, 0, 1000000, NA_ZERO),
	U32("average_fps", readings.fbc_fps, 0, 1000000, NA_ZERO),
	U32("average_latency_us", readings.fbc_latency_us, 0, 4000000000, .unit = UNIT_MICROSECONDS,
	    NA_ZERO),
	END,
};

static const struct key motion_temperature_keys[] = {
	I32("base_c", readings.motion.temperature_base_c, -300, 300, .unit = UNIT_CELSIUS),
	I32("variance_c", readings.motion.temperature_variance_c, 0, 300, .unit = UNIT_CELSIUS),
	I32("ramp_c", readings.motion.temperature_ramp_c, 0, 300, .unit = UNIT_CELSIUS),
	U32("ramp_period_sec", readings.motion.temperature_ramp_period_s, 0, 1000000),
	END,
};

static const struct key motion_power_keys[] = {
	U32("base_mw", readings.motion.power_base_mw, 0, 100000000, .unit = UNIT_MILLIWATTS),
	U32("variance_mw", readings.motion.power_variance_mw, 0, 100000000,
	    .unit = UNIT_MILLIWATTS),
	END,
};

static const struct key motion_utilization_keys[] = {
	CHOICE("pattern", readings.motion.pattern, patterns),
	U32("gpu_min", readings.motion.gpu_min, 0, 100, .unit = UNIT_PERCENT),
	U32("gpu_max", readings.motion.gpu_max, 0, 100, .unit = UNIT_PERCENT),
	U32("memory_min", readings.motion.memory_min, 0, 100, .unit = UNIT_PERCENT),
	U32("memory_max", readings.motion.memory_max, 0, 100, .unit = UNIT_PERCENT),
	U32("encoder_min", readings.motion.encoder_min, 0, 100, .unit = UNIT_PERCENT),
	U32("encoder_max", readings.motion.encoder_max, 0, 100, .unit = UNIT_PERCENT),
	U32("decoder_min", readings.motion.decoder_min, 0, 100, .unit = UNIT_PERCENT),
	U32("decoder_max", readings.motion.decoder_max, 0, 100, .unit = UNIT_PERCENT),
	U32("period_sec", readings.motion.period_s, 0, 1000000, ZERO_DEFAULT),
	/* The name that period_sec has in nvml-mock's files. */
	U32("burst_period_sec", readings.motion.period_s, 0, 1000000, ZERO_DEFAULT),
	U32("duty_percent", readings.motion.duty_percent, 0, 100, .unit = UNIT_PERCENT,
	    ZERO_DEFAULT),
	U32("stagger_sec", readings.motion.stagger_s, 0, 1000000),
	END,
};

static const struct key motion_memory_keys[] = {
	U64("used_min_bytes", readings.motion.memory_used_min, BYTES_MAX, .unit = UNIT_BYTES),
	U64("used_max_bytes", readings.motion.memory_used_max, BYTES_MAX, .unit = UNIT_BYTES),
	END,
};

static const struct key motion_traffic_keys[] = {
	U32("pcie_max", readings.motion.pcie_percent, 0, 100, .unit = UNIT_PERCENT),
	U32("nvlink_max", readings.motion.nvlink_percent, 0, 100, .unit = UNIT_PERCENT),
	END,
};

static const struct key motion_cooling_keys[] = {
	U32("time_constant_sec", readings.motion.time_constant_s, 0, MOTION_MAX_TIME_CONSTANT_S,
	    ZERO_DEFAULT),
	I32("full_load_c", readings.motion.full_load_c, 0, 300, .unit = UNIT_CELSIUS, ZERO_DEFAULT),
	END,
};

const struct key motion_keys[] = {
	{ .name = "seed",
	  .kind = KIND_U64,
	  AT(struct draft, readings.motion.seed),
	  .min = INT64_MIN,
	  .max = COUNT_MAX },
	SECTION("temperature", motion_temperature_keys),
	SECTION("power", motion_power_keys),
	SECTION("utilization", motion_utilization_keys),
	SECTION("memory", motion_memory_keys),
	SECTION("traffic", motion_traffic_keys),
	SECTION("cooling", motion_cooling_keys),
	END,
};
