/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key of a profile file, with its type, unit and range. Names are those
 * of NVIDIA/k8s-test-infra's configuration files where these have the key.
 * docs/profiles.md explains them; tests/native/test_profile.py compares both.
 */
#include "profile_internal.h"

#define AT(type, member) .offset = offsetof(type, member)
#define MEMBER_SIZE(type, member) .size = sizeof(((type *)0)->member)

#define TEXT(key, member, ...)                                                                     \
	{ .name = key, .kind = KIND_TEXT, AT(struct draft, member),                                \
	  MEMBER_SIZE(struct draft, member), __VA_ARGS__ }
#define U32(key, member, lowest, highest, ...)                                                     \
	{ .name = key, .kind = KIND_U32, AT(struct draft, member), .min = lowest, .max = highest,  \
	  __VA_ARGS__ }
#define I32(key, member, lowest, highest, ...)                                                     \
	{ .name = key, .kind = KIND_I32, AT(struct draft, member), .min = lowest, .max = highest,  \
	  __VA_ARGS__ }
#define U64(key, member, highest, ...)                                                             \
	{ .name = key, .kind = KIND_U64, AT(struct draft, member), .min = 0, .max = highest,       \
	  __VA_ARGS__ }
#define BOOL(key, member, ...)                                                                     \
	{ .name = key, .kind = KIND_BOOL, AT(struct draft, member), __VA_ARGS__ }
#define ENABLED(key, member, ...)                                                                  \
	{ .name = key, .kind = KIND_ENABLED, AT(struct draft, member), __VA_ARGS__ }
#define CHOICE(key, member, list, ...)                                                             \
	{ .name = key, .kind = KIND_CHOICE, AT(struct draft, member), .more = list, __VA_ARGS__ }
#define REASON(key, bit)                                                                           \
	{ .name = key, .kind = KIND_BIT, AT(struct draft, readings.event_reasons), .max = bit }
#define SECTION(key, keys)                                                                         \
	{ .name = key, .kind = KIND_SECTION, .more = keys }
#define CALL(key, function)                                                                        \
	{ .name = key, .kind = KIND_CALL, .call = function }
#define IGNORED(key)                                                                               \
	{ .name = key, .kind = KIND_IGNORED }
#define QUIET(key)                                                                                 \
	{ .name = key, .kind = KIND_IGNORED, .flags = KEY_QUIET }
#define END                                                                                        \
	{ .name = NULL }

#define NA .flags = KEY_NA
#define NA_ZERO .flags = KEY_NA | KEY_ZERO
#define COUNT_MAX ((uint64_t)INT64_MAX)
#define BYTES_MAX ((uint64_t)1 << 50)

#define CELSIUS(key, member) I32(key, member, -300, 300, .unit = UNIT_CELSIUS, NA)
#define MILLIWATTS(key, member) U32(key, member, 0, 100000000, .unit = UNIT_MILLIWATTS, NA)
#define MHZ(key, member) U32(key, member, 0, 100000, .unit = UNIT_MHZ, NA)
#define PERCENT(key, member) U32(key, member, 0, 100, .unit = UNIT_PERCENT, NA_ZERO)
#define COUNTER(key, member) U64(key, member, COUNT_MAX, NA)
#define BYTES(key, member) U64(key, member, BYTES_MAX, .unit = UNIT_BYTES, NA)
#define MICROSECONDS(key, member) U64(key, member, COUNT_MAX, .unit = UNIT_MICROSECONDS, NA)

/* Enumerations: the values are those of nvml.h. */

static const struct choice brands[] = {
	{ "unknown", 0 },      { "quadro", 1 },      { "tesla", 2 },	    { "nvs", 3 },
	{ "grid", 4 },	       { "geforce", 5 },     { "titan", 6 },	    { "nvidia_vapps", 7 },
	{ "nvidia_vpc", 8 },   { "nvidia_vcs", 9 },  { "nvidia_vws", 10 },  { "nvidia_cloud_gaming", 11 },
	{ "quadro_rtx", 12 },  { "nvidia_rtx", 13 }, { "nvidia", 14 },	    { "geforce_rtx", 15 },
	{ "titan_rtx", 16 },   { NULL, 0 },
};

static const struct choice architectures[] = {
	{ "kepler", 2 }, { "maxwell", 3 },	{ "pascal", 4 }, { "volta", 5 },      { "turing", 6 },
	{ "ampere", 7 }, { "ada_lovelace", 8 }, { "ada", 8 },	 { "hopper", 9 },     { "blackwell", 10 },
	{ "rubin", 13 }, { NULL, 0 },
};

