// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_change.h"

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensorType,
				      unsigned int *temp)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, temp, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (sensorType != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	return answer_i32((int *)temp, gpu.readings->temperature_c);
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *temperature)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, temperature, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (temperature->version != nvmlTemperature_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (temperature->sensorType != NVML_TEMPERATURE_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	return answer_i32(&temperature->temperature, gpu.readings->temperature_c);
}

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device,
					       nvmlTemperatureThresholds_t thresholdType,
					       unsigned int *temp)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, temp, &gpu);
	const struct profile_thermal *thermal;

	if (ret != NVML_SUCCESS)
		return ret;
	thermal = &gpu.board->thermal;
	switch (thresholdType) {
	case NVML_TEMPERATURE_THRESHOLD_SHUTDOWN:
		return answer_i32((int *)temp, thermal->shutdown_c);
	case NVML_TEMPERATURE_THRESHOLD_SLOWDOWN:
		return answer_i32((int *)temp, thermal->slowdown_c);
	case NVML_TEMPERATURE_THRESHOLD_MEM_MAX:
		return answer_i32((int *)temp, thermal->mem_max_c);
	case NVML_TEMPERATURE_THRESHOLD_GPU_MAX:
		return answer_i32((int *)temp, thermal->gpu_max_c);
	case NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MIN:
		return answer_i32((int *)temp, thermal->target_min_c);
	case NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR:
		return answer_i32((int *)temp, gpu.running->settings.target_temperature_c);
	case NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MAX:
		return answer_i32((int *)temp, thermal->target_max_c);
	case NVML_TEMPERATURE_THRESHOLD_GPS_CURR:
		return NVML_ERROR_NOT_SUPPORTED;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

// Of all thresholds only the temperature that the fans aim at is a user's to choose.
nvmlReturn_t nvmlDeviceSetTemperatureThreshold(nvmlDevice_t device,
					       nvmlTemperatureThresholds_t thresholdType, int *temp)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	const struct profile_thermal *thermal;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!temp || thresholdType >= NVML_TEMPERATURE_THRESHOLD_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	thermal = &change.gpu.board->thermal;
	if (thresholdType != NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR ||
	    thermal->target_c == NA_I32 || thermal->target_min_c == NA_I32 ||
	    thermal->target_max_c == NA_I32)
		return NVML_ERROR_NOT_SUPPORTED;
	if (*temp < thermal->target_min_c || *temp > thermal->target_max_c)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.target_temperature_c = *temp;
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_t *margin)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, margin, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (margin->version != nvmlMarginTemperature_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return answer_i32(&margin->marginTemperature, gpu.readings->tlimit_c);
}

nvmlReturn_t nvmlDeviceGetThermalSettings(nvmlDevice_t device, unsigned int sensorIndex,
					  nvmlGpuThermalSettings_t *settings)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, settings, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (sensorIndex && sensorIndex != NVML_THERMAL_TARGET_ALL)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.readings->temperature_c == NA_I32)
		return NVML_ERROR_NOT_SUPPORTED;
	memset(settings, 0, sizeof(*settings));
	settings->count = 1;
	settings->sensor[0].controller = NVML_THERMAL_CONTROLLER_GPU_INTERNAL;
	settings->sensor[0].target = NVML_THERMAL_TARGET_GPU;
	settings->sensor[0].currentTemp = gpu.readings->temperature_c;
	settings->sensor[0].defaultMaxTemp = 127;
	return NVML_SUCCESS;
}
