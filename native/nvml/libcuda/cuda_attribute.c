/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cuDeviceGetAttribute(): what the board's description says, and what its compute
 * capability means by the tables of the CUDA programming guide. */
#include "cuda_attribute.h"

#include "compute_instance.h"

#include "cuda_device.h"

#define KIB 1024

/* What differs from one compute capability to the next. */
struct capability {
	uint32_t major, minor;
	int threads_per_multiprocessor;
	int blocks_per_multiprocessor;
	int shared_per_multiprocessor; /* bytes */
	int single_to_double; /* ratio of throughput */
};

static const struct capability capabilities[] = {
	{ 7, 0, 2048, 32, 96 * KIB, 2 },    { 7, 2, 2048, 32, 96 * KIB, 32 },
	{ 7, 5, 1024, 16, 64 * KIB, 32 },   { 8, 0, 2048, 32, 164 * KIB, 2 },
	{ 8, 6, 1536, 16, 100 * KIB, 32 },  { 8, 7, 1536, 16, 164 * KIB, 32 },
	{ 8, 9, 1536, 24, 100 * KIB, 64 },  { 9, 0, 2048, 32, 228 * KIB, 2 },
	{ 10, 0, 2048, 32, 228 * KIB, 2 },  { 10, 3, 2048, 32, 228 * KIB, 64 },
	{ 12, 0, 1536, 24, 100 * KIB, 64 },
};

/* The same on every board of capability 7.0 and up. */
static const struct {
	int attribute;
	int value;
} constants[] = {
	{ CUDA_MAX_THREADS_PER_BLOCK, 1024 },
	{ CUDA_MAX_BLOCK_DIM_X, 1024 },
	{ CUDA_MAX_BLOCK_DIM_Y, 1024 },
	{ CUDA_MAX_BLOCK_DIM_Z, 64 },
	{ CUDA_MAX_GRID_DIM_X, 2147483647 },
	{ CUDA_MAX_GRID_DIM_Y, 65535 },
	{ CUDA_MAX_GRID_DIM_Z, 65535 },
	{ CUDA_MAX_SHARED_MEMORY_PER_BLOCK, 48 * KIB },
	{ CUDA_TOTAL_CONSTANT_MEMORY, 64 * KIB },
	{ CUDA_WARP_SIZE, 32 },
	{ CUDA_MAX_PITCH, 2147483647 },
	{ CUDA_MAX_REGISTERS_PER_BLOCK, 65536 },
	{ CUDA_TEXTURE_ALIGNMENT, 512 },
	{ CUDA_GPU_OVERLAP, 1 },
	{ CUDA_CAN_MAP_HOST_MEMORY, 1 },
	{ CUDA_SURFACE_ALIGNMENT, 512 },
	{ CUDA_CONCURRENT_KERNELS, 1 },
	{ CUDA_UNIFIED_ADDRESSING, 1 },
	{ CUDA_TEXTURE_PITCH_ALIGNMENT, 32 },
	{ CUDA_STREAM_PRIORITIES_SUPPORTED, 1 },
	{ CUDA_GLOBAL_L1_CACHE_SUPPORTED, 1 },
	{ CUDA_LOCAL_L1_CACHE_SUPPORTED, 1 },
	{ CUDA_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536 },
	{ CUDA_MANAGED_MEMORY, 1 },
	{ CUDA_CONCURRENT_MANAGED_ACCESS, 1 },
	{ CUDA_COMPUTE_PREEMPTION_SUPPORTED, 1 },
	{ CUDA_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1 },
	{ CUDA_COOPERATIVE_LAUNCH, 1 },
	{ CUDA_HOST_REGISTER_SUPPORTED, 1 },
	{ CUDA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, 1 },
	{ CUDA_MEMORY_POOLS_SUPPORTED, 1 },
	{ CUDA_UNIFIED_FUNCTION_POINTERS, 1 },
};

static const struct capability *find_capability(const struct board *board)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		if (capabilities[i].major == board->compute_major &&
		    capabilities[i].minor == board->compute_minor)
			return &capabilities[i];
	return NULL;
}

static int number(uint32_t value)
{
	return value == NA_U32 ? 0 : (int)value;
}

static int kilohertz(uint32_t megahertz)
{
	return number(megahertz) * 1000;
}

static bool ats(const struct board *board)
{
	return board->addressing_mode == 2;
}

/* What the board's capability says; 0 where its row is not in the table. */
static bool from_capability(const struct board *board, int attribute, int *value)
{
	static const struct capability unknown;
	const struct capability *has = find_capability(board);

	if (!has)
		has = &unknown;
	switch (attribute) {
	case CUDA_MAX_THREADS_PER_MULTIPROCESSOR:
		*value = has->threads_per_multiprocessor;
		return true;
	case CUDA_MAX_BLOCKS_PER_MULTIPROCESSOR:
		*value = has->blocks_per_multiprocessor;
		return true;
	case CUDA_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
		*value = has->shared_per_multiprocessor;
		return true;
	/* From 8.0 on the system keeps one KiB of each block's. */
	case CUDA_RESERVED_SHARED_MEMORY_PER_BLOCK:
		*value = has->major >= 8 ? KIB : 0;
		return true;
	case CUDA_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
		*value = has->shared_per_multiprocessor - (has->major >= 8 ? KIB : 0);
		return true;
	case CUDA_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO:
		*value = has->single_to_double;
		return true;
	case CUDA_CLUSTER_LAUNCH:
	case CUDA_TENSOR_MAP_ACCESS_SUPPORTED:
		*value = has->major >= 9;
		return true;
	default:
		return false;
	}
}

