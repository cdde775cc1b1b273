/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules: there are none, but programs ask how they would be loaded. */
#include <stdlib.h>
#include <string.h>

#include "cuda_device.h"
#include "log.h"

/* As the manual says: lazily, unless the variable asks for the other way. */
CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
	const char *wanted = getenv("CUDA_MODULE_LOADING");
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result != CUDA_SUCCESS)
		return result;
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	*mode = wanted && !strcmp(wanted, "EAGER") ? CU_MODULE_EAGER_LOADING
						   : CU_MODULE_LAZY_LOADING;
	return CUDA_SUCCESS;
}
