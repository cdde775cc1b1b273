/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one device can do with the memory of another. */
#include "cuda_device.h"

/* Over NVLink only: what PCI bridges let through is not in a profile. */
static bool linked(const struct cuda_device *one, const struct cuda_device *other)
{
	return one->slot != other->slot &&
	       description_links_between(one->description, one->slot, other->slot) > 0;
}

static CUresult enter_pair(const char *function, CUdevice device, CUdevice peer, const void *answer,
			   struct cuda_device *one, struct cuda_device *other)
{
	CUresult result = cuda_device_enter(function, device, answer, one);

	return result == CUDA_SUCCESS ? cuda_device_enter(function, peer, answer, other) : result;
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer)
{
	struct cuda_device one, other;
	CUresult result = enter_pair(__func__, device, peer, can, &one, &other);

	if (result == CUDA_SUCCESS)
		*can = linked(&one, &other);
	return result;
}

CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attribute, CUdevice source,
				 CUdevice destination)
{
	struct cuda_device one, other;
	CUresult result = enter_pair(__func__, source, destination, value, &one, &other);

	if (result != CUDA_SUCCESS)
		return result;
	if (one.slot == other.slot)
		return CUDA_ERROR_INVALID_DEVICE;
	switch (attribute) {
	/* 0 is the best. */
	case CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK:
		*value = !linked(&one, &other);
		return CUDA_SUCCESS;
	case CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED:
	case CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
	case CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED:
		*value = linked(&one, &other);
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}
