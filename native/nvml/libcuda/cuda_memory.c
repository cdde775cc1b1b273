/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device's memory: how much there is, giving it out and taking it back. */
#include "cuda_allocation.h"
#include "cuda_context.h"
#include "cuda_presence.h"

/* Two rows of an array begin so far apart at least. */
#define PITCH_ALIGNMENT 512

/* What programs can have of the device, and what of it nobody has. */
static CUresult room_of(const struct cuda_context *context, uint64_t more, uint64_t *room,
			uint64_t *total)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, context->device, context, &found);
	uint64_t taken;

	if (result != CUDA_SUCCESS)
		return result;
	*total = cuda_device_memory(&found);
	taken = presence_others(&found) + cuda_allocation_used_with(found.slot, more);
	*room = taken < *total ? *total - taken : 0;
	return taken <= *total ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total_bytes)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, total_bytes ? free_bytes : NULL, &context);
	uint64_t room, total;

	if (result != CUDA_SUCCESS)
		return result;
	result = room_of(context, 0, &room, &total);
	/* Others may have more than there is: then nothing is free. */
	if (result != CUDA_SUCCESS && result != CUDA_ERROR_OUT_OF_MEMORY)
		return cuda_leave(result);
	*free_bytes = room;
	*total_bytes = total;
	return cuda_leave(CUDA_SUCCESS);
}

static CUresult allocate(struct cuda_context *context, uint64_t size, CUdeviceptr *address)
{
	const struct cuda_allocation *allocation;
	uint64_t room, total;
	CUresult result;

	if (size > UINT64_MAX / 2)
		return CUDA_ERROR_OUT_OF_MEMORY;
	result = room_of(context, size, &room, &total);
	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_new(context, CUDA_ALLOCATION_DEVICE, size, 0);
	if (!allocation)
		return CUDA_ERROR_OUT_OF_MEMORY;
	presence_set(context->slot, cuda_allocation_used(context->slot));
	*address = allocation->start;
	return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, address, &context);

	if (result != CUDA_SUCCESS)
		return result;
	return cuda_leave(size ? allocate(context, size, address) : CUDA_ERROR_INVALID_VALUE);
}

CUresult cuMemAllocPitch_v2(CUdeviceptr *address, size_t *pitch, size_t width, size_t height,
			    unsigned int element)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, pitch ? address : NULL, &context);
	size_t row, size;

	if (result != CUDA_SUCCESS)
		return result;
	if (!width || !height || (element != 4 && element != 8 && element != 16))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	if (__builtin_add_overflow(width, PITCH_ALIGNMENT - 1, &row))
		return cuda_leave(CUDA_ERROR_OUT_OF_MEMORY);
	row -= row % PITCH_ALIGNMENT;
	if (__builtin_mul_overflow(row, height, &size))
		return cuda_leave(CUDA_ERROR_OUT_OF_MEMORY);
	result = allocate(context, size, address);
	if (result == CUDA_SUCCESS)
		*pitch = row;
	return cuda_leave(result);
}

/* It begins where the CPU is and takes nothing of the device, to which it would
 * move when something there used it. */
CUresult cuMemAllocManaged(CUdeviceptr *address, size_t size, unsigned int flags)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, address, &context);
	const struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	if (!size || (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	allocation = cuda_allocation_new(context, CUDA_ALLOCATION_MANAGED, size, flags);
	if (!allocation)
		return cuda_leave(CUDA_ERROR_OUT_OF_MEMORY);
	*address = allocation->start;
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuMemFree_v2(CUdeviceptr address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, &address, &context);
	struct cuda_allocation *allocation;
	uint32_t slot;

	if (result != CUDA_SUCCESS)
		return result;
	if (!address)
		return cuda_leave(CUDA_SUCCESS);
	allocation = cuda_allocation_find(address);
	if (!allocation || allocation->start != address ||
	    (allocation->kind != CUDA_ALLOCATION_DEVICE &&
	     allocation->kind != CUDA_ALLOCATION_MANAGED))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	/* Whose it is, not who frees it. */
	slot = allocation->context->slot;
	cuda_allocation_end(allocation);
	presence_set(slot, cuda_allocation_used(slot));
	return cuda_leave(CUDA_SUCCESS);
}

/* Either answer may be left out. */
CUresult cuMemGetAddressRange_v2(CUdeviceptr *start, size_t *size, CUdeviceptr address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, &address, &context);
	const struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_find(address);
	if (!allocation)
		return cuda_leave(CUDA_ERROR_NOT_FOUND);
	if (start)
		*start = allocation->start;
	if (size)
		*size = allocation->size;
	return cuda_leave(CUDA_SUCCESS);
}
