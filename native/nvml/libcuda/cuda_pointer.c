/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pointer is: whose memory, of which device, how much of it. */
#include "cuda_allocation.h"
#include "cuda_context.h"

/* One answer: its bits and how many bytes of them the caller gets. */
struct answer {
	uint64_t bits;
	size_t size;
};

static bool on_host(const struct cuda_allocation *allocation)
{
	return allocation->kind == CUDA_ALLOCATION_PINNED ||
	       allocation->kind == CUDA_ALLOCATION_REGISTERED;
}

#define ANSWER(type, value) ((struct answer){ (uint64_t)(value), sizeof(type) })

/* False for an attribute that this library has no answer for. */
static bool look_up(CUpointer_attribute attribute, const struct cuda_allocation *allocation,
		    uint64_t address, struct answer *answer)
{
	switch (attribute) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*answer = ANSWER(CUcontext, (uintptr_t)allocation->context->handle);
		return true;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*answer = ANSWER(unsigned int,
				 on_host(allocation) ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE);
		return true;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		*answer = ANSWER(void *, address);
		/* The CPU has no address for a device's own memory. */
		return attribute == CU_POINTER_ATTRIBUTE_DEVICE_POINTER ||
		       allocation->kind != CUDA_ALLOCATION_DEVICE;
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
		*answer = ANSWER(bool, allocation->sync_memops);
		return true;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
		*answer = ANSWER(uint64_t, allocation->id);
		return true;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*answer = ANSWER(bool, allocation->kind == CUDA_ALLOCATION_MANAGED);
		return true;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*answer = ANSWER(int, allocation->context->device);
		return true;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
		*answer = ANSWER(void *, allocation->start);
		return true;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
		*answer = ANSWER(size_t, allocation->size);
		return true;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*answer = ANSWER(bool, true);
		return true;
	/* No memory here can be handed to another process or another kind of device. */
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
	case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
		*answer = ANSWER(bool, false);
		return true;
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
		*answer = ANSWER(uint64_t, 0);
		return true;
	default:
		return false;
	}
}

/* Byte by byte: the place need not be aligned for the type. */
static void put(void *place, const struct answer *answer)
{
	const unsigned char *bytes = (const unsigned char *)&answer->bits;

	for (size_t i = 0; i < answer->size; i++)
		((unsigned char *)place)[i] = bytes[i];
}

CUresult cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, value, &context);
	const struct cuda_allocation *allocation;
	struct answer answer;

	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_find(address);
	if (!allocation || !look_up(attribute, allocation, address, &answer))
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	put(value, &answer);
	return cuda_leave(CUDA_SUCCESS);
}

/*
 * For memory that no function here gave out each answer is none: zeros, of as many
 * bytes as the attribute has.
 */
CUresult cuPointerGetAttributes(unsigned int count, CUpointer_attribute *attributes, void **values,
				CUdeviceptr address)
{
	const struct cuda_allocation *allocation;
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, attributes ? values : NULL, &context);
	const struct cuda_allocation unknown = { .context = context };

	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_find(address);
	for (unsigned int i = 0; i < count; i++) {
		struct answer answer = { 0 };
		bool known = look_up(attributes[i], allocation ? allocation : &unknown, address,
				     &answer);

		if (!answer.size || !values[i])
			return cuda_leave(CUDA_ERROR_INVALID_VALUE);
		if (!allocation || !known)
			answer.bits = 0;
		put(values[i], &answer);
	}
	return cuda_leave(CUDA_SUCCESS);
}

CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute attribute,
			       CUdeviceptr address)
{
	struct cuda_context *context;
	CUresult result = cuda_context_enter(__func__, value, &context);
	struct cuda_allocation *allocation;

	if (result != CUDA_SUCCESS)
		return result;
	allocation = cuda_allocation_find(address);
	if (!allocation || attribute != CU_POINTER_ATTRIBUTE_SYNC_MEMOPS)
		return cuda_leave(CUDA_ERROR_INVALID_VALUE);
	allocation->sync_memops = *(const unsigned int *)value != 0;
	return cuda_leave(CUDA_SUCCESS);
}
