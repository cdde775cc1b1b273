// SPDX-License-Identifier: GPL-3.0-or-later
// How the clocks are kept, and the clocks as text.
#include <stdio.h>
#include <unistd.h>

#include "nvml_internal.h"

// Since Volta the clocks follow the voltage by themselves.
GETTER_U32(nvmlDeviceGetAdaptiveClockInfoStatus, unsigned int,
	   gpu.board->architecture == NA_U32 || gpu.board->architecture < NVML_DEVICE_ARCH_VOLTA
		   ? NVML_ADAPTIVE_CLOCKING_INFO_STATUS_DISABLED
		   : NVML_ADAPTIVE_CLOCKING_INFO_STATUS_ENABLED)

// The monitors of Ampere and newer have found no fault.
nvmlReturn_t nvmlDeviceGetClkMonStatus(nvmlDevice_t device, nvmlClkMonStatus_t *status)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, status, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.board->architecture == NA_U32 || gpu.board->architecture < NVML_DEVICE_ARCH_AMPERE)
		return NVML_ERROR_NOT_SUPPORTED;
	if (geteuid() != 0)
		return NVML_ERROR_NO_PERMISSION;
	memset(status, 0, sizeof(*status));
	return NVML_SUCCESS;
}

struct clock_text {
	uint32_t now, low, high;
};

// Memory moves data on both edges of its clock. Nobody can edit the clocks of these boards.
static int write_clocks(char *text, size_t size, struct clock_text gpu, struct clock_text memory)
{
	return snprintf(text, size,
			"nvclock=%u, nvclockmin=%u, nvclockmax=%u, nvclockeditable=0, "
			"memclock=%u, memclockmin=%u, memclockmax=%u, memclockeditable=0, "
			"memtransferrate=%u, memtransferratemin=%u, memtransferratemax=%u, "
			"memtransferrateeditable=0",
			gpu.now, gpu.low, gpu.high, memory.now, memory.low, memory.high,
			2 * memory.now, 2 * memory.low, 2 * memory.high);
}

static bool ranges(nvmlDevice_t device, struct clock_text *gpu, struct clock_text *memory)
{
	return nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_GRAPHICS, NVML_PSTATE_0,
						&gpu->low, &gpu->high) == NVML_SUCCESS &&
	       nvmlDeviceGetMinMaxClockOfPState(device, NVML_CLOCK_MEM, NVML_PSTATE_0, &memory->low,
						&memory->high) == NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPerformanceModes(nvmlDevice_t device, nvmlDevicePerfModes_t *perfModes)
{
	struct clock_text graphics = { 0 }, memory = { 0 };
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, perfModes, &gpu);
	int length;

	if (ret != NVML_SUCCESS)
		return ret;
	if (perfModes->version != nvmlDevicePerfModes_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!ranges(device, &graphics, &memory))
		return NVML_ERROR_NOT_SUPPORTED;
	graphics.now = graphics.low;
	memory.now = memory.low;
	length = snprintf(perfModes->str, sizeof(perfModes->str), "perf=0, ");
	write_clocks(perfModes->str + length, sizeof(perfModes->str) - (size_t)length, graphics,
		     memory);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClockFreqs(nvmlDevice_t device,
					    nvmlDeviceCurrentClockFreqs_t *currentClockFreqs)
{
	struct clock_text graphics = { 0 }, memory = { 0 };
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, currentClockFreqs, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (currentClockFreqs->version != nvmlDeviceCurrentClockFreqs_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!ranges(device, &graphics, &memory) ||
	    nvmlDeviceGetClockInfo(device, NVML_CLOCK_GRAPHICS, &graphics.now) != NVML_SUCCESS ||
	    nvmlDeviceGetClockInfo(device, NVML_CLOCK_MEM, &memory.now) != NVML_SUCCESS)
		return NVML_ERROR_NOT_SUPPORTED;
	write_clocks(currentClockFreqs->str, sizeof(currentClockFreqs->str), graphics, memory);
	return NVML_SUCCESS;
}
