// SPDX-License-Identifier: GPL-3.0-or-later
// nvmlDeviceGetFieldValues: many values by number. Each group below answers its own numbers.
#include "field.h"
#include "power.h"
#include "recovery.h"

typedef nvmlReturn_t (*field_group)(const struct gpu *gpu, nvmlFieldValue_t *field);

static nvmlReturn_t put_microseconds_as_ns(nvmlFieldValue_t *field, uint64_t microseconds)
{
	return put_u64(field, microseconds == NA_U64 ? NA_U64 : microseconds * 1000);
}

// As nvmlDeviceGetViolationStatus does: a board that does not say how long was not held down.
static nvmlReturn_t put_held_ns(nvmlFieldValue_t *field, uint64_t microseconds)
{
	return put_microseconds_as_ns(field, microseconds == NA_U64 ? 0 : microseconds);
}

// One counter of one location: the numbers go through L1, L2, device memory, registers, texture.
static nvmlReturn_t ecc_counter(const struct readings_ecc *ecc, nvmlFieldValue_t *field)
{
	static const nvmlMemoryLocation_t locations[] = { NVML_MEMORY_LOCATION_L1_CACHE,
							  NVML_MEMORY_LOCATION_L2_CACHE,
							  NVML_MEMORY_LOCATION_DEVICE_MEMORY,
							  NVML_MEMORY_LOCATION_REGISTER_FILE,
							  NVML_MEMORY_LOCATION_TEXTURE_MEMORY };
	unsigned int id = field->fieldId;

	if (id == NVML_FI_DEV_ECC_DBE_VOL_CBU)
		return put_u64(field, ecc->counters[1][0][NVML_MEMORY_LOCATION_CBU]);
	if (id == NVML_FI_DEV_ECC_DBE_AGG_CBU)
		return put_u64(field, ecc->counters[1][1][NVML_MEMORY_LOCATION_CBU]);
	bool aggregate = id >= NVML_FI_DEV_ECC_SBE_AGG_L1;
	unsigned int n = id - (aggregate ? NVML_FI_DEV_ECC_SBE_AGG_L1 : NVML_FI_DEV_ECC_SBE_VOL_L1);

	return put_u64(field, ecc->counters[n % 2][aggregate][locations[n / 2]]);
}

static nvmlReturn_t ecc_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct readings_ecc *ecc = &gpu->readings->ecc;
	unsigned int id = field->fieldId;

	if (id == NVML_FI_DEV_ECC_CURRENT)
		return put_u32(field, ecc->mode_current);
	if (id == NVML_FI_DEV_ECC_PENDING)
		return put_u32(field, ecc->mode_pending);
	if (!between(id, NVML_FI_DEV_ECC_SBE_VOL_TOTAL, NVML_FI_DEV_ECC_DBE_AGG_CBU))
		return NOT_MINE;
	if (ecc->mode_current != NVML_FEATURE_ENABLED)
		return NVML_ERROR_NOT_SUPPORTED;
	if (id > NVML_FI_DEV_ECC_DBE_AGG_TOTAL)
		return ecc_counter(ecc, field);
	id -= NVML_FI_DEV_ECC_SBE_VOL_TOTAL;
	return put_u64(field, ecc->total[id % 2][id / 2]);
}

static nvmlReturn_t retirement_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct readings_retired *retired = &gpu->readings->retired;
	const struct readings_rows *rows = &gpu->readings->rows;
	bool retires = gpu->board->page_retirement == 1, remaps = gpu->board->row_remapper == 1;

	switch (field->fieldId) {
	case NVML_FI_DEV_RETIRED_SBE:
	case NVML_FI_DEV_RETIRED_DBE:
		return put_u64(field,
			       retires ? retired->count[field->fieldId - NVML_FI_DEV_RETIRED_SBE]
				       : NA_U64);
	case NVML_FI_DEV_RETIRED_PENDING:
	case NVML_FI_DEV_RETIRED_PENDING_SBE:
	case NVML_FI_DEV_RETIRED_PENDING_DBE:
		return put_u32(field, retires ? retired->pending : NA_U32);
	case NVML_FI_DEV_REMAPPED_COR:
		return put_u32(field, remaps ? rows->correctable : NA_U32);
	case NVML_FI_DEV_REMAPPED_UNC:
		return put_u32(field, remaps ? rows->uncorrectable : NA_U32);
	case NVML_FI_DEV_REMAPPED_PENDING:
		return put_u32(field, remaps ? rows->pending : NA_U32);
	case NVML_FI_DEV_REMAPPED_FAILURE:
		return put_u32(field, remaps ? rows->failure : NA_U32);
	case NVML_FI_DEV_REMAPPED_ROWS_COR_INACTIVE:
	case NVML_FI_DEV_REMAPPED_ROWS_UNC_INACTIVE:
		return put_u32(field, remaps ? 0 : NA_U32);
	default:
		return NOT_MINE;
	}
}

