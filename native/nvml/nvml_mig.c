// SPDX-License-Identifier: GPL-3.0-or-later
// Multi-Instance GPU: the mode.
#include "nvml_mig.h"

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *currentMode,
				  unsigned int *pendingMode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, currentMode, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!pendingMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (gpu.board->mig.capable != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		*currentMode = gpu.readings->mig_current;
		*pendingMode = gpu.readings->mig_pending;
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

static bool has_instances(const struct running *running)
{
	for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++)
		if (running->gpu_instances[i].used)
			return true;
	return false;
}

// Who uses the GPU keeps it from changing its mode; instances count as use.
nvmlReturn_t nvmlDeviceSetMigMode(nvmlDevice_t device, unsigned int mode,
				  nvmlReturn_t *activationStatus)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);
	struct running *running;

	if (ret != NVML_SUCCESS)
		return ret;
	if (mode > NVML_DEVICE_MIG_ENABLE || !activationStatus)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change.gpu.board->mig.capable != 1)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	running = change.running;
	*activationStatus = NVML_SUCCESS;
	if (running->readings.mig_current == mode && running->readings.mig_pending == mode)
		return change_drop(&change, NVML_SUCCESS);
	running->readings.mig_pending = mode;
	if (running->readings.mig_current != mode) {
		if (running->process_count || has_instances(running))
			*activationStatus = NVML_ERROR_IN_USE;
		else
			mig_activate(running);
	}
	return mig_change_end(&change, STATE_NO_INSTANCE, STATE_NO_INSTANCE);
}
