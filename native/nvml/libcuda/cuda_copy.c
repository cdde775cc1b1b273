/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying and filling, done at once in the calling thread. Only where there is
 * memory to copy: a device's own has nothing behind it.
 */
#include <string.h>

#include "cuda_allocation.h"
#include "cuda_context.h"
#include "cuda_stream.h"

/* Any memory of the process that no function here gave out is the program's own. */
static CUresult check(uint64_t address, size_t size, bool of_device)
{
	const struct cuda_allocation *allocation = cuda_allocation_find(address);

	if (!allocation)
		return of_device ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	if (size > allocation->start + allocation->size - address)
		return CUDA_ERROR_INVALID_VALUE;
	return allocation->kind == CUDA_ALLOCATION_DEVICE ? CUDA_ERROR_NOT_SUPPORTED : CUDA_SUCCESS;
}

struct copy {
	uint64_t to;
	uint64_t from;
	size_t size;
	bool to_device; /* it must be memory that was given out here */
	bool from_device;
};

static CUresult run(const char *function, const struct copy *copy, CUstream stream)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, copy, &context);

	if (result != CUDA_SUCCESS)
		return result;
	if (!cuda_stream_valid(stream))
		return cuda_leave(CUDA_ERROR_INVALID_HANDLE);
	if (!copy->size)
		return cuda_leave(CUDA_SUCCESS);
	if (!copy->to || !copy->from)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	result = check(copy->to, copy->size, copy->to_device);
	if (result == CUDA_SUCCESS)
		result = check(copy->from, copy->size, copy->from_device);
	/* Under the lock, so that no other thread takes the memory away. */
	if (result == CUDA_SUCCESS)
		memmove((void *)(uintptr_t)copy->to, (const void *)(uintptr_t)copy->from,
			copy->size);
	return cuda_leave(result);
}

CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream)
{
	return run(__func__, &(struct copy){ to, from, size, false, false }, stream);
}
CUDA_ALSO(cuMemcpyAsync, cuMemcpyAsync_ptsz)

CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t size)
{
	return run(__func__, &(struct copy){ to, from, size, false, false }, NULL);
}
CUDA_ALSO(cuMemcpy, cuMemcpy_ptds)

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream)
{
	return run(__func__, &(struct copy){ to, (uintptr_t)from, size, true, false }, stream);
}
CUDA_ALSO(cuMemcpyHtoDAsync_v2, cuMemcpyHtoDAsync_v2_ptsz)

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size)
{
	return run(__func__, &(struct copy){ to, (uintptr_t)from, size, true, false }, NULL);
}
CUDA_ALSO(cuMemcpyHtoD_v2, cuMemcpyHtoD_v2_ptds)

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream stream)
{
	return run(__func__, &(struct copy){ (uintptr_t)to, from, size, false, true }, stream);
}
CUDA_ALSO(cuMemcpyDtoHAsync_v2, cuMemcpyDtoHAsync_v2_ptsz)

CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size)
{
	return run(__func__, &(struct copy){ (uintptr_t)to, from, size, false, true }, NULL);
}
CUDA_ALSO(cuMemcpyDtoH_v2, cuMemcpyDtoH_v2_ptds)

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream)
{
	return run(__func__, &(struct copy){ to, from, size, true, true }, stream);
}
CUDA_ALSO(cuMemcpyDtoDAsync_v2, cuMemcpyDtoDAsync_v2_ptsz)

CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size)
{
	return run(__func__, &(struct copy){ to, from, size, true, true }, NULL);
}
CUDA_ALSO(cuMemcpyDtoD_v2, cuMemcpyDtoD_v2_ptds)

/* @count values of @width bytes each. */
static CUresult fill(const char *function, uint64_t to, const void *value, size_t width,
		     size_t count, CUstream stream)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, value, &context);
	size_t size;

	if (result != CUDA_SUCCESS)
		return result;
	if (!cuda_stream_valid(stream))
		return cuda_leave(CUDA_ERROR_INVALID_HANDLE);
	if (!count)
		return cuda_leave(CUDA_SUCCESS);
	if (to % width || __builtin_mul_overflow(count, width, &size))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	result = check(to, size, true);
	for (size_t i = 0; result == CUDA_SUCCESS && i < count; i++)
		memcpy((char *)(uintptr_t)to + i * width, value, width);
	return cuda_leave(result);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream)
{
	return fill(__func__, to, &value, sizeof(value), count, stream);
}
CUDA_ALSO(cuMemsetD8Async, cuMemsetD8Async_ptsz)

CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count)
{
	return fill(__func__, to, &value, sizeof(value), count, NULL);
}
CUDA_ALSO(cuMemsetD8_v2, cuMemsetD8_v2_ptds)

CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream stream)
{
	return fill(__func__, to, &value, sizeof(value), count, stream);
}
CUDA_ALSO(cuMemsetD16Async, cuMemsetD16Async_ptsz)

CUresult cuMemsetD16_v2(CUdeviceptr to, unsigned short value, size_t count)
{
	return fill(__func__, to, &value, sizeof(value), count, NULL);
}
CUDA_ALSO(cuMemsetD16_v2, cuMemsetD16_v2_ptds)

CUresult cuMemsetD32Async(CUdeviceptr to, unsigned int value, size_t count, CUstream stream)
{
	return fill(__func__, to, &value, sizeof(value), count, stream);
}
CUDA_ALSO(cuMemsetD32Async, cuMemsetD32Async_ptsz)

CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned int value, size_t count)
{
	return fill(__func__, to, &value, sizeof(value), count, NULL);
}
CUDA_ALSO(cuMemsetD32_v2, cuMemsetD32_v2_ptds)
