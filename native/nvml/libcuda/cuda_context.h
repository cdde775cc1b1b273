/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Contexts: what a process holds of a device. Nothing can compute in one here, but
 * memory, streams and events belong to it, and each thread has a stack of them.
 */
#ifndef MIRAGE_CUDA_CONTEXT_H
#define MIRAGE_CUDA_CONTEXT_H

#include <stdbool.h>

#include "cuda_api.h"
#include "cuda_device.h"

/* Lower numbers go first. */
#define CUDA_STREAM_LEAST_PRIORITY 0
#define CUDA_STREAM_GREATEST_PRIORITY -5

struct cuda_context {
	CUcontext handle;
	CUdevice device;
	uint32_t slot; /* of the device in the page */
	bool alive; /* a primary context keeps its handle when it is reset */
	unsigned int flags;
	unsigned int api_version;
	unsigned long long id;
	CUfunc_cache cache;
	CUsharedconfig shared;
	size_t limits[CUDA_LIMITS];
	unsigned int peer_count;
	unsigned long long
		peers[PROFILE_MAX_DEVICES]; /* ids of contexts whose memory it may reach */
};

/* One lock for all that a process makes; readings of devices need none. */
void cuda_lock(void);
/* Unlocks and hands @result on. */
CUresult cuda_leave(CUresult result);

/*
 * Initialised, @answer not NULL, the calling thread's context there and alive, in
 * this order. On success the lock is held: end with cuda_leave().
 */
CUresult cuda_context_enter(const char *function, const void *answer,
			    struct cuda_context **context);
/* The same with @handle's context; NULL means the calling thread's. */
CUresult cuda_context_enter_of(const char *function, CUcontext handle, const void *answer,
			       struct cuda_context **context);

/* The rest is called under the lock. */
struct cuda_context *cuda_context_find(CUcontext handle);
bool cuda_context_flags_valid(unsigned int flags);
/* Limits and settings as a new context has them; the device is seen as taken. */
void cuda_context_start(struct cuda_context *context, unsigned int flags);
/* Frees what belongs to it. */
void cuda_context_stop(struct cuda_context *context);
CUresult cuda_context_new(const struct cuda_device *found, CUdevice device,
			  struct cuda_context **context);

/* The device's primary context, alive or not; NULL while nothing asked for it. */
struct cuda_context *cuda_primary(CUdevice device);

/* Of the calling thread; NULL where there is none. */
CUcontext cuda_stack_top(void);
/* CUDA_ERROR_OUT_OF_MEMORY when the stack is full. */
CUresult cuda_stack_push(CUcontext handle);
void cuda_stack_pop(void);

/* Where a limit stands in a new context. */
void cuda_limit_reset(struct cuda_context *context);

#endif
