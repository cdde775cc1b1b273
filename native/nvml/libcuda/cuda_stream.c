/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cuda_stream.h"

#include <stdlib.h>

#include "cuda_context.h"
#include "cuda_handle.h"

struct stream {
	unsigned int flags;
	int priority;
	unsigned long long id;
	struct cuda_context *context;
};

/* NULL, CU_STREAM_LEGACY (1) and CU_STREAM_PER_THREAD (2). */
static bool is_default(CUstream handle)
{
	return (uintptr_t)handle <= 2;
}

bool cuda_stream_valid(CUstream handle)
{
	return is_default(handle) || cuda_handle_find(CUDA_HANDLE_STREAM, handle);
}

static CUresult create(const char *function, CUstream *answer, unsigned int flags, int priority)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, answer, &context);
	struct stream *stream;
	CUstream handle;

	if (result != CUDA_SUCCESS)
		return result;
	if (flags & ~(unsigned int)CU_STREAM_NON_BLOCKING)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	stream = calloc(1, sizeof(*stream));
	handle = stream ? cuda_handle_new(CUDA_HANDLE_STREAM, stream, context) : NULL;
	if (!handle) {
		free(stream);
		return cuda_leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	stream->flags = flags;
	stream->priority = priority;
	stream->id = (uintptr_t)handle; /* it too is never used twice */
	stream->context = context;
	*answer = handle;
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuStreamCreate(CUstream *stream, unsigned int flags)
{
	return create(__func__, stream, flags, CUDA_STREAM_LEAST_PRIORITY);
}

/* A priority out of the range becomes the nearest in it. */
CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned int flags, int priority)
{
	if (priority > CUDA_STREAM_LEAST_PRIORITY)
		priority = CUDA_STREAM_LEAST_PRIORITY;
	if (priority < CUDA_STREAM_GREATEST_PRIORITY)
		priority = CUDA_STREAM_GREATEST_PRIORITY;
	return create(__func__, stream, flags, priority);
}

CUresult cuStreamDestroy_v2(CUstream handle)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, &handle, &context);
	void *stream;

	if (result != CUDA_SUCCESS)
		return result;
	stream = cuda_handle_end(CUDA_HANDLE_STREAM, handle);
	free(stream);
	return cuda_leave(stream ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE);
}
CUDA_ALSO(cuStreamDestroy_v2, cuStreamDestroy)

/* Initialised, @answer there, a context current, the stream valid; then the lock is
 * held. @stream describes a default one as well. */
static CUresult enter(const char *function, CUstream handle, const void *answer,
		      struct stream *stream)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, answer, &context);
	const struct stream *found;

	if (result != CUDA_SUCCESS)
		return result;
	*stream = (struct stream){ .id = (uintptr_t)handle, .context = context };
	if (is_default(handle))
		return CUDA_SUCCESS;
	found = cuda_handle_find(CUDA_HANDLE_STREAM, handle);
	if (!found)
		return cuda_leave(CUDA_ERROR_INVALID_HANDLE);
	*stream = *found;
	return CUDA_SUCCESS;
}

/* Whatever was asked for is done: both for asking and for waiting. */
static CUresult done(const char *function, CUstream handle)
{
	struct stream stream;
	CUresult result = enter(function, handle, function, &stream);

	return result == CUDA_SUCCESS ? cuda_leave(CUDA_SUCCESS) : result;
}

CUresult cuStreamQuery(CUstream stream)
{
	return done(__func__, stream);
}
CUDA_ALSO(cuStreamQuery, cuStreamQuery_ptsz)

CUresult cuStreamSynchronize(CUstream stream)
{
	return done(__func__, stream);
}
CUDA_ALSO(cuStreamSynchronize, cuStreamSynchronize_ptsz)

CUresult cuStreamWaitEvent(CUstream handle, CUevent event, unsigned int flags)
{
	struct stream stream;
	CUresult result = enter(__func__, handle, __func__, &stream);

	if (result != CUDA_SUCCESS)
		return result;
	if (!cuda_handle_find(CUDA_HANDLE_EVENT, event))
		return cuda_leave(CUDA_ERROR_INVALID_HANDLE);
	return cuda_leave(flags & ~(unsigned int)CU_EVENT_WAIT_EXTERNAL ? CUDA_ERROR_INVALID_VALUE
									: CUDA_SUCCESS);
}
CUDA_ALSO(cuStreamWaitEvent, cuStreamWaitEvent_ptsz)

/* NAME(stream, type *answer): one thing about a stream. */
#define STREAM_GETTER(name, type, value)                                    \
	CUresult name(CUstream handle, type *answer)                        \
	{                                                                   \
		struct stream stream = { 0 };                               \
		CUresult result = enter(__func__, handle, answer, &stream); \
                                                                            \
		if (result != CUDA_SUCCESS)                                 \
			return result;                                      \
		*answer = (value);                                          \
		return cuda_leave(CUDA_SUCCESS);                            \
	}

STREAM_GETTER(cuStreamGetFlags, unsigned int, stream.flags)
STREAM_GETTER(cuStreamGetPriority, int, stream.priority)
STREAM_GETTER(cuStreamGetCtx, CUcontext, stream.context->handle)
STREAM_GETTER(cuStreamGetId, unsigned long long, stream.id)
STREAM_GETTER(cuStreamIsCapturing, CUstreamCaptureStatus, CU_STREAM_CAPTURE_STATUS_NONE)
CUDA_ALSO(cuStreamGetFlags, cuStreamGetFlags_ptsz)
CUDA_ALSO(cuStreamGetPriority, cuStreamGetPriority_ptsz)
CUDA_ALSO(cuStreamGetCtx, cuStreamGetCtx_ptsz)
CUDA_ALSO(cuStreamGetId, cuStreamGetId_ptsz)
CUDA_ALSO(cuStreamIsCapturing, cuStreamIsCapturing_ptsz)
