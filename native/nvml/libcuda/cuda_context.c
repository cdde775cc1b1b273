/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_context.h"

#include <pthread.h>
#include <stdlib.h>

#include "cuda_allocation.h"
#include "cuda_handle.h"
#include "cuda_presence.h"
#include "log.h"

/* What contexts say of themselves since CUDA 3.2. */
#define API_VERSION 3020
#define API_VERSION_FIRST 3010

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t contexts_of[PROFILE_MAX_DEVICES]; /* by slot: living ones */

void cuda_lock(void)
{
	pthread_mutex_lock(&lock);
}

CUresult cuda_leave(CUresult result)
{
	pthread_mutex_unlock(&lock);
	return result;
}

struct cuda_context *cuda_context_find(CUcontext handle)
{
	return cuda_handle_find(CUDA_HANDLE_CONTEXT, handle);
}

CUresult cuda_context_enter_of(const char *function, CUcontext handle, const void *answer,
			       struct cuda_context **context)
{
	CUresult result = cuda_initialized();
	bool current = !handle;

	log_debug("%s", function);
	if (result != CUDA_SUCCESS)
		return result;
	if (!answer)
		return CUDA_ERROR_INVALID_VALUE;
	if (current)
		handle = cuda_stack_top();
	if (!handle)
		return CUDA_ERROR_INVALID_CONTEXT;
	cuda_lock();
	*context = cuda_context_find(handle);
	if (*context && (*context)->alive)
		return CUDA_SUCCESS;
	/* What lies on a stack was a context once. */
	return cuda_leave(current || *context ? CUDA_ERROR_CONTEXT_IS_DESTROYED
					      : CUDA_ERROR_INVALID_CONTEXT);
}

CUresult cuda_context_enter(const char *function, const void *answer, struct cuda_context **context)
{
	return cuda_context_enter_of(function, NULL, answer, context);
}

bool cuda_context_flags_valid(unsigned int flags)
{
	unsigned int schedule = flags & CU_CTX_SCHED_MASK;

	return !(flags & ~(unsigned int)CU_CTX_FLAGS_MASK) && !(schedule & (schedule - 1));
}

void cuda_context_start(struct cuda_context *context, unsigned int flags)
{
	static unsigned long long last_id;

	context->alive = true;
	context->flags = flags;
	context->id = ++last_id;
	context->cache = CU_FUNC_CACHE_PREFER_NONE;
	context->shared = CU_SHARED_MEM_CONFIG_DEFAULT_BANK_SIZE;
	context->peer_count = 0;
	cuda_limit_reset(context);
	contexts_of[context->slot]++;
	presence_set(context->slot, cuda_allocation_used(context->slot));
}

void cuda_context_stop(struct cuda_context *context)
{
	context->alive = false;
	cuda_handle_end_all(context);
	cuda_allocation_end_all(context);
	if (--contexts_of[context->slot])
		presence_set(context->slot, cuda_allocation_used(context->slot));
	else
		presence_clear(context->slot);
}

CUresult cuda_context_new(const struct cuda_device *found, CUdevice device,
			  struct cuda_context **context)
{
	struct cuda_context *new;

	new = calloc(1, sizeof(*new));
	if (new)
		new->handle = cuda_handle_new(CUDA_HANDLE_CONTEXT, new, NULL);
	if (!new || !new->handle) {
		free(new);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	new->device = device;
	new->slot = found->slot;
	new->api_version = API_VERSION;
	*context = new;
	return CUDA_SUCCESS;
}

static CUresult create(CUcontext *answer, unsigned int flags, CUdevice device,
		       unsigned int api_version, const struct cuda_device *found)
{
	struct cuda_context *context;
	CUresult result = cuda_context_new(found, device, &context);

	if (result != CUDA_SUCCESS)
		return result;
	result = cuda_stack_push(context->handle);
	if (result != CUDA_SUCCESS) {
		free(cuda_handle_end(CUDA_HANDLE_CONTEXT, context->handle));
		return result;
	}
	context->api_version = api_version;
	*answer = context->handle;
	cuda_context_start(context, flags);
	return CUDA_SUCCESS;
}

static CUresult enter_create(const char *function, CUcontext *answer, unsigned int flags,
			     CUdevice device, unsigned int api_version)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(function, device, answer, &found);

	if (result != CUDA_SUCCESS)
		return result;
	if (!cuda_context_flags_valid(flags))
		return CUDA_ERROR_INVALID_VALUE;
	cuda_lock();
	if (!presence_allowed(&found))
		return cuda_leave(CUDA_ERROR_DEVICE_UNAVAILABLE);
	return cuda_leave(create(answer, flags, device, api_version, &found));
}

CUresult cuCtxCreate_v2(CUcontext *context, unsigned int flags, CUdevice device)
{
	return enter_create(__func__, context, flags, device, API_VERSION);
}

/* Before CUDA 3.2 a context could do less; all that can be asked of it is this. */
CUresult cuCtxCreate(CUcontext *context, unsigned int flags, CUdevice device)
{
	return enter_create(__func__, context, flags, device, API_VERSION_FIRST);
}

/* How many multiprocessors a context gets is a matter of MPS, which is not here. */
CUresult cuCtxCreate_v3(CUcontext *context, CUexecAffinityParam *parameters, int count,
			unsigned int flags, CUdevice device)
{
	if (cuda_initialized() == CUDA_SUCCESS && (parameters || count))
		return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
	return enter_create(__func__, context, flags, device, API_VERSION);
}

CUresult cuCtxDestroy_v2(CUcontext handle)
{
	struct cuda_context *context;
	CUresult result;

	if (cuda_initialized() == CUDA_SUCCESS && !handle)
		return CUDA_ERROR_INVALID_VALUE;
	result = cuda_context_enter_of(__func__, handle, &handle, &context);
	if (result != CUDA_SUCCESS)
		return result;
	/* A primary context is released, never destroyed. */
	if (cuda_primary(context->device) == context)
		return cuda_leave(CUDA_ERROR_INVALID_CONTEXT);
	cuda_context_stop(context);
	if (cuda_stack_top() == handle)
		cuda_stack_pop();
	free(cuda_handle_end(CUDA_HANDLE_CONTEXT, handle));
	return cuda_leave(CUDA_SUCCESS);
}
CUDA_ALSO(cuCtxDestroy_v2, cuCtxDestroy)

/* Nothing is ever under way. */
CUresult cuCtxSynchronize(void)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, __func__, &context);

	return result == CUDA_SUCCESS ? cuda_leave(CUDA_SUCCESS) : result;
}