static nvmlReturn_t pcie_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct readings *now = gpu->readings;

	switch (field->fieldId) {
	case NVML_FI_DEV_PCIE_REPLAY_COUNTER:
		return put_u64(field, now->pcie_replays);
	case NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER:
		return put_u64(field, now->pcie_replay_rollovers);
	case NVML_FI_DEV_PCIE_OUTBOUND_ATOMICS_MASK:
		return put_u32(field, gpu->board->pcie.atomics_outbound);
	case NVML_FI_DEV_PCIE_INBOUND_ATOMICS_MASK:
		return put_u32(field, gpu->board->pcie.atomics_inbound);
	case NVML_FI_DEV_PCIE_COUNT_TX_BYTES:
		return put_u64(field, gpu_traffic(gpu, gpu->now).pcie_tx_bytes);
	case NVML_FI_DEV_PCIE_COUNT_RX_BYTES:
		return put_u64(field, gpu_traffic(gpu, gpu->now).pcie_rx_bytes);
	default:
		break;
	}
	if (field->fieldId == NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER ||
	    between(field->fieldId, NVML_FI_DEV_PCIE_COUNT_CORRECTABLE_ERRORS,
		    NVML_FI_DEV_PCIE_COUNT_LANE_ERROR))
		return put_u64(field, 0);
	return NOT_MINE;
}

// Of the GPU alone, of its memory, or of the module with the CPU beside it.
static nvmlReturn_t power_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	struct power_scope scope;

	if (field->fieldId == NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION)
		return put_u64(field, gpu_energy(gpu));
	if (!between(field->fieldId, NVML_FI_DEV_POWER_AVERAGE, NVML_FI_DEV_POWER_REQUESTED_LIMIT))
		return NOT_MINE;
	if (!gpu_power_scope(gpu, field->scopeId, &scope))
		return NVML_ERROR_INVALID_ARGUMENT;
	switch (field->fieldId) {
	case NVML_FI_DEV_POWER_AVERAGE:
		return put_u32(field, scope.average_mw);
	case NVML_FI_DEV_POWER_INSTANT:
		return put_u32(field, scope.instant_mw);
	case NVML_FI_DEV_POWER_MIN_LIMIT:
		return put_u32(field, scope.min_mw);
	case NVML_FI_DEV_POWER_MAX_LIMIT:
		return put_u32(field, scope.max_mw);
	case NVML_FI_DEV_POWER_DEFAULT_LIMIT:
		return put_u32(field, scope.default_mw);
	case NVML_FI_DEV_POWER_CURRENT_LIMIT:
		return put_u32(field, scope.current_mw);
	case NVML_FI_DEV_POWER_REQUESTED_LIMIT:
		return put_u32(field, scope.requested_mw);
	default:
		return put_u64(field,
			       field->scopeId == NVML_POWER_SCOPE_GPU ? gpu_energy(gpu) : NA_U64);
	}
}

static nvmlReturn_t thermal_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct profile_thermal *thermal = &gpu->board->thermal;

	switch (field->fieldId) {
	case NVML_FI_DEV_GPU_TEMP:
		return put_i32(field, gpu->readings->temperature_c);
	case NVML_FI_DEV_MEMORY_TEMP:
		return put_u32(field, gpu->readings->memory_temperature_c == NA_I32
					      ? NA_U32
					      : (uint32_t)gpu->readings->memory_temperature_c);
	case NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT:
		return put_i32(field, thermal->tlimit_shutdown_c);
	case NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT:
		return put_i32(field, thermal->tlimit_slowdown_c);
	case NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT:
		return put_i32(field, thermal->tlimit_mem_max_c);
	case NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT:
		return put_i32(field, thermal->tlimit_gpu_max_c);
	default:
		return NOT_MINE;
	}
}

static nvmlReturn_t throttle_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct readings *now = gpu->readings;

	switch (field->fieldId) {
	case NVML_FI_DEV_PERF_POLICY_POWER:
		return put_held_ns(field, now->throttle_power_us);
	case NVML_FI_DEV_PERF_POLICY_SYNC_BOOST:
		return put_held_ns(field, now->throttle_sync_boost_us);
	case NVML_FI_DEV_PERF_POLICY_THERMAL:
		return put_held_ns(field, now->throttle_sw_thermal_us);
	case NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN:
		return put_microseconds_as_ns(field, now->throttle_sw_thermal_us);
	case NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN:
		return put_microseconds_as_ns(field, now->throttle_hw_thermal_us);
	case NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN:
		return put_microseconds_as_ns(field, now->throttle_hw_brake_us);
	case NVML_FI_DEV_PERF_POLICY_BOARD_LIMIT:
	case NVML_FI_DEV_PERF_POLICY_LOW_UTILIZATION:
	case NVML_FI_DEV_PERF_POLICY_RELIABILITY:
	case NVML_FI_DEV_PERF_POLICY_TOTAL_APP_CLOCKS:
	case NVML_FI_DEV_PERF_POLICY_TOTAL_BASE_CLOCKS:
		return put_u64(field, 0);
	default:
		return NOT_MINE;
	}
}

