// SPDX-License-Identifier: GPL-3.0-or-later
// Field values of NVLink and of the links between chips.
#include "field.h"
#include "nvlink.h"

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

static nvmlReturn_t put_errors(const struct gpu *gpu, nvmlFieldValue_t *field, unsigned int link)
{
	nvmlReturn_t ret = nvlink_check(gpu, link);

	return ret == NVML_SUCCESS ? put_u64(field, gpu->readings->links.errors[link]) : ret;
}

static nvmlReturn_t put_all_errors(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	nvmlReturn_t ret = nvlink_check(gpu, 0);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < gpu->device->link_count && i < PROFILE_MAX_LINKS; i++)
		sum += gpu->readings->links.errors[i];
	return ret == NVML_SUCCESS ? put_u64(field, sum) : ret;
}

nvmlReturn_t field_link_counter(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	unsigned int id = field->fieldId;

	for (unsigned int i = 0; i < sizeof(link_counters) / sizeof(link_counters[0]); i++) {
		if (id == link_counters[i].total)
			return put_all_errors(gpu, field);
		if (between(id, link_counters[i].first, link_counters[i].first + 5))
			return put_errors(gpu, field, id - link_counters[i].first);
		if (between(id, link_counters[i].seventh, link_counters[i].seventh + 5))
			return put_errors(gpu, field, id - link_counters[i].seventh + 6);
	}
	if (id == NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_TOTAL)
		return put_all_errors(gpu, field);
	if (between(id, NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L0,
		    NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L11))
		return put_errors(gpu, field, id - NVML_FI_DEV_NVLINK_ECC_DATA_ERROR_COUNT_L0);
	return NOT_MINE;
}

nvmlReturn_t field_link_speed(const struct gpu *gpu, nvmlFieldValue_t *field)
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
	return put_u32(field, nvlink_active(gpu, link) ? gpu->board->nvlink.line_rate_mbps : 0);
}

static uint32_t switch_links(const struct gpu *gpu)
{
	const struct device *device = gpu->device;
	uint32_t count = 0;

	for (uint32_t i = 0; i < device->link_count && i < PROFILE_MAX_LINKS; i++)
		count += nvlink_active(gpu, i) &&
			 device->links[i].remote_type == PROFILE_REMOTE_SWITCH;
	return count;
}

// Fields of one link, which the scope names.
static nvmlReturn_t link_scope_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	nvmlReturn_t ret = nvlink_check(gpu, field->scopeId);
	const struct device_link *link;
	bool active;

	if (ret != NVML_SUCCESS)
		return ret;
	link = &gpu->device->links[field->scopeId];
	active = nvlink_active(gpu, field->scopeId);
	switch (field->fieldId) {
	case NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID:
		return put_u32(field, active ? link->remote_link : NA_U32);
	case NVML_FI_DEV_NVLINK_GET_STATE:
		return put_u32(field, active);
	case NVML_FI_DEV_NVLINK_GET_VERSION:
		return put_u32(field, nvlink_version(gpu->board));
	case NVML_FI_DEV_NVLINK_GET_POWER_STATE:
		return put_u32(field, NVML_NVLINK_POWER_STATE_HIGH_SPEED);
	case NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY:
	case NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY:
	case NVML_FI_DEV_NVLINK_ERROR_DL_CRC:
		return put_errors(gpu, field, field->scopeId);
	default:
		return put_u64(field, 0);
	}
}

// Of 18 flits that travel together 16 are data.
static uint64_t raw_of(uint64_t data)
{
	return data / 16 * 18 + data % 16 * 18 / 16;
}

// KiB since the driver was loaded, through one link or, where the scope names none, through all.
static nvmlReturn_t link_throughput(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	unsigned int id = field->fieldId, scope = field->scopeId;
	uint64_t kib = gpu_traffic(gpu, gpu->now).nvlink_kib, links = 0;
	nvmlReturn_t ret = nvlink_check(gpu, scope == UINT32_MAX ? 0 : scope);

	if (ret != NVML_SUCCESS)
		return ret;
	for (uint32_t i = 0; i < gpu->device->link_count && i < PROFILE_MAX_LINKS; i++)
		links += gpu->device->links[i].active && (scope == UINT32_MAX || scope == i);
	if (id == NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_TX ||
	    id == NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX)
		kib = raw_of(kib);
	return put_u64(field, kib * links);
}

