/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * There is nothing behind these devices that could compute. Programs that only
 * look find no context; one that wants to make one hears that it cannot, which is
 * better than a context in which every later call fails.
 */
#include "cuda_device.h"
#include "log.h"

CUresult cuCtxGetCurrent(CUcontext *context)
{
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result != CUDA_SUCCESS)
		return result;
	if (!context)
		return CUDA_ERROR_INVALID_VALUE;
	*context = NULL;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned int *flags, int *active)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, flags ? active : NULL, &found);

	if (result != CUDA_SUCCESS)
		return result;
	*flags = 0;
	*active = 0;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, context, &found);

	return result == CUDA_SUCCESS ? CUDA_ERROR_NOT_SUPPORTED : result;
}