// With a boot that nobody who may write has seen yet, faults have ended.
static enum recovery recovery_of(const struct gpu *gpu)
{
	if (page_is_past(&handle_source.page->header, handle_source.boot))
		return RECOVERY_NONE;
	return recovery_due(gpu->running, gpu->readings, motion_now());
}

static nvmlReturn_t put_recovery(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	static const nvmlDeviceGpuRecoveryAction_t actions[RECOVERIES] = {
		[RECOVERY_NONE] = NVML_GPU_RECOVERY_ACTION_NONE,
		[RECOVERY_DRAIN_AND_RESET] = NVML_GPU_RECOVERY_ACTION_DRAIN_AND_RESET,
		[RECOVERY_RESET] = NVML_GPU_RECOVERY_ACTION_GPU_RESET,
		[RECOVERY_REBOOT] = NVML_GPU_RECOVERY_ACTION_NODE_REBOOT,
	};

	return put_u32(field, actions[recovery_of(gpu)]);
}

static nvmlReturn_t put_reset_status(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	enum recovery recovery = recovery_of(gpu);

	// The recovery action took their place.
	if (driver_major(gpu->description) >= 570)
		return NVML_ERROR_DEPRECATED;
	if (field->fieldId == NVML_FI_DEV_DRAIN_AND_RESET_STATUS)
		return put_u32(field, recovery == RECOVERY_DRAIN_AND_RESET);
	return put_u32(field, recovery >= RECOVERY_RESET || readings_mode_pending(gpu->readings));
}

static nvmlReturn_t state_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	bool mig = gpu->board->mig.capable == 1;

	switch (field->fieldId) {
	case NVML_FI_DEV_IS_RESETLESS_MIG_SUPPORTED:
		return put_u32(field, mig && gpu->board->architecture >= NVML_DEVICE_ARCH_HOPPER);
	case NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE:
		return put_u32(field, mig);
	case NVML_FI_DEV_RESET_STATUS:
	case NVML_FI_DEV_DRAIN_AND_RESET_STATUS:
		return put_reset_status(gpu, field);
	case NVML_FI_DEV_GET_GPU_RECOVERY_ACTION:
		return put_recovery(gpu, field);
	default:
		return NOT_MINE;
	}
}

// The headers of CUDA 12.5 and 12.6, which came with the drivers from 555 to before 570, have two fields' numbers
// the other way round than those before and after.
static unsigned int number_now(const struct gpu *gpu, unsigned int id)
{
	unsigned int branch = driver_major(gpu->description);

	if (branch < 555 || branch >= 570)
		return id;
	if (id == NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE)
		return NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MAX;
	if (id == NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MAX)
		return NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE;
	return id;
}

static nvmlReturn_t value_of(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	static const field_group groups[] = {
		ecc_field,     retirement_field, field_link_counter, field_link_speed,
		field_link,    field_c2c,	 pcie_field,	     power_field,
		thermal_field, throttle_field,	 state_field,
	};

	if (!field->fieldId || field->fieldId >= NVML_FI_MAX)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned int i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		nvmlReturn_t ret = groups[i](gpu, field);

		if (ret != NOT_MINE)
			return ret;
	}
	return NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t field_value(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	unsigned int asked = field->fieldId;
	nvmlReturn_t ret;

	field->fieldId = number_now(gpu, asked);
	ret = value_of(gpu, field);
	field->fieldId = asked;
	return ret;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int valuesCount,
				      nvmlFieldValue_t *values)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, values, &gpu);
	long long now;

	if (ret != NVML_SUCCESS)
		return ret;
	if (valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	now = (long long)wall_clock_us();
	// All of one call are of one moment.
	do {
		for (int i = 0; i < valuesCount; i++) {
			values[i].timestamp = now;
			values[i].latencyUsec = 0;
			values[i].nvmlReturn = field_value(&gpu, &values[i]);
		}
	} while (gpu_changed(&gpu));
	for (int i = 0; i < valuesCount; i++)
		log_debug("%s(%u, %u) = %d", __func__, values[i].fieldId, values[i].scopeId,
			  (int)values[i].nvmlReturn);
	return NVML_SUCCESS;
}
