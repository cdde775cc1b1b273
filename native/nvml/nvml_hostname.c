// SPDX-License-Identifier: GPL-3.0-or-later
// The name of its host that a GPU is told, for the tools of a rack; Blackwell and newer.
#include <ctype.h>

#include "nvml_change.h"

_Static_assert(sizeof(((struct running *)0)->hostname) == NVML_DEVICE_HOSTNAME_BUFFER_SIZE,
	       "the state holds as long a name as NVML");

static bool can_be_told(const struct board *board)
{
	return board->architecture != NA_U32 && board->architecture >= NVML_DEVICE_ARCH_BLACKWELL;
}

nvmlReturn_t nvmlDeviceGetHostname_v1(nvmlDevice_t device, nvmlHostname_v1_t *hostname)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, hostname, &gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!can_be_told(gpu.board))
		return NVML_ERROR_NOT_SUPPORTED;
	do {
		memcpy(hostname->value, gpu.running->hostname, sizeof(hostname->value));
	} while (gpu_changed(&gpu));
	return NVML_SUCCESS;
}

// Letters, digits, hyphens and dots, and a terminator.
static bool is_hostname(const char *name)
{
	for (unsigned int i = 0; i < NVML_DEVICE_HOSTNAME_BUFFER_SIZE; i++) {
		if (!name[i])
			return i > 0;
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '.')
			return false;
	}
	return false;
}

nvmlReturn_t nvmlDeviceSetHostname_v1(nvmlDevice_t device, nvmlHostname_v1_t *hostname)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!hostname)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!can_be_told(change.gpu.board))
		return NVML_ERROR_NOT_SUPPORTED;
	if (!is_hostname(hostname->value))
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	memset(change.running->hostname, 0, sizeof(change.running->hostname));
	memcpy(change.running->hostname, hostname->value, strlen(hostname->value));
	return change_end(&change);
}
