/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a context says of itself and lets itself be told: limits, preferences, flags. */
#include "cuda_context.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define MAX_SYNC_DEPTH 24
#define MAX_L2_FETCH_GRANULARITY 128
#define MAX_STACK_SIZE (512 * KIB) /* local memory of a thread: CUDA programming guide */

/* As the manual gives them. Where it names only a range, the widest. */
void cuda_limit_reset(struct cuda_context *context)
{
	static const size_t limits[CUDA_LIMITS] = {
		[CU_LIMIT_STACK_SIZE] = 1 * KIB,
		[CU_LIMIT_PRINTF_FIFO_SIZE] = 1 * MIB,
		[CU_LIMIT_MALLOC_HEAP_SIZE] = 8 * MIB,
		[CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2,
		[CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048,
		[CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = MAX_L2_FETCH_GRANULARITY,
		[CU_LIMIT_PERSISTING_L2_CACHE_SIZE] = 0,
	};

	for (unsigned int i = 0; i < CUDA_LIMITS; i++)
		context->limits[i] = limits[i];
}

/* From capability 9.0 on a grid can no longer wait for those it launched. */
static bool has_limit(const struct cuda_context *context, CUlimit limit)
{
	struct cuda_device found;

	if (limit >= CUDA_LIMITS)
		return false;
	if (limit != CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH)
		return true;
	return cuda_device_enter(__func__, context->device, context, &found) == CUDA_SUCCESS &&
	       found.board->compute_major < 9;
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, value, &context);

	if (result != CUDA_SUCCESS)
		return result;
	if (!has_limit(context, limit))
		return cuda_leave(CUDA_ERROR_UNSUPPORTED_LIMIT);
	*value = context->limits[limit];
	return cuda_leave(CUDA_SUCCESS);
}

static bool in_range(CUlimit limit, size_t value)
{
	switch (limit) {
	case CU_LIMIT_STACK_SIZE:
		return value <= MAX_STACK_SIZE;
	case CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH:
		return value <= MAX_SYNC_DEPTH;
	case CU_LIMIT_MAX_L2_FETCH_GRANULARITY:
		return value <= MAX_L2_FETCH_GRANULARITY;
	default:
		return true;
	}
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, &value, &context);

	if (result != CUDA_SUCCESS)
		return result;
	if (!has_limit(context, limit))
		return cuda_leave(CUDA_ERROR_UNSUPPORTED_LIMIT);
	if (!in_range(limit, value))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	/* A hint, which the manual lets a device clamp: none here has such a cache. */
	if (limit == CU_LIMIT_PERSISTING_L2_CACHE_SIZE)
		value = 0;
	context->limits[limit] = value;
	return cuda_leave(CUDA_SUCCESS);
}

/* NAME(type *answer): one member of the current context. */
#define CONTEXT_GETTER(name, type, member)                                        \
	CUresult name(type *answer)                                               \
	{                                                                         \
		struct cuda_context *context;                                     \
		CUresult result = cuda_context_enter(__func__, answer, &context); \
                                                                                  \
		if (result != CUDA_SUCCESS)                                       \
			return result;                                            \
		*answer = context->member;                                        \
		return cuda_leave(CUDA_SUCCESS);                                  \
	}

/* NAME(type value): the same, set where VALID says that it may be. */
#define CONTEXT_SETTER(name, type, member, valid)                                 \
	CUresult name(type value)                                                 \
	{                                                                         \
		struct cuda_context *context;                                     \
		CUresult result = cuda_context_enter(__func__, &value, &context); \
                                                                                  \
		if (result != CUDA_SUCCESS)                                       \
			return result;                                            \
		if (!(valid))                                                     \
			return cuda_leave(CUDA_ERROR_INVALID_VALUE);              \
		context->member = value;                                          \
		return cuda_leave(CUDA_SUCCESS);                                  \
	}

CONTEXT_GETTER(cuCtxGetDevice, CUdevice, device)
CONTEXT_GETTER(cuCtxGetFlags, unsigned int, flags)
CONTEXT_SETTER(cuCtxSetFlags, unsigned int, flags, cuda_context_flags_valid(value))
CONTEXT_GETTER(cuCtxGetCacheConfig, CUfunc_cache, cache)
CONTEXT_SETTER(cuCtxSetCacheConfig, CUfunc_cache, cache, value <= CU_FUNC_CACHE_PREFER_EQUAL)
CONTEXT_GETTER(cuCtxGetSharedMemConfig, CUsharedconfig, shared)
CONTEXT_SETTER(cuCtxSetSharedMemConfig, CUsharedconfig, shared,
	       value <= CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE)

CUresult cuCtxGetApiVersion(CUcontext handle, unsigned int *version)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter_of(__func__, handle, version, &context);

	if (result != CUDA_SUCCESS)
		return result;
	*version = context->api_version;
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuCtxGetId(CUcontext handle, unsigned long long *id)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter_of(__func__, handle, id, &context);

	if (result != CUDA_SUCCESS)
		return result;
	*id = context->id;
	return cuda_leave(CUDA_SUCCESS);
}

/* Either answer may be left out. */
CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, __func__, &context);

	if (result != CUDA_SUCCESS)
		return result;
	if (least)
		*least = CUDA_STREAM_LEAST_PRIORITY;
	if (greatest)
		*greatest = CUDA_STREAM_GREATEST_PRIORITY;
	return cuda_leave(CUDA_SUCCESS);
}

/* No line is kept in a cache that is not there. */
CUresult cuCtxResetPersistingL2Cache(void)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, __func__, &context);

	return result == CUDA_SUCCESS ? cuda_leave(CUDA_SUCCESS) : result;
}
