/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The primary context of each device, which all parts of a program share. It keeps
 * its handle for the life of the process, and is alive while somebody retains it.
 */
#include "cuda_context.h"
#include "cuda_presence.h"

struct primary {
	struct cuda_context *context;
	unsigned int retained;
	unsigned int flags; /* of the next life */
};

static struct primary primaries[PROFILE_MAX_DEVICES];

struct cuda_context *cuda_primary(CUdevice device)
{
	return primaries[device].context;
}

/* Initialised and a device of ours, as everywhere; then the lock is held. */
static CUresult enter(const char *function, CUdevice device, const void *answer,
		      struct cuda_device *found, struct primary **primary)
{
	CUresult result = cuda_device_enter(function, device, answer, found);

	if (result != CUDA_SUCCESS)
		return result;
	cuda_lock();
	*primary = &primaries[device];
	return CUDA_SUCCESS;
}

static bool active(const struct primary *primary)
{
	return primary->context && primary->context->alive;
}

static CUresult retain(struct primary *primary, struct cuda_device *found, CUdevice device)
{
	CUresult result = CUDA_SUCCESS;

	if (!active(primary) && !presence_allowed(found))
		return CUDA_ERROR_DEVICE_UNAVAILABLE;
	if (!primary->context)
		result = cuda_context_new(found, device, &primary->context);
	if (result != CUDA_SUCCESS)
		return result;
	if (!active(primary))
		cuda_context_start(primary->context, primary->flags);
	primary->retained++;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
	struct cuda_device found;
	struct primary *primary;
	CUresult result = enter(__func__, device, context, &found, &primary);

	if (result != CUDA_SUCCESS)
		return result;
	result = retain(primary, &found, device);
	if (result == CUDA_SUCCESS)
		*context = primary->context->handle;
	return cuda_leave(result);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
	struct cuda_device found;
	struct primary *primary;
	CUresult result = enter(__func__, device, &device, &found, &primary);

	if (result != CUDA_SUCCESS)
		return result;
	if (!primary->retained)
		return cuda_leave(CUDA_ERROR_INVALID_CONTEXT);
	if (!--primary->retained && active(primary))
		cuda_context_stop(primary->context);
	return cuda_leave(CUDA_SUCCESS);
}
CUDA_ALSO(cuDevicePrimaryCtxRelease_v2, cuDevicePrimaryCtxRelease)

/* Whoever retained it still has to release it. */
CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
	struct cuda_device found;
	struct primary *primary;
	CUresult result = enter(__func__, device, &device, &found, &primary);

	if (result != CUDA_SUCCESS)
		return result;
	if (active(primary))
		cuda_context_stop(primary->context);
	return cuda_leave(CUDA_SUCCESS);
}
CUDA_ALSO(cuDevicePrimaryCtxReset_v2, cuDevicePrimaryCtxReset)

static CUresult set_flags(const char *function, CUdevice device, unsigned int flags,
			  bool while_active)
{
	struct cuda_device found;
	struct primary *primary;
	CUresult result = enter(function, device, &device, &found, &primary);

	if (result != CUDA_SUCCESS)
		return result;
	if (!cuda_context_flags_valid(flags))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	if (active(primary) && !while_active)
		return cuda_leave(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE);
	primary->flags = flags;
	if (active(primary))
		primary->context->flags = flags;
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned int flags)
{
	return set_flags(__func__, device, flags, true);
}

/* Before CUDA 11 a living context kept its flags. */
CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned int flags)
{
	return set_flags(__func__, device, flags, false);
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned int *flags, int *is_active)
{
	struct cuda_device found;
	struct primary *primary;
	CUresult result = enter(__func__, device, flags ? is_active : NULL, &found, &primary);

	if (result != CUDA_SUCCESS)
		return result;
	*flags = primary->flags;
	*is_active = active(primary);
	return cuda_leave(CUDA_SUCCESS);
}