static const struct choice addressing_modes[] = { { "none", 0 }, { "hmm", 1 }, { "ats", 2 }, { NULL, 0 } };

static const struct choice compute_modes[] = {
	{ "default", 0 }, { "exclusive_thread", 1 }, { "prohibited", 2 }, { "exclusive_process", 3 }, { NULL, 0 },
};

static const struct choice operation_modes[] = { { "all_on", 0 }, { "compute", 1 }, { "low_dp", 2 }, { NULL, 0 } };

static const struct choice driver_models[] = { { "wddm", 0 }, { "wdm", 1 }, { "tcc", 1 }, { "mcdm", 2 }, { NULL, 0 } };

static const struct choice virtualization_modes[] = {
	{ "none", 0 },	    { "pass_through", 1 }, { "passthrough", 1 }, { "vgpu", 2 },
	{ "host_vgpu", 3 }, { "host_vsga", 4 },	   { NULL, 0 },
};

static const struct choice host_vgpu_modes[] = { { "non_sriov", 0 }, { "sriov", 1 }, { NULL, 0 } };

static const struct choice peer_types[] = { { "direct_connected", 0 }, { "switch_connected", 1 }, { NULL, 0 } };

/* "auto" follows a fabric manager elsewhere; here registration is always over. */
static const struct choice fabric_states[] = {
	{ "not_supported", 0 }, { "not_started", 1 }, { "in_progress", 2 }, { "completed", 3 }, { "auto", 3 }, { NULL, 0 },
};

static const struct choice fabric_summaries[] = {
	{ "not_supported", 0 }, { "healthy", 1 }, { "unhealthy", 2 }, { "limited_capacity", 3 }, { "auto", NA_U32 }, { NULL, 0 },
};

static const struct choice fabric_configurations[] = {
	{ "", 1 },
	{ "none", 1 },
	{ "incorrect_sysguid", 2 },
	{ "incorrect_chassis_sn", 3 },
	{ "no_partition", 4 },
	{ "insufficient_nvlinks", 5 },
	{ "incompatible_gpu_fw", 6 },
	{ "invalid_location", 7 },
	{ "gpu_state_invalid", 8 },
	{ NULL, 0 },
};

static const struct choice topology_levels[] = {
	{ "internal", 0 }, { "single", 10 }, { "multiple", 20 }, { "hostbridge", 30 },
	{ "node", 40 },	   { "system", 50 }, { NULL, 0 },
};

static const struct choice patterns[] = { { "idle", 1 }, { "busy", 2 }, { "burst", 3 }, { "steady", 4 }, { "", 4 }, { NULL, 0 } };

static const struct choice link_states[] = {
	{ "active", 1 }, { "up", 1 }, { "enabled", 1 }, { "inactive", 0 }, { "down", 0 }, { "disabled", 0 }, { NULL, 0 },
};

/* --- device_defaults, devices[] --- */

static const struct key compute_capability_keys[] = {
	U32("major", board.compute_major, 0, 99),
	U32("minor", board.compute_minor, 0, 99),
	END,
};

static const struct key bbx_flush_keys[] = {
	CALL("timestamp", read_bbx_time),
	MICROSECONDS("duration_us", board.bbx_flush_duration_us),
	END,
};

static const struct key inforom_keys[] = {
	TEXT("image_version", board.inforom_image, NA),
	TEXT("oem_object", board.inforom_oem, NA),
	TEXT("ecc_object", board.inforom_ecc, NA),
	TEXT("pwr_object", board.inforom_power, NA),
	SECTION("bbx_flush", bbx_flush_keys),
	END,
};

static const struct key memory_keys[] = {
	U64("total_bytes", board.memory_total, BYTES_MAX, .unit = UNIT_BYTES),
	U64("reserved_bytes", board.memory_reserved, BYTES_MAX, .unit = UNIT_BYTES),
	/* What is free follows from the others: total - reserved - used. */
	QUIET("free_bytes"),
	U64("used_bytes", readings.memory_used, BYTES_MAX, .unit = UNIT_BYTES),
	U32("memory_bus_width", board.memory_bus_width, 1, 65536, NA),
	END,
};

