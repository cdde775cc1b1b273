// SPDX-License-Identifier: GPL-3.0-or-later
// Counters of PCI Express and NVLink that can be set back to 0 by their field numbers.
#include "fault_settle.h"
#include "field.h"
#include "nvml_change.h"

static bool is_error_of_link(unsigned int id)
{
	return id == NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY ||
	       id == NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY || id == NVML_FI_DEV_NVLINK_ERROR_DL_CRC;
}

static bool is_counter(unsigned int id)
{
	return is_error_of_link(id) || id == NVML_FI_DEV_PCIE_REPLAY_COUNTER ||
	       id == NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER ||
	       id == NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER ||
	       between(id, NVML_FI_DEV_PCIE_COUNT_CORRECTABLE_ERRORS,
		       NVML_FI_DEV_PCIE_COUNT_LANE_ERROR) ||
	       between(id, NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS,
		       NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER) ||
	       between(id, NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_0,
		       NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_15);
}

// What cannot be read cannot be cleared either, and for the same reason.
static nvmlReturn_t can_clear(const struct gpu *gpu, const nvmlFieldValue_t *field)
{
	nvmlFieldValue_t copy = *field;
	nvmlReturn_t ret = field_value(gpu, &copy);

	if (ret != NVML_SUCCESS)
		return ret;
	return is_counter(field->fieldId) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static bool is_replay(unsigned int id)
{
	return id == NVML_FI_DEV_PCIE_REPLAY_COUNTER ||
	       id == NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER;
}

// Faults that only counted are over when what they counted is cleared.
static uint32_t faults_of(unsigned int id)
{
	if (is_replay(id))
		return FAULT_BIT(FAULT_NAME_PCIE_REPLAY);
	return is_error_of_link(id) ? FAULT_BIT(FAULT_NAME_NVLINK_ERRORS) : 0;
}

// Only these count anything on a described board; the others rest at 0.
static void clear(struct readings *now, const nvmlFieldValue_t *field)
{
	if (field->fieldId == NVML_FI_DEV_PCIE_REPLAY_COUNTER)
		now->pcie_replays = 0;
	else if (field->fieldId == NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER)
		now->pcie_replay_rollovers = 0;
	else if (is_error_of_link(field->fieldId))
		now->links.errors[field->scopeId] = 0;
}

nvmlReturn_t nvmlDeviceClearFieldValues(nvmlDevice_t device, int valuesCount,
					nvmlFieldValue_t *values)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	long long now;
	int good = 0;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!values || valuesCount <= 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	now = (long long)wall_clock_us();
	for (int i = 0; i < valuesCount; i++) {
		values[i].timestamp = now;
		values[i].latencyUsec = 0;
		values[i].nvmlReturn = can_clear(&change.gpu, &values[i]);
		good += values[i].nvmlReturn == NVML_SUCCESS;
	}
	// Each value says why it was not cleared.
	if (!good)
		return NVML_SUCCESS;
	ret = change_open_for_all(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	for (int i = 0; i < valuesCount; i++) {
		if (values[i].nvmlReturn != NVML_SUCCESS)
			continue;
		fault_settle(change.running, &change.gpu, faults_of(values[i].fieldId));
		clear(&change.running->readings, &values[i]);
	}
	return change_end(&change);
}
