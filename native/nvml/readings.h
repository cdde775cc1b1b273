/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is read from a GPU, as fixed-layout data: part of its description, as it
 * is at rest, and of its running state. The rules are those of profile.h.
 */
#ifndef MIRAGE_READINGS_H
#define MIRAGE_READINGS_H

#include <stdint.h>

#define NA_U32 UINT32_MAX
#define NA_U64 UINT64_MAX
#define NA_I32 INT32_MIN

#define PROFILE_MAX_LINKS 36
#define PROFILE_MAX_FANS 4
#define PROFILE_MAX_PROCESSES 16
#define PROFILE_MAX_RETIRED_PAGES 64

/* Index of an ECC location in counters: values of nvmlMemoryLocation_t. */
#define PROFILE_ECC_LOCATIONS 8

/* ecc.counters[uncorrected][aggregate][location]; NA_U64 where not counted. */
struct readings_ecc {
	uint32_t mode_current; /* nvmlEnableState_t or NA_U32 */
	uint32_t mode_pending;
	uint64_t counters[2][2][PROFILE_ECC_LOCATIONS];
	uint64_t total[2][2]; /* [uncorrected][aggregate] */
	/* SRAM status: [0] volatile, [1] aggregate; NA_U64 not supported */
	uint64_t sram_correctable[2];
	uint64_t sram_uncorrectable_parity[2];
	uint64_t sram_uncorrectable_secded[2];
	uint64_t sram_source_l2;
	uint64_t sram_source_sm;
	uint64_t sram_source_microcontroller;
	uint64_t sram_source_pcie;
	uint64_t sram_source_other;
	uint32_t sram_threshold_exceeded; /* 0, 1, NA_U32 */
	uint32_t reserved;
};

/* nvmlDeviceGetRetiredPages: [0] single-bit, [1] double-bit cause */
struct readings_retired {
	uint32_t count[2];
	uint32_t pending; /* 0, 1 */
	uint32_t reserved;
	uint64_t address[2][PROFILE_MAX_RETIRED_PAGES];
};

struct readings_rows {
	uint32_t correctable;
	uint32_t uncorrectable;
	uint32_t pending;
	uint32_t failure;
	uint32_t max; /* histogram: banks by what is left to remap */
	uint32_t high;
	uint32_t partial;
	uint32_t low;
	uint32_t none;
	uint32_t reserved;
};

/* What is wrong with links: nothing in a profile, only faults set it. */
struct readings_links {
	uint64_t down; /* bit n: link n */
	uint32_t errors[PROFILE_MAX_LINKS]; /* of each kind that is counted */
};

/* What is wrong with the fabric, over what the board says; zero: nothing. */
struct readings_fabric {
	uint32_t health_clear; /* bits of the mask that are taken away */
	uint32_t health_set; /* and put in their place */
	uint32_t health_summary; /* 0: the board's */
	uint32_t reserved;
};

/*
 * Optional movement of readings (docs/motion.md); all zero: they stand still.
 * temperature_* and power_* move their reading alone, pattern moves the load,
 * from which all the others follow.
 */
struct readings_motion {
	int64_t seed;
	uint64_t memory_used_min; /* bytes */
	uint64_t memory_used_max; /* 0: as the minimum; both 0: memory stays as it is */
	uint32_t temperature; /* 1: the temperature_* fields hold */
	int32_t temperature_base_c;
	int32_t temperature_variance_c;
	int32_t temperature_ramp_c;
	uint32_t temperature_ramp_period_s;
	uint32_t power; /* 1: the power_* fields hold */
	uint32_t power_base_mw;
	uint32_t power_variance_mw;
	uint32_t pattern; /* enum motion_pattern of motion_wave.h */
	uint32_t gpu_min; /* per cent, as all the others */
	uint32_t gpu_max;
	uint32_t memory_min;
	uint32_t memory_max;
	uint32_t encoder_min;
	uint32_t encoder_max;
	uint32_t decoder_min;
	uint32_t decoder_max;
	uint32_t period_s; /* 0: the pattern's own */
	uint32_t duty_percent; /* of a burst; 0: half */
	uint32_t stagger_s; /* how much each GPU is ahead of the one before */
	uint32_t pcie_percent; /* of the link's rate at full load */
	uint32_t nvlink_percent;
	uint32_t time_constant_s; /* of heating; 0: the model's */
	int32_t full_load_c; /* reached at the default power limit; 0: the board's */
};

