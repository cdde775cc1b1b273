// SPDX-License-Identifier: GPL-3.0-or-later
// How a GPU is set to work.
#include "nvml_change.h"

GETTER_U32(nvmlDeviceGetPersistenceMode, nvmlEnableState_t, gpu.running->settings.persistence_mode)
GETTER_U32(nvmlDeviceGetDisplayActive, nvmlEnableState_t, gpu.board->display_active)
GETTER_ANY_U32(nvmlDeviceGetComputeMode, nvmlComputeMode_t, gpu.running->settings.compute_mode)
GETTER_U32(nvmlDeviceGetVirtualizationMode, nvmlGpuVirtualizationMode_t,
	   gpu.board->virtualization_mode)
GETTER_U32(nvmlDeviceGetHostVgpuMode, nvmlHostVgpuMode_t, gpu.board->host_vgpu_mode)

nvmlReturn_t nvmlDeviceSetPersistenceMode(nvmlDevice_t device, nvmlEnableState_t mode)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (mode != NVML_FEATURE_DISABLED && mode != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change.gpu.board->persistence_mode == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.persistence_mode = mode;
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceSetComputeMode(nvmlDevice_t device, nvmlComputeMode_t mode)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if ((unsigned int)mode >= NVML_COMPUTEMODE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	// One thread per device went with CUDA 8.
	if (change.gpu.board->compute_mode == NA_U32 || mode == NVML_COMPUTEMODE_EXCLUSIVE_THREAD)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.compute_mode = mode;
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceGetDisplayMode(nvmlDevice_t device, nvmlEnableState_t *display)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, display, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (driver_major(gpu.description) >= 580)
		return NVML_ERROR_DEPRECATED;
	return answer_u32((unsigned int *)display, gpu.board->display_mode);
}

// Only Windows has driver models. Either pointer may be NULL.
nvmlReturn_t nvmlDeviceGetDriverModel_v2(nvmlDevice_t device, nvmlDriverModel_t *current,
					 nvmlDriverModel_t *pending)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, current ? current : pending, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->driver_model_current == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	if (current)
		*current = gpu.board->driver_model_current;
	if (pending)
		*pending = gpu.board->driver_model_pending;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDriverModel(nvmlDevice_t device, nvmlDriverModel_t *current,
				      nvmlDriverModel_t *pending)
{
	return nvmlDeviceGetDriverModel_v2(device, current, pending);
}

// nvidia-smi asks for one of the two and passes NULL for the other.
nvmlReturn_t nvmlDeviceGetGpuOperationMode(nvmlDevice_t device, nvmlGpuOperationMode_t *current,
					   nvmlGpuOperationMode_t *pending)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, current ? current : pending, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->gom_current == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	if (current)
		*current = gpu.board->gom_current;
	if (pending)
		*pending = gpu.running->settings.gom_pending;
	return NVML_SUCCESS;
}

// It takes a new start of the machine, which a reset is not.
nvmlReturn_t nvmlDeviceSetGpuOperationMode(nvmlDevice_t device, nvmlGpuOperationMode_t mode)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (mode != NVML_GOM_ALL_ON && mode != NVML_GOM_COMPUTE && mode != NVML_GOM_LOW_DP)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (change.gpu.board->gom_current == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.gom_pending = mode;
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceGetVgpuHeterogeneousMode(nvmlDevice_t device,
						nvmlVgpuHeterogeneousMode_t *pHeterogeneousMode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, pHeterogeneousMode, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (pHeterogeneousMode->version != nvmlVgpuHeterogeneousMode_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return answer_u32(&pHeterogeneousMode->mode, gpu.board->vgpu_heterogeneous_mode);
}

nvmlReturn_t nvmlDeviceGetAddressingMode(nvmlDevice_t device, nvmlDeviceAddressingMode_t *mode)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, mode, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (mode->version != nvmlDeviceAddressingMode_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return answer_u32(&mode->value, gpu.board->addressing_mode);
}

nvmlReturn_t nvmlDeviceGetCapabilities(nvmlDevice_t device, nvmlDeviceCapabilities_t *caps)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, caps, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (caps->version != nvmlDeviceCapabilities_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (gpu.board->egm == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	caps->capMask = gpu.board->egm ? NVML_DEV_CAP_EGM : 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGridLicensableFeatures_v4(nvmlDevice_t device,
						    nvmlGridLicensableFeatures_t *features)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, features, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	// Older versions have shorter entries, but these two fields first.
	features->isGridLicenseSupported = 0;
	features->licensableFeaturesCount = 0;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGridLicensableFeatures(nvmlDevice_t device,
						 nvmlGridLicensableFeatures_t *features)
{
	return nvmlDeviceGetGridLicensableFeatures_v4(device, features);
}

nvmlReturn_t nvmlDeviceGetGridLicensableFeatures_v2(nvmlDevice_t device,
						    nvmlGridLicensableFeatures_t *features)
{
	return nvmlDeviceGetGridLicensableFeatures_v4(device, features);
}

nvmlReturn_t nvmlDeviceGetGridLicensableFeatures_v3(nvmlDevice_t device,
						    nvmlGridLicensableFeatures_t *features)
{
	return nvmlDeviceGetGridLicensableFeatures_v4(device, features);
}