// From Hopper on an idle link saves power after a time that can be chosen.
static nvmlReturn_t threshold_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	if (gpu->board->nvlink.version == NA_U32 || gpu->board->nvlink.version < 4)
		return NVML_ERROR_NOT_SUPPORTED;
	switch (field->fieldId) {
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MIN:
		return put_u32(field, NVML_NVLINK_LOW_POWER_THRESHOLD_MIN);
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MAX:
		return put_u32(field, NVML_NVLINK_LOW_POWER_THRESHOLD_MAX);
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_UNITS:
		return put_u32(field, NVML_NVLINK_LOW_POWER_THRESHOLD_UNIT_100US);
	default:
		return put_u32(field, 1);
	}
}

// The counters of the fifth generation's ports.
static bool is_port_counter(unsigned int id)
{
	return between(id, NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS,
		       NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER) ||
	       between(id, NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_0,
		       NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_15) ||
	       between(id, NVML_FI_DEV_NVLINK_COUNT_RAW_ERRORS_LANE0,
		       NVML_FI_DEV_NVLINK_PLR_XMIT_RETRY_BLOCKS);
}

nvmlReturn_t field_link(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	bool linked = gpu->board->nvlink.version != NA_U32;
	unsigned int id = field->fieldId;

	switch (id) {
	case NVML_FI_DEV_NVLINK_LINK_COUNT:
		return put_u32(field, linked ? gpu->device->link_count : 0);
	case NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT:
		return put_u32(field, linked ? switch_links(gpu) : NA_U32);
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD:
		return put_u32(field, gpu->running->settings.low_power_threshold);
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MIN:
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_MAX:
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_UNITS:
	case NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_SUPPORTED:
		return threshold_field(gpu, field);
	case NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX:
	case NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX:
	case NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_TX:
	case NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX:
		return link_throughput(gpu, field);
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
	if (is_port_counter(id))
		return linked && gpu->board->nvlink.version >= 5 ? link_scope_field(gpu, field)
								 : NVML_ERROR_NOT_SUPPORTED;
	return NOT_MINE;
}

nvmlReturn_t field_c2c(const struct gpu *gpu, nvmlFieldValue_t *field)
{
	const struct profile_nvlink *nvlink = &gpu->board->nvlink;
	// A board may say that they are off and have none.
	bool has_links = nvlink->c2c != NA_U32 && nvlink->c2c_links != NA_U32;

	switch (field->fieldId) {
	case NVML_FI_DEV_C2C_LINK_COUNT:
		return put_u32(field, has_links ? nvlink->c2c_links : NA_U32);
	case NVML_FI_DEV_C2C_LINK_GET_STATUS:
	case NVML_FI_DEV_C2C_LINK_GET_MAX_BW:
		if (!has_links)
			return NVML_ERROR_NOT_SUPPORTED;
		if (field->scopeId >= nvlink->c2c_links)
			return NVML_ERROR_INVALID_ARGUMENT;
		return put_u32(field, field->fieldId == NVML_FI_DEV_C2C_LINK_GET_STATUS
					      ? nvlink->c2c
					      : nvlink->c2c_link_mbps);
	case NVML_FI_DEV_C2C_LINK_ERROR_INTR:
	case NVML_FI_DEV_C2C_LINK_ERROR_REPLAY:
	case NVML_FI_DEV_C2C_LINK_ERROR_REPLAY_B2B:
		return put_u64(field, has_links ? 0 : NA_U64);
	case NVML_FI_DEV_C2C_LINK_POWER_STATE:
		return put_u32(field, has_links ? NVML_C2C_POWER_STATE_FULL_POWER : NA_U32);
	default:
		return NOT_MINE;
	}
}