#define PROFILE_PROCESS_COMPUTE 1u
#define PROFILE_PROCESS_GRAPHICS 2u
#define PROFILE_PROCESS_MPS 4u

struct readings_process {
	uint32_t pid;
	uint32_t type; /* PROFILE_PROCESS_* bits */
	uint64_t used_memory; /* bytes, NA_U64 unknown */
	uint32_t sm_util;
	uint32_t memory_util;
	uint32_t encoder_util;
	uint32_t decoder_util;
	char name[128];
};

/* The processes that a device has at rest. */
struct readings_processes {
	uint32_t count;
	uint32_t reserved;
	struct readings_process list[PROFILE_MAX_PROCESSES];
};

/*
 * What the board says at rest: the values the running state starts from, and
 * the answers as long as nothing has changed them.
 */
struct readings {
	uint64_t memory_used;
	uint64_t bar1_used;
	uint64_t cc_protected_used;
	uint64_t energy_mj; /* NA_U64 not supported */
	uint64_t event_reasons; /* active nvmlClocksEventReason* */
	uint64_t throttle_power_us; /* counters; NA_U64 not supported */
	uint64_t throttle_sync_boost_us;
	uint64_t throttle_sw_thermal_us;
	uint64_t throttle_hw_thermal_us;
	uint64_t throttle_hw_brake_us;
	uint64_t pcie_replays;
	uint64_t pcie_replay_rollovers;
	uint32_t pcie_gen;
	uint32_t pcie_gpu_gen; /* device_current_link_gen */
	uint32_t pcie_width;
	uint32_t pcie_tx_kbps;
	uint32_t pcie_rx_kbps;
	uint32_t performance_state; /* 0..15, 32 unknown */
	int32_t temperature_c;
	int32_t memory_temperature_c;
	int32_t tlimit_c; /* slot 240; NA_I32: absolute limits instead */
	uint32_t power_mw; /* instant draw */
	uint32_t power_average_mw;
	uint32_t memory_power_mw;
	uint32_t memory_power_average_mw;
	uint32_t module_power_mw;
	uint32_t module_power_average_mw;
	uint32_t power_limit_mw; /* requested (management) limit */
	uint32_t enforced_limit_mw;
	uint32_t module_power_limit_mw; /* requested */
	uint32_t module_enforced_limit_mw;
	uint32_t voltage_uv; /* slot 209 */
	uint32_t graphics_mhz;
	uint32_t sm_mhz;
	uint32_t memory_mhz;
	uint32_t video_mhz;
	uint32_t graphics_app_mhz;
	uint32_t memory_app_mhz;
	uint32_t auto_boost; /* 0, 1, NA_U32 */
	uint32_t fan_percent[PROFILE_MAX_FANS]; /* NA_U32 not supported */
	uint32_t fan_target_percent[PROFILE_MAX_FANS];
	uint32_t gpu_util;
	uint32_t memory_util;
	uint32_t encoder_util;
	uint32_t decoder_util;
	uint32_t jpeg_util;
	uint32_t ofa_util;
	uint32_t encoder_sessions;
	uint32_t encoder_fps;
	uint32_t encoder_latency_us;
	uint32_t fbc_sessions;
	uint32_t fbc_fps;
	uint32_t fbc_latency_us;
	uint32_t mig_current; /* 0, 1; only where board.mig.capable */
	uint32_t mig_pending;
	struct readings_ecc ecc;
	struct readings_rows rows;
	struct readings_retired retired;
	struct readings_motion motion;
	struct readings_links links;
	struct readings_fabric fabric;
};

#endif
