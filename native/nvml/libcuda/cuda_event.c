/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events: as nothing is ever under way, one happens when it is recorded. */
#include <stdlib.h>
#include <time.h>

#include "cuda_context.h"
#include "cuda_handle.h"
#include "cuda_stream.h"

#define EVENT_FLAGS (CU_EVENT_INTERPROCESS | 3u)

struct event {
	unsigned int flags;
	bool recorded;
	struct timespec time;
};

CUresult cuEventCreate(CUevent *answer, unsigned int flags)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, answer, &context);
	struct event *event;
	CUevent handle;

	if (result != CUDA_SUCCESS)
		return result;
	/* What another process shall see can carry no time. */
	if (flags & ~EVENT_FLAGS ||
	    (flags & CU_EVENT_INTERPROCESS && !(flags & CU_EVENT_DISABLE_TIMING)))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	event = calloc(1, sizeof(*event));
	handle = event ? cuda_handle_new(CUDA_HANDLE_EVENT, event, context) : NULL;
	if (!handle) {
		free(event);
		return cuda_leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	event->flags = flags;
	*answer = handle;
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuEventDestroy_v2(CUevent handle)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, &handle, &context);
	void *event;

	if (result != CUDA_SUCCESS)
		return result;
	event = cuda_handle_end(CUDA_HANDLE_EVENT, handle);
	free(event);
	return cuda_leave(event ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE);
}
CUDA_ALSO(cuEventDestroy_v2, cuEventDestroy)

static CUresult record(const char *function, CUevent handle, CUstream stream, unsigned int flags)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, &handle, &context);
	struct event *event;

	if (result != CUDA_SUCCESS)
		return result;
	event = cuda_handle_find(CUDA_HANDLE_EVENT, handle);
	if (!event || !cuda_stream_valid(stream))
		return cuda_leave(CUDA_ERROR_INVALID_HANDLE);
	if (flags & ~(unsigned int)CU_EVENT_RECORD_EXTERNAL)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	event->recorded = true;
	clock_gettime(CLOCK_MONOTONIC, &event->time);
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuEventRecord(CUevent event, CUstream stream)
{
	return record(__func__, event, stream, 0);
}
CUDA_ALSO(cuEventRecord, cuEventRecord_ptsz)

CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned int flags)
{
	return record(__func__, event, stream, flags);
}
CUDA_ALSO(cuEventRecordWithFlags, cuEventRecordWithFlags_ptsz)

/* One that was never recorded has nothing to wait for. */
static CUresult done(const char *function, CUevent handle)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, &handle, &context);

	if (result != CUDA_SUCCESS)
		return result;
	return cuda_leave(cuda_handle_find(CUDA_HANDLE_EVENT, handle) ? CUDA_SUCCESS
								      : CUDA_ERROR_INVALID_HANDLE);
}

CUresult cuEventQuery(CUevent event)
{
	return done(__func__, event);
}

CUresult cuEventSynchronize(CUevent event)
{
	return done(__func__, event);
}

static bool has_time(const struct event *event)
{
	return event && event->recorded && !(event->flags & CU_EVENT_DISABLE_TIMING);
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent start_handle, CUevent end_handle)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, milliseconds, &context);
	const struct event *start, *end;

	if (result != CUDA_SUCCESS)
		return result;
	start = cuda_handle_find(CUDA_HANDLE_EVENT, start_handle);
	end = cuda_handle_find(CUDA_HANDLE_EVENT, end_handle);
	if (!has_time(start) || !has_time(end))
		return cuda_leave(CUDA_ERROR_INVALID_HANDLE);
	*milliseconds = (float)((double)(end->time.tv_sec - start->time.tv_sec) * 1e3 +
				(double)(end->time.tv_nsec - start->time.tv_nsec) / 1e6);
	return cuda_leave(CUDA_SUCCESS);
}
