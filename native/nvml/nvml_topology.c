// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits.h>

#include "nvml_internal.h"

#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

// Two handles for one question; both must be good.
static nvmlReturn_t enter_pair(const char *function, nvmlDevice_t device1, nvmlDevice_t device2,
			       const void *answer, struct gpu *a, struct gpu *b)
{
	nvmlReturn_t ret = api_enter_device(function, device1, answer, a);

	return ret == NVML_SUCCESS ? api_enter_device(function, device2, answer, b) : ret;
}

nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device1, nvmlDevice_t device2,
						 nvmlGpuTopologyLevel_t *pathInfo)
{
	struct gpu a, b;
	nvmlReturn_t ret = enter_pair(__func__, device1, device2, pathInfo, &a, &b);

	if (ret == NVML_SUCCESS)
		*pathInfo = description_topology(a.description, gpu_slot(&a), gpu_slot(&b));
	return ret;
}

// "Nearest" at a level are those whose common ancestor is just of this level.
nvmlReturn_t nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device, nvmlGpuTopologyLevel_t level,
					      unsigned int *count, nvmlDevice_t *deviceArray)
{
	struct gpu gpu, other;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	unsigned int room, found = 0;

	if (ret != NVML_SUCCESS)
		return ret;
	if (level > NVML_TOPOLOGY_SYSTEM || level % 10)
		return NVML_ERROR_INVALID_ARGUMENT;
	room = deviceArray ? *count : 0;
	for (uint32_t i = 0; i < handle_count(); i++) {
		if (i == gpu.index || !handle_gpu(i, &other) ||
		    description_topology(gpu.description, gpu_slot(&gpu), gpu_slot(&other)) !=
			    level)
			continue;
		if (found < room)
			deviceArray[found] = handle_of(i);
		found++;
	}
	*count = found;
	return deviceArray && found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard)
{
	struct gpu a, b;
	nvmlReturn_t ret = enter_pair(__func__, device1, device2, onSameBoard, &a, &b);

	if (ret == NVML_SUCCESS)
		*onSameBoard = a.index == b.index || a.device->board_id == b.device->board_id;
	return ret;
}

static nvmlGpuP2PStatus_t p2p_status(const struct gpu *a, const struct gpu *b,
				     nvmlGpuP2PCapsIndex_t capability)
{
	bool linked = description_links_between(a->description, gpu_slot(a), gpu_slot(b)) > 0;

	switch (capability) {
	case NVML_P2P_CAPS_INDEX_NVLINK:
	case NVML_P2P_CAPS_INDEX_ATOMICS:
		return linked ? NVML_P2P_STATUS_OK : NVML_P2P_STATUS_NOT_SUPPORTED;
	case NVML_P2P_CAPS_INDEX_PCI:
		return description_topology(a->description, gpu_slot(a), gpu_slot(b)) <
				       NVML_TOPOLOGY_SYSTEM
			       ? NVML_P2P_STATUS_OK
			       : NVML_P2P_STATUS_CHIPSET_NOT_SUPPORTED;
	default:
		return NVML_P2P_STATUS_OK;
	}
}

nvmlReturn_t nvmlDeviceGetP2PStatus(nvmlDevice_t device1, nvmlDevice_t device2,
				    nvmlGpuP2PCapsIndex_t p2pIndex, nvmlGpuP2PStatus_t *p2pStatus)
{
	struct gpu a, b;
	nvmlReturn_t ret = enter_pair(__func__, device1, device2, p2pStatus, &a, &b);

	if (ret != NVML_SUCCESS)
		return ret;
	if (p2pIndex >= NVML_P2P_CAPS_INDEX_UNKNOWN)
		return NVML_ERROR_INVALID_ARGUMENT;
	*p2pStatus = p2p_status(&a, &b, p2pIndex);
	return NVML_SUCCESS;
}

static struct host_place place_of(const struct gpu *gpu)
{
	return host_place(&handle_source.host, gpu->device);
}

static bool any_cpu(const uint64_t *cpus)
{
	for (unsigned int i = 0; i < PROFILE_CPU_WORDS; i++)
		if (cpus[i])
			return true;
	return false;
}

static void fill_bits(unsigned long *set, unsigned int size, const uint64_t *bits,
		      unsigned int words)
{
	memset(set, 0, size * sizeof(*set));
	for (unsigned int bit = 0; bit < words * 64 && bit / LONG_BITS < size; bit++)
		if (bits[bit / 64] >> bit % 64 & 1)
			set[bit / LONG_BITS] |= 1ul << bit % LONG_BITS;
}

// One socket is one NUMA node on the described hosts, so that both scopes agree.
nvmlReturn_t nvmlDeviceGetCpuAffinityWithinScope(nvmlDevice_t device, unsigned int cpuSetSize,
						 unsigned long *cpuSet, nvmlAffinityScope_t scope)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, cpuSet, &gpu);
	struct host_place place;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!cpuSetSize || scope > NVML_AFFINITY_SCOPE_SOCKET)
		return NVML_ERROR_INVALID_ARGUMENT;
	place = place_of(&gpu);
	if (!any_cpu(place.cpus))
		return NVML_ERROR_NOT_SUPPORTED;
	fill_bits(cpuSet, cpuSetSize, place.cpus, PROFILE_CPU_WORDS);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned int cpuSetSize,
				      unsigned long *cpuSet)
{
	return nvmlDeviceGetCpuAffinityWithinScope(device, cpuSetSize, cpuSet,
						   NVML_AFFINITY_SCOPE_NODE);
}

nvmlReturn_t nvmlDeviceGetMemoryAffinity(nvmlDevice_t device, unsigned int nodeSetSize,
					 unsigned long *nodeSet, nvmlAffinityScope_t scope)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, nodeSet, &gpu);
	uint64_t node;
	int32_t id;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!nodeSetSize || scope > NVML_AFFINITY_SCOPE_SOCKET)
		return NVML_ERROR_INVALID_ARGUMENT;
	id = place_of(&gpu).node;
	if (id < 0 || id >= 64)
		return NVML_ERROR_NOT_SUPPORTED;
	node = 1ull << id;
	fill_bits(nodeSet, nodeSetSize, &node, 1);
	return NVML_SUCCESS;
}

// The node of the GPU's own memory, which only a coherently linked GPU has.
nvmlReturn_t nvmlDeviceGetNumaNodeId(nvmlDevice_t device, unsigned int *node)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, node, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.device->memory_numa_node < 0)
		return NVML_ERROR_NOT_SUPPORTED;
	*node = (unsigned int)gpu.device->memory_numa_node;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetTopologyGpuSet(unsigned int cpuNumber, unsigned int *count,
					 nvmlDevice_t *deviceArray)
{
	nvmlReturn_t ret = api_enter(__func__);
	unsigned int room, found = 0;
	struct gpu gpu;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!count || cpuNumber >= PROFILE_CPU_WORDS * 64)
		return NVML_ERROR_INVALID_ARGUMENT;
	room = deviceArray ? *count : 0;
	for (uint32_t i = 0; i < handle_count(); i++) {
		if (!handle_gpu(i, &gpu) ||
		    !(place_of(&gpu).cpus[cpuNumber / 64] >> cpuNumber % 64 & 1))
			continue;
		if (found < room)
			deviceArray[found] = handle_of(i);
		found++;
	}
	*count = found;
	return deviceArray && found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}
