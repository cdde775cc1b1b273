// SPDX-License-Identifier: GPL-3.0-or-later
#include "nvml_change.h"

#include <errno.h>
#include <unistd.h>

nvmlReturn_t change_result(enum state_result result)
{
	switch (result) {
	case STATE_OK:
		return NVML_SUCCESS;
	case STATE_READ_ONLY:
	case STATE_DENIED:
		return NVML_ERROR_NO_PERMISSION;
	case STATE_BUSY:
		return NVML_ERROR_TIMEOUT;
	case STATE_GONE:
		return NVML_ERROR_GPU_IS_LOST;
	case STATE_DAMAGED:
		return NVML_ERROR_UNKNOWN;
	case STATE_FAILED:
		break;
	}
	return errno == ENOMEM ? NVML_ERROR_MEMORY : NVML_ERROR_UNKNOWN;
}

nvmlReturn_t change_check(const char *function, nvmlDevice_t device, struct change *change)
{
	return api_enter_device(function, device, change, &change->gpu);
}

nvmlReturn_t change_open(struct change *change)
{
	return geteuid() == 0 ? change_open_for_all(change) : NVML_ERROR_NO_PERMISSION;
}

static nvmlReturn_t edit(struct change *change)
{
	enum state_result result;

	change->running = state_edit(&change->writer, gpu_slot(&change->gpu));
	if (change->running)
		return NVML_SUCCESS;
	result = change->writer.failure;
	log_error("cannot change GPU %u of %s: %s", gpu_slot(&change->gpu), handle_source.path,
		  state_reason(result));
	return change_drop(change, change_result(result));
}

nvmlReturn_t change_open_for_all(struct change *change)
{
	enum state_result result = state_begin(&change->writer, &handle_source);

	change->running = NULL;
	if (result != STATE_OK) {
		log_error("cannot change %s: %s", handle_source.path, state_reason(result));
		return change_result(result);
	}
	// The board that the arguments were checked against may have gone with its profile meanwhile.
	if (change->gpu.description != page_description(handle_source.page))
		return change_drop(change, NVML_ERROR_GPU_IS_LOST);
	return edit(change);
}

static nvmlReturn_t commit(struct change *change)
{
	enum state_result result = state_commit(&change->writer);

	if (result != STATE_OK)
		log_error("cannot change %s: %s", handle_source.path, state_reason(result));
	return change_result(result);
}

nvmlReturn_t change_end(struct change *change)
{
	return change_drop(change, commit(change));
}

nvmlReturn_t change_drop(struct change *change, nvmlReturn_t ret)
{
	state_end(&change->writer);
	return ret;
}
