/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one device can do with the memory of another. */
#include "cuda_context.h"

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

/* The current context and the living one of @handle, which must be another; then the
 * lock is held. */
static CUresult enter_peers(const char *function, CUcontext handle, struct cuda_context **context,
			    struct cuda_context **peer)
{
	CUresult result = cuda_context_enter(function, function, context);

	if (result != CUDA_SUCCESS)
		return result;
	*peer = cuda_context_find(handle);
	if (!*peer || !(*peer)->alive || *peer == *context)
		return cuda_leave(CUDA_ERROR_INVALID_CONTEXT);
	return CUDA_SUCCESS;
}

/* Where in @context the peer is; peer_count where it is not. */
static unsigned int find_peer(const struct cuda_context *context, const struct cuda_context *peer)
{
	unsigned int i = 0;

	while (i < context->peer_count && context->peers[i] != peer->id)
		i++;
	return i;
}

static CUresult enable(struct cuda_context *context, const struct cuda_context *peer)
{
	struct cuda_device one, other;
	CUresult result = enter_pair(__func__, context->device, peer->device, peer, &one, &other);

	if (result != CUDA_SUCCESS)
		return result;
	if (!linked(&one, &other))
		return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
	if (find_peer(context, peer) < context->peer_count)
		return CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
	if (context->peer_count == PROFILE_MAX_DEVICES)
		return CUDA_ERROR_TOO_MANY_PEERS;
	context->peers[context->peer_count++] = peer->id;
	return CUDA_SUCCESS;
}

CUresult cuCtxEnablePeerAccess(CUcontext handle, unsigned int flags)
{
	struct cuda_context *context, *peer;
	CUresult result = enter_peers(__func__, handle, &context, &peer);

	if (result != CUDA_SUCCESS)
		return result;
	return cuda_leave(flags ? CUDA_ERROR_INVALID_VALUE : enable(context, peer));
}

CUresult cuCtxDisablePeerAccess(CUcontext handle)
{
	struct cuda_context *context, *peer;
	CUresult result = enter_peers(__func__, handle, &context, &peer);
	unsigned int index;

	if (result != CUDA_SUCCESS)
		return result;
	index = find_peer(context, peer);
	if (index == context->peer_count)
		return cuda_leave(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
	context->peers[index] = context->peers[--context->peer_count];
	return cuda_leave(CUDA_SUCCESS);
}
