/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each thread's stack of contexts, whose top is the one that its calls work in. */
#include "cuda_context.h"
#include "cuda_handle.h"
#include "log.h"

/* In the thread's own storage, so that a thread that ends leaves nothing behind. */
#define STACK_DEPTH 64

static __thread CUcontext stack[STACK_DEPTH];
static __thread unsigned int depth;

CUcontext cuda_stack_top(void)
{
	return depth ? stack[depth - 1] : NULL;
}

CUresult cuda_stack_push(CUcontext handle)
{
	if (depth == STACK_DEPTH)
		return CUDA_ERROR_OUT_OF_MEMORY;
	stack[depth++] = handle;
	return CUDA_SUCCESS;
}

void cuda_stack_pop(void)
{
	if (depth)
		depth--;
}

/* Whether a context of this handle may be made current. */
static CUresult look_at(CUcontext handle)
{
	const struct cuda_context *context;

	cuda_lock();
	context = cuda_context_find(handle);
	if (!context)
		return cuda_leave(CUDA_ERROR_INVALID_CONTEXT);
	return cuda_leave(context->alive ? CUDA_SUCCESS : CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

CUresult cuCtxPushCurrent_v2(CUcontext context)
{
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result == CUDA_SUCCESS)
		result = look_at(context);
	return result == CUDA_SUCCESS ? cuda_stack_push(context) : result;
}
CUDA_ALSO(cuCtxPushCurrent_v2, cuCtxPushCurrent)

/* The answer may be left out. */
CUresult cuCtxPopCurrent_v2(CUcontext *context)
{
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result != CUDA_SUCCESS)
		return result;
	if (!depth)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (context)
		*context = cuda_stack_top();
	cuda_stack_pop();
	return CUDA_SUCCESS;
}
CUDA_ALSO(cuCtxPopCurrent_v2, cuCtxPopCurrent)

/* The top is replaced; without a context it is taken away. */
CUresult cuCtxSetCurrent(CUcontext context)
{
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result == CUDA_SUCCESS && context)
		result = look_at(context);
	if (result != CUDA_SUCCESS)
		return result;
	cuda_stack_pop();
	return context ? cuda_stack_push(context) : CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context)
{
	CUresult result = cuda_initialized();

	log_debug("%s", __func__);
	if (result != CUDA_SUCCESS)
		return result;
	if (!context)
		return CUDA_ERROR_INVALID_VALUE;
	*context = cuda_stack_top();
	return CUDA_SUCCESS;
}
