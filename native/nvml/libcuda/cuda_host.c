/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's memory that a device may reach. It is not locked into the machine's:
 * no device reads it behind the kernel's back.
 */
#include "cuda_allocation.h"
#include "cuda_context.h"

#define ALLOCATION_FLAGS (CU_MEMHOSTALLOC_WRITECOMBINED | 3u)
#define REGISTER_FLAGS (CU_MEMHOSTREGISTER_READ_ONLY | 7u)

static CUresult allocate(const char *function, void **address, size_t size, unsigned int flags)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(function, address, &context);
	const struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	if (!size || flags & ~ALLOCATION_FLAGS)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	allocation = cuda_allocation_new(context, CUDA_ALLOCATION_PINNED, size, flags);
	if (!allocation)
		return cuda_leave(CUDA_ERROR_OUT_OF_MEMORY);
	*address = (void *)(uintptr_t)allocation->start;
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuMemHostAlloc(void **address, size_t size, unsigned int flags)
{
	return allocate(__func__, address, size, flags);
}

CUresult cuMemAllocHost_v2(void **address, size_t size)
{
	return allocate(__func__, address, size, 0);
}
CUDA_ALSO(cuMemAllocHost_v2, cuMemAllocHost)

CUresult cuMemFreeHost(void *address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, &address, &context);
	struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_find((uintptr_t)address);
	if (!allocation || allocation->start != (uintptr_t)address ||
	    allocation->kind != CUDA_ALLOCATION_PINNED)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	cuda_allocation_end(allocation);
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuMemHostRegister_v2(void *address, size_t size, unsigned int flags)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, address, &context);
	uintptr_t end;

	if (result != CUDA_SUCCESS)
		return result;
	if (!size || flags & ~REGISTER_FLAGS ||
	    __builtin_add_overflow((uintptr_t)address, size, &end))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	if (cuda_allocation_overlaps((uintptr_t)address, size))
		return cuda_leave(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	return cuda_leave(cuda_allocation_register(context, (uintptr_t)address, size, flags)
				  ? CUDA_SUCCESS
				  : CUDA_ERROR_OUT_OF_MEMORY);
}
CUDA_ALSO(cuMemHostRegister_v2, cuMemHostRegister)

CUresult cuMemHostUnregister(void *address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, address, &context);
	struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_find((uintptr_t)address);
	if (!allocation || allocation->start != (uintptr_t)address ||
	    allocation->kind != CUDA_ALLOCATION_REGISTERED)
		return cuda_leave(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
	cuda_allocation_end(allocation);
	return cuda_leave(CUDA_SUCCESS);
}

static struct cuda_allocation *host_allocation(const void *address)
{
	struct cuda_allocation *allocation = cuda_allocation_find((uintptr_t)address);

	if (!allocation || allocation->kind == CUDA_ALLOCATION_DEVICE ||
	    allocation->kind == CUDA_ALLOCATION_MANAGED)
		return NULL;
	return allocation;
}

/* With one address space for all, both sides have the same address. */
CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *device_address, void *address,
				      unsigned int flags)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, device_address, &context);

	if (result != CUDA_SUCCESS)
		return result;
	if (flags || !host_allocation(address))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	*device_address = (uintptr_t)address;
	return cuda_leave(CUDA_SUCCESS);
}

/* Every such memory is mapped for the device, asked for or not. */
CUresult cuMemHostGetFlags(unsigned int *flags, void *address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, flags, &context);
	const struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	allocation = host_allocation(address);
	if (!allocation)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	*flags = allocation->flags | CU_MEMHOSTALLOC_DEVICEMAP;
	return cuda_leave(CUDA_SUCCESS);
}