static bool from_board(const struct cuda_device *found, int attribute, int *value)
{
	const struct device *device = found->device;
	const struct board *board = found->board;

	switch (attribute) {
	case CUDA_CLOCK_RATE:
		*value = kilohertz(board->clocks.sm_max);
		return true;
	case CUDA_MULTIPROCESSOR_COUNT:
		*value = number(found->within ? compute_instance_multiprocessors(
							&board->mig, found->within, found->slices)
					      : board->multiprocessors);
		return true;
	case CUDA_COMPUTE_MODE:
		*value = number(found->running->settings.compute_mode);
		return true;
	case CUDA_ECC_ENABLED:
		*value = found->running->readings.ecc.mode_current == 1;
		return true;
	case CUDA_PCI_BUS_ID:
		*value = (int)device->pci_bus;
		return true;
	case CUDA_PCI_DEVICE_ID:
		*value = (int)device->pci_device;
		return true;
	case CUDA_PCI_DOMAIN_ID:
		*value = (int)device->pci_domain;
		return true;
	case CUDA_MEMORY_CLOCK_RATE:
		*value = kilohertz(board->clocks.memory_max);
		return true;
	case CUDA_GLOBAL_MEMORY_BUS_WIDTH:
		*value = number(board->memory_bus_width);
		return true;
	case CUDA_COMPUTE_CAPABILITY_MAJOR:
		*value = (int)board->compute_major;
		return true;
	case CUDA_COMPUTE_CAPABILITY_MINOR:
		*value = (int)board->compute_minor;
		return true;
	case CUDA_MULTI_GPU_BOARD:
		*value = board->multi_gpu_board == 1;
		return true;
	case CUDA_HOST_NATIVE_ATOMIC_SUPPORTED:
		*value = board->nvlink.c2c == 1;
		return true;
	/* With HMM or ATS the GPU reaches all of the process's memory. */
	case CUDA_PAGEABLE_MEMORY_ACCESS:
		*value = board->addressing_mode == 1 || ats(board);
		return true;
	case CUDA_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES:
	case CUDA_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST:
		*value = ats(board);
		return true;
	case CUDA_HOST_NUMA_ID:
		*value = cuda_host_place(device).node;
		return true;
	default:
		return false;
	}
}

static int constant(int attribute)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (constants[i].attribute == attribute)
			return constants[i].value;
	return 0;
}

/* 0 is the driver's own answer for what a board has not, and ours for what no
 * profile says. */
static int attribute_of(const struct cuda_device *found, int attribute)
{
	int value;

	if (from_board(found, attribute, &value) ||
	    from_capability(found->board, attribute, &value))
		return value;
	return constant(attribute);
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, value, &found);

	if (result != CUDA_SUCCESS)
		return result;
	if (attribute < CUDA_ATTRIBUTE_FIRST || attribute > CUDA_ATTRIBUTE_LAST)
		return CUDA_ERROR_INVALID_VALUE;
	*value = attribute_of(&found, attribute);
	return CUDA_SUCCESS;
}

/* The way of asking before there were attributes. */
CUresult cuDeviceGetProperties(CUdevprop *properties, CUdevice device)
{
	struct cuda_device found;
	CUresult result = cuda_device_enter(__func__, device, properties, &found);

	if (result != CUDA_SUCCESS)
		return result;
	*properties = (CUdevprop){
		.max_threads_per_block = attribute_of(&found, CUDA_MAX_THREADS_PER_BLOCK),
		.max_threads_dim = { attribute_of(&found, CUDA_MAX_BLOCK_DIM_X),
				     attribute_of(&found, CUDA_MAX_BLOCK_DIM_Y),
				     attribute_of(&found, CUDA_MAX_BLOCK_DIM_Z) },
		.max_grid_size = { attribute_of(&found, CUDA_MAX_GRID_DIM_X),
				   attribute_of(&found, CUDA_MAX_GRID_DIM_Y),
				   attribute_of(&found, CUDA_MAX_GRID_DIM_Z) },
		.shared_memory_per_block = attribute_of(&found, CUDA_MAX_SHARED_MEMORY_PER_BLOCK),
		.total_constant_memory = attribute_of(&found, CUDA_TOTAL_CONSTANT_MEMORY),
		.warp_size = attribute_of(&found, CUDA_WARP_SIZE),
		.memory_pitch = attribute_of(&found, CUDA_MAX_PITCH),
		.registers_per_block = attribute_of(&found, CUDA_MAX_REGISTERS_PER_BLOCK),
		.clock_rate = attribute_of(&found, CUDA_CLOCK_RATE),
		.texture_alignment = attribute_of(&found, CUDA_TEXTURE_ALIGNMENT),
	};
	return CUDA_SUCCESS;
}
