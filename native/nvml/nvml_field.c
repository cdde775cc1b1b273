// SPDX-License-Identifier: GPL-3.0-or-later
// nvmlDeviceGetFieldValues: many values by number. Each group below answers its own numbers.
#include <sys/time.h>

#include "nvlink.h"
#include "nvml_internal.h"
#include "power.h"

// What a group says of a number that another group knows.
#define NOT_MINE NVML_ERROR_NOT_FOUND

typedef nvmlReturn_t (*field_group)(const struct gpu *gpu, nvmlFieldValue_t *field);

static nvmlReturn_t put_u32(nvmlFieldValue_t *field, uint32_t value)
{
	field->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
	field->value.ullVal = 0;
	return answer_u32(&field->value.uiVal, value);
}

static nvmlReturn_t put_u64(nvmlFieldValue_t *field, uint64_t value)
{
	field->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
	return answer_u64(&field->value.ullVal, value);
}

static nvmlReturn_t put_i32(nvmlFieldValue_t *field, int32_t value)
{
	field->valueType = NVML_VALUE_TYPE_SIGNED_INT;
	field->value.ullVal = 0;
	return answer_i32(&field->value.siVal, value);
}

static nvmlReturn_t put_microseconds_as_ns(nvmlFieldValue_t *field, uint64_t microseconds)
{
	return put_u64(field, microseconds == NA_U64 ? NA_U64 : microseconds * 1000);
}

static bool between(unsigned int id, unsigned int first, unsigned int last)
{
	return id >= first && id <= last;
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
	const struct readings_ecc *ecc = &gpu->device->readings.ecc;
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
	const struct readings_retired *retired = &gpu->device->readings.retired;
	const struct readings_rows *rows = &gpu->device->readings.rows;
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

// Error counters that name their link by the field number: six links, their sum, later six more.
static const struct {
	unsigned int first, total, seventh;
} link_counters[] = {
	{ NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_L0, NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL,
	  NVML_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_L6 },
	{ NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_L0, NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL,
	  NVML_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_L6 },
	{ NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_L0, NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL,
	  NVML_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_L6 },
	{ NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_L0, NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL,
	  NVML_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_L6 },
};

static nvmlReturn_t put_if_link(const struct gpu *gpu, nvmlFieldValue_t *field, unsigned int link,
				uint64_t value)
{
	nvmlReturn_t ret = nvlink_check(gpu, link);

	return ret == NVML_SUCCESS ? put_u64(field, value) : ret;
}

static nvmlReturn_t link_counter_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	unsigned int id = field->fieldId;

	for (unsigned int i = 0; i < sizeof(link_counters) / sizeof(link_counters[0]); i++) {
		if (id == link_counters[i].total)
			return put_if_link(gpu, field, 0, 0);
		if (between(id, link_counters[i].first, link_counters[i].first + 5))
			return put_if_link(gpu, field, id - link_counters[i].first, 0);
		if (between(id, link_counters[i].seventh, link_counters[i].seventh + 5))
			return put_if_link(gpu, field, id - link_counters[i].seventh + 6, 0);
	}
	if (id == NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_TOTAL)
		return put_if_link(gpu, field, 0, 0);
	if (between(id, NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L0,
		    NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L11))
		return put_if_link(gpu, field, id - NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L0, 0);
	return NOT_MINE;
}

static nvmlReturn_t link_speed_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	unsigned int id = field->fieldId, link;
	nvmlReturn_t ret;

	if (id == NVML_FI_DEV_NVLINK_SPEED_MBPS_COMMON)
		link = 0;
	else if (between(id, NVML_FI_DEV_NVLINK_SPEED_MBPS_L0, NVML_FI_DEV_NVLINK_SPEED_MBPS_L5))
		link = id - NVML_FI_DEV_NVLINK_SPEED_MBPS_L0;
	else if (between(id, NVML_FI_DEV_NVLINK_SPEED_MBPS_L6, NVML_FI_DEV_NVLINK_SPEED_MBPS_L11))
		link = id - NVML_FI_DEV_NVLINK_SPEED_MBPS_L6 + 6;
	else if (id == NVML_FI_DEV_NVLINK_GET_SPEED)
		link = field->scopeId;
	else
		return NOT_MINE;
	ret = nvlink_check(gpu, link);
	if (ret != NVML_SUCCESS)
		return ret;
	return put_u32(field,
		       gpu->device->links[link].active ? gpu->board->nvlink.line_rate_mbps : 0);
}

static uint32_t switch_links(const struct device *device)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < device->link_count && i < PROFILE_MAX_LINKS; i++)
		count += device->links[i].active &&
			 device->links[i].remote_type == PROFILE_REMOTE_SWITCH;
	return count;
}

// Fields of one link, which the scope names.
static nvmlReturn_t link_scope_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	nvmlReturn_t ret = nvlink_check(gpu, field->scopeId);
	const struct device_link *link;

	if (ret != NVML_SUCCESS)
		return ret;
	link = &gpu->device->links[field->scopeId];
	switch (field->fieldId) {
	case NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID:
		return put_u32(field, link->active ? link->remote_link : NA_U32);
	case NVML_FI_DEV_NVLINK_GET_STATE:
		return put_u32(field, link->active);
	case NVML_FI_DEV_NVLINK_GET_VERSION:
		return put_u32(field, nvlink_version(gpu->board));
	case NVML_FI_DEV_NVLINK_GET_POWER_STATE:
		return put_u32(field, NVML_NVLINK_POWER_STATE_HIGH_SPEED);
	default:
		return put_u64(field, 0);
	}
}