static const struct key bar1_memory_keys[] = {
	BYTES("total_bytes", board.bar1_total),
	QUIET("free_bytes"),
	U64("used_bytes", readings.bar1_used, BYTES_MAX, .unit = UNIT_BYTES),
	END,
};

static const struct key confidential_compute_keys[] = {
	BOOL("capable", board.conf_compute),
	U64("protected_memory_bytes", board.cc_protected_total, BYTES_MAX, .unit = UNIT_BYTES, NA_ZERO),
	U64("protected_memory_used_bytes", readings.cc_protected_used, BYTES_MAX, .unit = UNIT_BYTES),
	END,
};

static const struct key pci_keys[] = {
	U32("device_id", board.pci_device_id, 1, UINT32_MAX - 1, NA),
	U32("subsystem_id", board.pci_subsystem_id, 0, UINT32_MAX - 1, NA),
	U32("class", board.pci_class, 0, 0xffffff, NA),
	CALL("bus_id", read_bus_id),
	CALL("slots", read_slots),
	END,
};

static const struct key pcie_keys[] = {
	U32("max_link_gen", board.pcie.max_gen, 1, 7, NA),
	U32("max_device_link_gen", board.pcie.max_gpu_gen, 1, 7, NA),
	U32("max_host_link_gen", board.pcie.max_host_gen, 1, 7, NA),
	U32("current_link_gen", readings.pcie_gen, 1, 7, NA),
	U32("device_current_link_gen", readings.pcie_gpu_gen, 1, 7, NA),
	U32("max_link_width", board.pcie.max_width, 1, 32, NA),
	U32("current_link_width", readings.pcie_width, 1, 32, NA),
	U64("replay_counter", readings.pcie_replays, COUNT_MAX, NA_ZERO),
	U64("replay_rollover_counter", readings.pcie_replay_rollovers, COUNT_MAX, NA_ZERO),
	U32("tx_throughput_kbps", readings.pcie_tx_kbps, 0, 4000000000, .unit = UNIT_KBPS, NA_ZERO),
	U32("rx_throughput_kbps", readings.pcie_rx_kbps, 0, 4000000000, .unit = UNIT_KBPS, NA_ZERO),
	CALL("atomics_outbound", read_atomics_out),
	CALL("atomics_inbound", read_atomics_in),
	END,
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

static const struct key power_keys[] = {
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
	CALL("power_state", read_performance_state),
	U64("total_energy_consumption_mj", readings.energy_mj, COUNT_MAX, .unit = UNIT_MILLIJOULES, NA),
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

static const struct key thermal_keys[] = {
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

static const struct key fan_keys[] = {
	U32("count", board.fans, 0, PROFILE_MAX_FANS),
	CALL("speed_percent", read_fan_speed),
	CALL("target_speed_percent", read_fan_target),
	U32("min_speed_percent", board.fan_min_percent, 0, 100, .unit = UNIT_PERCENT, NA),
	U32("max_speed_percent", board.fan_max_percent, 0, 100, .unit = UNIT_PERCENT, NA),
	END,
};

static const struct key clocks_keys[] = {
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
	U32("memory_deferred_khz", board.clocks.memory_deferred, 0, 100000000, .unit = UNIT_KHZ, NA),
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

static const struct key throttle_keys[] = {
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

static const struct key supported_clocks_keys[] = { CALL("memory_clocks", read_clocks), END };

static const struct key utilization_keys[] = {
	PERCENT("gpu", readings.gpu_util),	   PERCENT("memory", readings.memory_util),
	PERCENT("encoder", readings.encoder_util), PERCENT("decoder", readings.decoder_util),
	PERCENT("jpeg", readings.jpeg_util),	   PERCENT("ofa", readings.ofa_util),
	END,
};

static const struct key encoder_keys[] = {
	U32("session_count", readings.encoder_sessions, 0, 1000000, NA_ZERO),
	U32("average_fps", readings.encoder_fps, 0, 1000000, NA_ZERO),
	U32("average_latency_us", readings.encoder_latency_us, 0, 4000000000, .unit = UNIT_MICROSECONDS, NA_ZERO),
	U32("capacity_percent", board.encoder_capacity, 0, 100, .unit = UNIT_PERCENT, NA),
	END,
};

static const struct key fbc_keys[] = {
	U32("session_count", readings.fbc_sessions, 0, 1000000, NA_ZERO),
	U32("average_fps", readings.fbc_fps, 0, 1000000, NA_ZERO),
	U32("average_latency_us", readings.fbc_latency_us, 0, 4000000000, .unit = UNIT_MICROSECONDS, NA_ZERO),
	END,
};

/* [uncorrected][aggregate][location]; the locations are nvmlMemoryLocation_t */
#define ECC_KEYS(name, uncorrected, aggregate)                                                     \
	static const struct key name[] = {                                                         \
		COUNTER("device_memory", readings.ecc.counters[uncorrected][aggregate][2]),        \
		COUNTER("l1_cache", readings.ecc.counters[uncorrected][aggregate][0]),             \
		COUNTER("l2_cache", readings.ecc.counters[uncorrected][aggregate][1]),             \
		COUNTER("register_file", readings.ecc.counters[uncorrected][aggregate][3]),        \
		COUNTER("texture_memory", readings.ecc.counters[uncorrected][aggregate][4]),       \
		COUNTER("texture_shm", readings.ecc.counters[uncorrected][aggregate][5]),          \
		COUNTER("cbu", readings.ecc.counters[uncorrected][aggregate][6]),                  \
		COUNTER("sram", readings.ecc.counters[uncorrected][aggregate][7]),                 \
		COUNTER("total", readings.ecc.total[uncorrected][aggregate]),                      \
		END,                                                                               \
	}

ECC_KEYS(ecc_volatile_single_keys, 0, 0);
ECC_KEYS(ecc_aggregate_single_keys, 0, 1);
ECC_KEYS(ecc_volatile_double_keys, 1, 0);
ECC_KEYS(ecc_aggregate_double_keys, 1, 1);

static const struct key ecc_volatile_keys[] = {
	SECTION("single_bit", ecc_volatile_single_keys),
	SECTION("double_bit", ecc_volatile_double_keys),
	END,
};

static const struct key ecc_aggregate_keys[] = {
	SECTION("single_bit", ecc_aggregate_single_keys),
	SECTION("double_bit", ecc_aggregate_double_keys),
	END,
};

static const struct key ecc_errors_keys[] = {
	SECTION("volatile", ecc_volatile_keys),
	SECTION("aggregate", ecc_aggregate_keys),
	END,
};

static const struct key sram_volatile_keys[] = {
	COUNTER("correctable", readings.ecc.sram_correctable[0]),
	COUNTER("uncorrectable_parity", readings.ecc.sram_uncorrectable_parity[0]),
	COUNTER("uncorrectable_secded", readings.ecc.sram_uncorrectable_secded[0]),
	END,
};

static const struct key sram_aggregate_keys[] = {
	COUNTER("correctable", readings.ecc.sram_correctable[1]),
	COUNTER("uncorrectable_parity", readings.ecc.sram_uncorrectable_parity[1]),
	COUNTER("uncorrectable_secded", readings.ecc.sram_uncorrectable_secded[1]),
	END,
};

static const struct key sram_source_keys[] = {
	COUNTER("l2", readings.ecc.sram_source_l2),
	COUNTER("sm", readings.ecc.sram_source_sm),
	COUNTER("microcontroller", readings.ecc.sram_source_microcontroller),
	COUNTER("pcie", readings.ecc.sram_source_pcie),
	COUNTER("other", readings.ecc.sram_source_other),
	END,
};

static const struct key sram_keys[] = {
	SECTION("volatile", sram_volatile_keys),
	SECTION("aggregate", sram_aggregate_keys),
	SECTION("uncorrectable_sources", sram_source_keys),
	BOOL("threshold_exceeded", readings.ecc.sram_threshold_exceeded, NA),
	END,
};

static const struct key ecc_keys[] = {
	ENABLED("mode_current", readings.ecc.mode_current, NA),
	ENABLED("mode_pending", readings.ecc.mode_pending, NA),
	ENABLED("default_mode", board.ecc_default, NA),
	SECTION("errors", ecc_errors_keys),
	SECTION("sram", sram_keys),
	END,
};

static const struct key single_pages_keys[] = {
	U32("count", readings.retired.count[0], 0, PROFILE_MAX_RETIRED_PAGES, NA),
	CALL("addresses", read_single_pages),
	END,
};

static const struct key double_pages_keys[] = {
	U32("count", readings.retired.count[1], 0, PROFILE_MAX_RETIRED_PAGES, NA),
	CALL("addresses", read_double_pages),
	END,
};

static const struct key retired_pages_keys[] = {
	SECTION("single_bit_retirement", single_pages_keys),
	SECTION("double_bit_retirement", double_pages_keys),
	IGNORED("pending_blacklist"),
	BOOL("pending_retirement", readings.retired.pending),
	END,
};

static const struct key histogram_keys[] = {
	U32("max", board.row_banks, 0, 1000000, NA),
	U32("high", readings.rows.high, 0, 1000000, NA_ZERO),
	U32("partial", readings.rows.partial, 0, 1000000, NA_ZERO),
	U32("low", readings.rows.low, 0, 1000000, NA_ZERO),
	U32("none", readings.rows.none, 0, 1000000, NA_ZERO),
	END,
};

static const struct key remapped_rows_keys[] = {
	U32("correctable", readings.rows.correctable, 0, 1000000, NA),
	U32("uncorrectable", readings.rows.uncorrectable, 0, 1000000, NA_ZERO),
	BOOL("pending", readings.rows.pending),
	BOOL("failure_occurred", readings.rows.failure),
	SECTION("availability_histogram", histogram_keys),
	END,
};

static const struct key display_keys[] = {
	ENABLED("mode", board.display_mode, NA),
	ENABLED("active", board.display_active, NA),
	END,
};

static const struct key mig_keys[] = {
	ENABLED("mode_current", readings.mig_current, NA),
	ENABLED("mode_pending", readings.mig_pending, NA),
	U32("max_gpu_instances", board.mig.max_instances, 0, 16, NA_ZERO),
	CALL("gpu_instance_profiles", read_mig_profiles),
	END,
};

static const struct key operation_mode_keys[] = {
	CHOICE("current", board.gom_current, operation_modes, NA),
	CHOICE("pending", board.gom_pending, operation_modes, NA),
	END,
};

static const struct key driver_model_keys[] = {
	CHOICE("current", board.driver_model_current, driver_models, NA),
	CHOICE("pending", board.driver_model_pending, driver_models, NA),
	END,
};

static const struct key accounting_keys[] = {
	ENABLED("mode", board.accounting_mode, NA),
	U32("buffer_size", board.accounting_buffer_size, 0, 1000000, NA),
	END,
};

static const struct key virtualization_keys[] = {
	CHOICE("mode", board.virtualization_mode, virtualization_modes, NA_ZERO),
	CHOICE("host_vgpu_mode", board.host_vgpu_mode, host_vgpu_modes, NA),
	ENABLED("vgpu_heterogeneous_mode", board.vgpu_heterogeneous_mode, NA),
	END,
};

static const struct key gsp_keys[] = {
	ENABLED("mode", board.gsp_mode, NA),
	ENABLED("default_mode", board.gsp_default_mode, NA),
	TEXT("version", board.gsp_version, NA),
	END,
};

static const struct key capabilities_keys[] = { ENABLED("egm", board.egm, NA), END };

static const struct key topology_keys[] = {
	CHOICE("default_level", board.topology_default, topology_levels, NA),
	END,
};

static const struct key gpm_keys[] = {
	BOOL("supported", board.gpm, NA),
	IGNORED("pcie_tx_mib_per_sec"),
	IGNORED("pcie_rx_mib_per_sec"),
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
	U32("variance_mw", readings.motion.power_variance_mw, 0, 100000000, .unit = UNIT_MILLIWATTS),
	END,
};

static const struct key motion_utilization_keys[] = {
	CHOICE("pattern", readings.motion.utilization, patterns),
	U32("gpu_min", readings.motion.gpu_min, 0, 100, .unit = UNIT_PERCENT),
	U32("gpu_max", readings.motion.gpu_max, 0, 100, .unit = UNIT_PERCENT),
	U32("memory_min", readings.motion.memory_min, 0, 100, .unit = UNIT_PERCENT),
	U32("memory_max", readings.motion.memory_max, 0, 100, .unit = UNIT_PERCENT),
	U32("burst_period_sec", readings.motion.burst_period_s, 0, 1000000),
	END,
};

static const struct key motion_keys[] = {
	{ .name = "seed", .kind = KIND_U64, AT(struct draft, readings.motion.seed), .min = INT64_MIN, .max = COUNT_MAX },
	SECTION("temperature", motion_temperature_keys),
	SECTION("power", motion_power_keys),
	SECTION("utilization", motion_utilization_keys),
	END,
};

static const struct key fabric_health_keys[] = {
	BOOL("degraded_bandwidth", fabric_degraded, NA_ZERO),
	BOOL("route_recovery", fabric_recovery, NA_ZERO),
	BOOL("route_unhealthy", fabric_unhealthy, NA_ZERO),
	BOOL("access_timeout_recovery", fabric_timeout, NA_ZERO),
	CHOICE("incorrect_configuration", fabric_configuration, fabric_configurations, NA),
	END,
};

static const struct key fabric_keys[] = {
	CALL("cluster_uuid", read_cluster_uuid),
	U32("clique_id", board.fabric.clique_id, 0, UINT32_MAX - 1),
	CHOICE("state", board.fabric.state, fabric_states, NA),
	U32("status", board.fabric.status, 0, 999),
	CHOICE("health_summary", fabric_summary, fabric_summaries, NA),
	SECTION("health", fabric_health_keys),
	U32("health_mask", fabric_mask, 0, UINT32_MAX - 1, NA),
	END,
};

static const struct key platform_keys[] = {
	TEXT("chassis_serial_number", board.platform.chassis_serial_number, NA),
	U32("slot_number", board.platform.slot_number, 0, 255, NA),
	U32("tray_index", board.platform.tray_index, 0, 255, NA),
	U32("host_id", board.platform.host_id, 0, 255, NA),
	CHOICE("peer_type", board.platform.peer_type, peer_types, NA),
	U32("module_id", module_id, 0, 255, NA),
	CALL("module_ids", read_modules),
	TEXT("fru_part_number", board.platform.fru_part_number, NA),
	END,
};

#define DEVICE_KEYS                                                                                \
	TEXT("name", board.name),                                                                  \
	CHOICE("brand", board.brand, brands, NA_ZERO),                                             \
	TEXT("serial", serial, NA),                                                                \
	U32("gpus_per_module", board.gpus_per_module, 1, PROFILE_MAX_DEVICES, NA),                 \
	TEXT("board_part_number", board.board_part_number, NA),                                    \
	TEXT("gpu_part_number", board.gpu_part_number, NA),                                        \
	TEXT("fru_part_number", board.fru_part_number, NA),                                        \
	TEXT("vbios_version", board.vbios_version, NA),                                            \
	BOOL("multi_gpu_board", board.multi_gpu_board),                                            \
	CHOICE("architecture", board.architecture, architectures, NA),                             \
	SECTION("compute_capability", compute_capability_keys),                                    \
	U32("num_gpu_cores", board.cores, 0, 10000000, NA),                                        \
	U32("num_multiprocessors", board.multiprocessors, 0, 100000, NA),                          \
	CHOICE("addressing_mode", board.addressing_mode, addressing_modes, NA),                    \
	ENABLED("sparse_operation_mode", board.sparse_mode, NA),                                   \
	SECTION("inforom", inforom_keys),                                                          \
	SECTION("memory", memory_keys),                                                            \
	SECTION("bar1_memory", bar1_memory_keys),                                                  \
	SECTION("confidential_compute", confidential_compute_keys),                                \
	SECTION("pci", pci_keys),                                                                  \
	SECTION("pcie", pcie_keys),                                                                \
	SECTION("power", power_keys),                                                              \
	SECTION("thermal", thermal_keys),                                                          \
	SECTION("fan", fan_keys),                                                                  \
	SECTION("clocks", clocks_keys),                                                            \
	SECTION("clocks_throttle_reasons", throttle_keys),                                         \
	SECTION("supported_clocks", supported_clocks_keys),                                        \
	CALL("performance_state", read_performance_state),                                         \
	SECTION("utilization", utilization_keys),                                                  \
	SECTION("encoder_stats", encoder_keys),                                                    \
	SECTION("fbc_stats", fbc_keys),                                                            \
	SECTION("ecc", ecc_keys),                                                                  \
	SECTION("retired_pages", retired_pages_keys),                                              \
	SECTION("remapped_rows", remapped_rows_keys),                                              \
	SECTION("display", display_keys),                                                          \
	ENABLED("persistence_mode", board.persistence_mode),                                       \
	CHOICE("compute_mode", board.compute_mode, compute_modes),                                 \
	SECTION("mig", mig_keys),                                                                  \
	SECTION("gpu_operation_mode", operation_mode_keys),                                        \
	SECTION("driver_model", driver_model_keys),                                                \
	SECTION("accounting", accounting_keys),                                                    \
	SECTION("virtualization", virtualization_keys),                                            \
	SECTION("gsp_firmware", gsp_keys),                                                         \
	SECTION("capabilities", capabilities_keys),                                                \
	SECTION("topology", topology_keys),                                                        \
	CALL("processes", read_processes),                                                         \
	SECTION("dynamic_metrics", motion_keys),                                                   \
	SECTION("gpm", gpm_keys),                                                                  \
	SECTION("fabric", fabric_keys),                                                            \
	SECTION("platform", platform_keys),                                                        \
	IGNORED("features"),                                                                       \
	IGNORED("grace_superchip"),                                                                \
	IGNORED("failure"),                                                                        \
	IGNORED("nvlink_error")

const struct key profile_device_keys[] = { DEVICE_KEYS, END };

/* Of one device in the list; its index was read before, as it chooses the target. */
const struct key profile_override_keys[] = {
	QUIET("index"),
	CALL("uuid", read_uuid),
	U32("minor_number", minor, 0, 254, NA),
	IGNORED("grace_cpu_pair"),
	DEVICE_KEYS,
	END,
};

/* --- the whole file --- */

#define FILE_TEXT(key, member, ...)                                                                \
	{ .name = key, .kind = KIND_TEXT, AT(struct profile_file, member),                         \
	  MEMBER_SIZE(struct profile_file, member), __VA_ARGS__ }
#define FILE_U32(key, member, lowest, highest, ...)                                                \
	{ .name = key, .kind = KIND_U32, AT(struct profile_file, member), .min = lowest,           \
	  .max = highest, __VA_ARGS__ }

static const struct key system_keys[] = {
	FILE_TEXT("driver_version", driver_version),
	FILE_TEXT("nvml_version", nvml_version),
	FILE_TEXT("cuda_version", cuda_version),
	FILE_U32("cuda_version_major", cuda_major, 1, 99, NA),
	FILE_U32("cuda_version_minor", cuda_minor, 0, 99, NA),
	FILE_U32("num_devices", num_devices, 1, PROFILE_MAX_DEVICES, NA),
	END,
};

/* What mock-nvml apply appends: how this node's file was made its own. */
static const struct key site_keys[] = {
	FILE_TEXT("node_name", site_node_name),
	FILE_TEXT("driver_version", site_driver_version),
	FILE_U32("num_devices", site_num_devices, 1, PROFILE_MAX_DEVICES, NA),
	END,
};

static const struct key nvlink_default_keys[] = {
	{ .name = "state", .kind = KIND_CHOICE, AT(struct profile_file, link_state), .more = link_states, NA },
	IGNORED("duty_cycle"),
	IGNORED("counter_seed"),
	IGNORED("error_rate"),
	END,
};

static const struct key nvlink_keys[] = {
	FILE_U32("version", nvlink.version, 1, 9, NA),
	FILE_U32("links_per_gpu", nvlink.links, 0, PROFILE_MAX_LINKS),
	FILE_U32("bandwidth_per_link_mbps", nvlink.line_rate_mbps, 1, 10000000, .unit = UNIT_MBPS, NA),
	{ .name = "c2c_enabled", .kind = KIND_BOOL, AT(struct profile_file, nvlink.c2c), NA },
	FILE_U32("c2c_links", nvlink.c2c_links, 0, 64, NA),
	FILE_U32("c2c_bandwidth_per_link_mbps", nvlink.c2c_link_mbps, 1, 10000000, .unit = UNIT_MBPS, NA),
	SECTION("defaults", nvlink_default_keys),
	FILE_U32("external_switches", nvlink.switches, 0, PROFILE_MAX_SWITCHES),
	CALL("switches", read_switches),
	CALL("links", read_links),
	CALL("device_links", read_device_links),
	END,
};

static const struct key pcie_topology_keys[] = {
	FILE_U32("cores_per_numa", cores_per_numa, 1, PROFILE_CPU_WORDS * 64, NA),
	CALL("root_complexes", read_root_complexes),
	END,
};

const struct key profile_file_keys[] = {
	CALL("version", read_version),
	SECTION("system", system_keys),
	SECTION("site", site_keys),
	CALL("device_defaults", read_defaults),
	CALL("devices", read_devices),
	SECTION("nvlink", nvlink_keys),
	SECTION("pcie_topology", pcie_topology_keys),
	IGNORED("infiniband"),
	IGNORED("dynamic_metrics_defaults"),
	END,
};
