// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu_reset.h"

#include <nvml.h>
#include <string.h>

#include "ecc.h"
#include "fault_settle.h"
#include "motion.h"
#include "nvml_mig.h"
#include "recovery.h"
#include "state_account.h"

// What an administrator has said about the GPU, and not to it, outlives a reset.
static void reset_settings(struct running_settings *settings, const struct gpu *gpu)
{
	const struct running_settings before = *settings;

	running_init_settings(settings, gpu->board);
	settings->persistence_mode = before.persistence_mode;
	settings->restricted_app_clocks = before.restricted_app_clocks;
	settings->restricted_auto_boost = before.restricted_auto_boost;
	settings->gom_pending = before.gom_pending;
	settings->draining = before.draining;
	settings->resets = before.resets + 1;
}

static void reset_limits(struct readings *now, const struct readings *rest)
{
	now->power_limit_mw = rest->power_limit_mw;
	now->enforced_limit_mw = rest->enforced_limit_mw;
	now->module_power_limit_mw = rest->module_power_limit_mw;
	now->module_enforced_limit_mw = rest->module_enforced_limit_mw;
	now->graphics_app_mhz = rest->graphics_app_mhz;
	now->memory_app_mhz = rest->memory_app_mhz;
	now->auto_boost = rest->auto_boost;
	memcpy(now->fan_percent, rest->fan_percent, sizeof(now->fan_percent));
	memcpy(now->fan_target_percent, rest->fan_target_percent, sizeof(now->fan_target_percent));
}

static void clear(uint64_t *counter)
{
	if (*counter != NA_U64)
		*counter = 0;
}

static void reset_counters(struct readings *now)
{
	ecc_clear(&now->ecc, NVML_VOLATILE_ECC);
	clear(&now->pcie_replays);
	clear(&now->pcie_replay_rollovers);
	clear(&now->throttle_power_us);
	clear(&now->throttle_sync_boost_us);
	clear(&now->throttle_sw_thermal_us);
	clear(&now->throttle_hw_thermal_us);
	clear(&now->throttle_hw_brake_us);
	memset(now->links.errors, 0, sizeof(now->links.errors));
}

// What is broken stays broken; what has only been counted, or waits for a reset, does not.
#define HEALED                                                                                 \
	(FAULTS_OF_ECC | FAULT_BIT(FAULT_NAME_ROW_REMAP_PENDING) |                             \
	 FAULT_BIT(FAULT_NAME_PAGE_RETIREMENT_PENDING) | FAULT_BIT(FAULT_NAME_NVLINK_ERRORS) | \
	 FAULT_BIT(FAULT_NAME_PCIE_REPLAY))

void gpu_reset(struct running *running, const struct gpu *gpu)
{
	fault_settle(running, gpu, HEALED);
	reset_settings(&running->settings, gpu);
	reset_limits(&running->readings, &gpu->device->readings);
	reset_counters(&running->readings);
	running_apply_pending(running);
	memset(running->hostname, 0, sizeof(running->hostname));
	// Instances of MIG live no longer than the GPU that they were made on.
	mig_activate(running);
	recovery_reset(running, motion_now());
	account_forget_all(running);
}
