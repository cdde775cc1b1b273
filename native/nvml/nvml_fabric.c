// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_internal.h"

// A board without a fabric answers too: its state says so.
static struct profile_fabric fabric_of(struct gpu *gpu)
{
	struct profile_fabric fabric;

	do {
		fabric = gpu->board->fabric;
		if (fabric.state == NA_U32)
			fabric = (struct profile_fabric){
				.state = NVML_GPU_FABRIC_STATE_NOT_SUPPORTED
			};
		else if (gpu->readings->fabric.health_summary)
			fabric.health_summary = gpu->readings->fabric.health_summary;
		fabric.health_mask &= ~gpu->readings->fabric.health_clear;
		fabric.health_mask |= gpu->readings->fabric.health_set;
	} while (gpu_changed(gpu));
	return fabric;
}

nvmlReturn_t nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, nvmlGpuFabricInfo_t *gpuFabricInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpuFabricInfo, &gpu);
	struct profile_fabric fabric;

	if (ret != NVML_SUCCESS)
		return ret;
	fabric = fabric_of(&gpu);
	memcpy(gpuFabricInfo->clusterUuid, fabric.cluster_uuid, NVML_GPU_FABRIC_UUID_LEN);
	gpuFabricInfo->status = fabric.status;
	gpuFabricInfo->cliqueId = fabric.clique_id;
	gpuFabricInfo->state = (nvmlGpuFabricState_t)fabric.state;
	return NVML_SUCCESS;
}

// The third version is the second with one field more at its end.
nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfoV_t *gpuFabricInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpuFabricInfo, &gpu);
	struct profile_fabric fabric;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpuFabricInfo->version != nvmlGpuFabricInfo_v2 &&
	    gpuFabricInfo->version != nvmlGpuFabricInfo_v3)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	fabric = fabric_of(&gpu);
	memcpy(gpuFabricInfo->clusterUuid, fabric.cluster_uuid, NVML_GPU_FABRIC_UUID_LEN);
	gpuFabricInfo->status = fabric.status;
	gpuFabricInfo->cliqueId = fabric.clique_id;
	gpuFabricInfo->state = (nvmlGpuFabricState_t)fabric.state;
	gpuFabricInfo->healthMask = fabric.health_mask;
	if (gpuFabricInfo->version == nvmlGpuFabricInfo_v3)
		gpuFabricInfo->healthSummary = (unsigned char)fabric.health_summary;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuFabricInfo_v4(nvmlDevice_t device,
					   nvmlGpuFabricInfo_v4_t *gpuFabricInfo)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, gpuFabricInfo, &gpu);
	struct profile_fabric fabric;

	if (ret != NVML_SUCCESS)
		return ret;
	fabric = fabric_of(&gpu);
	*gpuFabricInfo = (nvmlGpuFabricInfo_v4_t){
		.status = fabric.status,
		.state = (nvmlGpuFabricState_t)fabric.state,
		.healthMask = fabric.health_mask,
		.healthSummary = (unsigned char)fabric.health_summary,
	};
	memcpy(gpuFabricInfo->clusterUuid, fabric.cluster_uuid, NVML_GPU_FABRIC_UUID_LEN);
	if (fabric.state != NVML_GPU_FABRIC_STATE_COMPLETED)
		return NVML_SUCCESS;
	gpuFabricInfo->numCliques = 1;
	gpuFabricInfo->cliques[0].type = NVML_GPU_FABRIC_CLIQUE_TYPE_UNICAST_POINTER;
	gpuFabricInfo->cliques[0].id = fabric.clique_id;
	return NVML_SUCCESS;
}
