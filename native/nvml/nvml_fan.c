// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_change.h"

GETTER_U32(nvmlDeviceGetNumFans, unsigned int, gpu.board->fans)

static nvmlReturn_t check_fan(const struct gpu *gpu, unsigned int fan)
{
	if (!gpu->board->fans || gpu->board->fans == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	return fan < gpu->board->fans && fan < PROFILE_MAX_FANS ? NVML_SUCCESS
								: NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *speed)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, speed, &gpu);

	if (ret == NVML_SUCCESS)
		ret = check_fan(&gpu, fan);
	return ret == NVML_SUCCESS ? answer_u32(speed, gpu.readings->fan_percent[fan]) : ret;
}

nvmlReturn_t nvmlDeviceGetFanSpeed(nvmlDevice_t device, unsigned int *speed)
{
	return nvmlDeviceGetFanSpeed_v2(device, 0, speed);
}

nvmlReturn_t nvmlDeviceGetTargetFanSpeed(nvmlDevice_t device, unsigned int fan,
					 unsigned int *targetSpeed)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, targetSpeed, &gpu);

	if (ret == NVML_SUCCESS)
		ret = check_fan(&gpu, fan);
	if (ret != NVML_SUCCESS)
		return ret;
	return answer_u32(targetSpeed, gpu.readings->fan_target_percent[fan]);
}

nvmlReturn_t nvmlDeviceGetMinMaxFanSpeed(nvmlDevice_t device, unsigned int *minSpeed,
					 unsigned int *maxSpeed)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, minSpeed, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!maxSpeed)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!gpu.board->fans || gpu.board->fan_min_percent == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*minSpeed = gpu.board->fan_min_percent;
	*maxSpeed = gpu.board->fan_max_percent;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFanControlPolicy_v2(nvmlDevice_t device, unsigned int fan,
					      nvmlFanControlPolicy_t *policy)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, policy, &gpu);

	if (ret == NVML_SUCCESS)
		ret = check_fan(&gpu, fan);
	if (ret == NVML_SUCCESS)
		*policy = gpu.running->settings.fan_manual[fan]
				  ? NVML_FAN_POLICY_MANUAL
				  : NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW;
	return ret;
}

// A fan that nobody sets runs as the board at rest has it.
static void set_fan(struct change *change, unsigned int fan, bool manual, uint32_t percent)
{
	struct readings *now = &change->running->readings;
	const struct readings *rest = &change->gpu.device->readings;

	change->running->settings.fan_manual[fan] = manual;
	now->fan_percent[fan] = manual ? percent : rest->fan_percent[fan];
	now->fan_target_percent[fan] = manual ? percent : rest->fan_target_percent[fan];
}

static nvmlReturn_t check_speed(const struct board *board, unsigned int speed)
{
	uint32_t lowest = board->fan_min_percent == NA_U32 ? 0 : board->fan_min_percent;
	uint32_t highest = board->fan_max_percent == NA_U32 ? 100 : board->fan_max_percent;

	return speed >= lowest && speed <= highest ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceSetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int speed)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = check_fan(&change.gpu, fan);
	if (ret == NVML_SUCCESS)
		ret = check_speed(change.gpu.board, speed);
	if (ret == NVML_SUCCESS)
		ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	set_fan(&change, fan, true, speed);
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceSetDefaultFanSpeed_v2(nvmlDevice_t device, unsigned int fan)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = check_fan(&change.gpu, fan);
	if (ret == NVML_SUCCESS)
		ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	set_fan(&change, fan, false, 0);
	return change_end(&change);
}

// Taken over by hand, a fan goes on at the speed it has.
nvmlReturn_t nvmlDeviceSetFanControlPolicy(nvmlDevice_t device, unsigned int fan,
					   nvmlFanControlPolicy_t policy)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = check_fan(&change.gpu, fan);
	if (ret != NVML_SUCCESS)
		return ret;
	if (policy != NVML_FAN_POLICY_MANUAL && policy != NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	set_fan(&change, fan, policy == NVML_FAN_POLICY_MANUAL,
		change.running->readings.fan_percent[fan]);
	return change_end(&change);
}