static nvmlReturn_t link_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	bool linked = gpu->board->nvlink.version != NA_U32;
	unsigned int id = field->fieldId;

	switch (id) {
	case NVML_FI_DEV_NVLINK_LINK_COUNT:
		return put_u32(field, linked ? gpu->device->link_count : 0);
	case NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT:
		return put_u32(field, linked ? switch_links(gpu->device) : NA_U32);
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD:
		return put_u32(field, gpu->board->nvlink.low_power_threshold);
	case NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX:
	case NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX:
	case NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_TX:
	case NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX:
		return put_if_link(gpu, field, field->scopeId == UINT32_MAX ? 0 : field->scopeId,
				   0);
	case NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID:
	case NVML_FI_DEV_NVLINK_GET_STATE:
	case NVML_FI_DEV_NVLINK_GET_VERSION:
	case NVML_FI_DEV_NVLINK_GET_POWER_STATE:
	case NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY:
	case NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY:
	case NVML_FI_DEV_NVLINK_ERROR_DL_CRC:
		return link_scope_field(gpu, field);
	default:
		break;
	}
	// The counters of the fifth generation's ports.
	if (between(id, NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS, NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER))
		return linked && gpu->board->nvlink.version >= 5 ? link_scope_field(gpu, field)
								 : NVML_ERROR_NOT_SUPPORTED;
	return NOT_MINE;
}

static nvmlReturn_t c2c_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct profile_nvlink *nvlink = &gpu->board->nvlink;
	bool has_c2c = nvlink->c2c != NA_U32;

	switch (field->fieldId) {
	case NVML_FI_DEV_C2C_LINK_COUNT:
		return put_u32(field, has_c2c ? nvlink->c2c_links : NA_U32);
	case NVML_FI_DEV_C2C_LINK_GET_STATUS:
	case NVML_FI_DEV_C2C_LINK_GET_MAX_BW:
		if (!has_c2c)
			return NVML_ERROR_NOT_SUPPORTED;
		if (field->scopeId >= nvlink->c2c_links)
			return NVML_ERROR_INVALID_ARGUMENT;
		return put_u32(field, field->fieldId == NVML_FI_DEV_C2C_LINK_GET_STATUS
					      ? nvlink->c2c
					      : nvlink->c2c_link_mbps);
	case NVML_FI_DEV_C2C_LINK_ERROR_INTR:
	case NVML_FI_DEV_C2C_LINK_ERROR_REPLAY:
	case NVML_FI_DEV_C2C_LINK_ERROR_REPLAY_B2B:
		return put_u64(field, has_c2c ? 0 : NA_U64);
	case NVML_FI_DEV_C2C_LINK_POWER_STATE:
		return put_u32(field, has_c2c ? NVML_C2C_POWER_STATE_FULL_POWER : NA_U32);
	default:
		return NOT_MINE;
	}
}

static nvmlReturn_t pcie_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct readings *now = &gpu->device->readings;

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
	case NVML_FI_DEV_PCIE_COUNT_RX_BYTES:
		return put_u64(field, 0);
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
		return put_i32(field, gpu_temperature(gpu));
	case NVML_FI_DEV_MEMORY_TEMP:
		return put_u32(field,
			       gpu->device->readings.memory_temperature_c == NA_I32
				       ? NA_U32
				       : (uint32_t)gpu->device->readings.memory_temperature_c);
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
	const struct readings *now = &gpu->device->readings;

	switch (field->fieldId) {
	case NVML_FI_DEV_PERF_POLICY_POWER:
		return put_microseconds_as_ns(field, now->throttle_power_us);
	case NVML_FI_DEV_PERF_POLICY_SYNC_BOOST:
		return put_microseconds_as_ns(field, now->throttle_sync_boost_us);
	case NVML_FI_DEV_PERF_POLICY_THERMAL:
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
		// The recovery action took their place.
		if (driver_major(gpu->description) >= 570)
			return NVML_ERROR_DEPRECATED;
		return put_u32(field, 0);
	case NVML_FI_DEV_GET_GPU_RECOVERY_ACTION:
		return put_u32(field, NVML_GPU_RECOVERY_ACTION_NONE);
	default:
		return NOT_MINE;
	}
}

static nvmlReturn_t field_value(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	static const field_group groups[] = {
		ecc_field,     retirement_field, link_counter_field, link_speed_field,
		link_field,    c2c_field,	 pcie_field,	     power_field,
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

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int valuesCount,
				      nvmlFieldValue_t *values)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, values, &gpu);
	struct timeval now;

	if (ret != NVML_SUCCESS)
		return ret;
	if (valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	gettimeofday(&now, NULL);
	for (int i = 0; i < valuesCount; i++) {
		values[i].timestamp = (long long)now.tv_sec * 1000000 + now.tv_usec;
		values[i].latencyUsec = 0;
		values[i].nvmlReturn = field_value(&gpu, &values[i]);
		log_debug("%s(%u, %u) = %d", __func__, values[i].fieldId, values[i].scopeId,
			  (int)values[i].nvmlReturn);
	}
	return NVML_SUCCESS;
}
