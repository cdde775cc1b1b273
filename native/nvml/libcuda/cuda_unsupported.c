/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_unsupported.h"

#include "cuda_device.h"
#include "log.h"

CUresult cuda_unsupported_answer(const char *function, const void *answer)
{
	CUresult result = cuda_initialized();

	log_debug("%s", function);
	if (result != CUDA_SUCCESS)
		return result;
	return answer ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuda_unsupported(const char *function)
{
	return cuda_unsupported_answer(function, function);
}
