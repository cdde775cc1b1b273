// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of processes that came while accounting was on: state_account.c keeps them.
#include "liveness.h"
#include "nvml_change.h"
#include "state_account.h"

GETTER_U32(nvmlDeviceGetAccountingMode, nvmlEnableState_t, gpu.running->settings.accounting_mode)
GETTER_U32(nvmlDeviceGetAccountingBufferSize, unsigned int, gpu.board->accounting_buffer_size)

// The oldest first.
static uint32_t list_pids(struct gpu *gpu, unsigned int *pids)
{
	uint32_t count;

	do {
		const struct running *running = gpu->running;

		count = running->account_count < STATE_MAX_ACCOUNTED ? running->account_count
								     : STATE_MAX_ACCOUNTED;
		for (uint32_t i = 0; i < count; i++)
			pids[i] = running->accounts[(running->account_next + STATE_MAX_ACCOUNTED -
						     count + i) %
						    STATE_MAX_ACCOUNTED]
					  .pid;
	} while (gpu_changed(gpu));
	return count;
}

nvmlReturn_t nvmlDeviceGetAccountingPids(nvmlDevice_t device, unsigned int *count,
					 unsigned int *pids)
{
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, count, &gpu);
	unsigned int list[STATE_MAX_ACCOUNTED];
	unsigned int room;

	if (ret != NVML_SUCCESS)
		return ret;
	if (gpu.running->settings.accounting_mode == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	room = pids ? *count : 0;
	*count = list_pids(&gpu, list);
	if (room < *count)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	if (*count)
		memcpy(pids, list, *count * sizeof(*pids));
	return NVML_SUCCESS;
}

static nvmlReturn_t find_account(struct gpu *gpu, unsigned int pid, struct running_account *account)
{
	const struct running_account *found;
	const struct running_process *there;
	struct running_process process = { .process = { .pid = 0 } };
	bool on;

	do {
		on = gpu->running->settings.accounting_mode == NVML_FEATURE_ENABLED;
		found = account_find(gpu->running, pid);
		if (found)
			*account = *found;
		there = account_process(gpu->running, pid);
		if (there)
			process = *there;
	} while (gpu_changed(gpu));
	if (!on)
		return NVML_ERROR_NOT_SUPPORTED;
	// Until a writer comes, nobody has put down when it died.
	if (found && there && liveness_is_recorded(&process)) {
		const struct liveness observer = liveness_observer();

		if (liveness_is_dead(&process, &observer))
			account_end(account, motion_now());
	}
	return found ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

// NVML_VALUE_NOT_AVAILABLE is what the state has for a value that is not known.
_Static_assert((unsigned int)NVML_VALUE_NOT_AVAILABLE == NA_U32 &&
		       (unsigned long long)NVML_VALUE_NOT_AVAILABLE == NA_U64,
	       "accounts are copied through");

nvmlReturn_t nvmlDeviceGetAccountingStats(nvmlDevice_t device, unsigned int pid,
					  nvmlAccountingStats_t *stats)
{
	struct running_account account;
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, stats, &gpu);
	uint64_t now;

	if (ret == NVML_SUCCESS)
		ret = find_account(&gpu, pid, &account);
	if (ret != NVML_SUCCESS)
		return ret;
	now = motion_now();
	*stats = (nvmlAccountingStats_t){
		.gpuUtilization = account_gpu_util(&account, now),
		.memoryUtilization = account_memory_util(&account, now),
		.maxMemoryUsage = account.max_memory,
		.time = account_time(&account),
		.startTime = account.started_us,
		.isRunning = account.running,
	};
	return NVML_SUCCESS;
}

// A sample a second is what its sums count.
nvmlReturn_t nvmlDeviceGetAccountingStats_v2(nvmlDevice_t device, nvmlAccountingStats_v2_t *stats)
{
	struct running_account account;
	struct gpu gpu;
	nvmlReturn_t ret = api_enter_device(__func__, device, stats, &gpu);
	uint64_t now, end, samples;
	uint32_t gpu_util, memory_util;

	if (ret == NVML_SUCCESS)
		ret = find_account(&gpu, stats->pid, &account);
	if (ret != NVML_SUCCESS)
		return ret;
	now = motion_now();
	end = account.running ? now : account.counted_ms;
	samples = end > account.started_ms ? (end - account.started_ms) / 1000 : 0;
	gpu_util = account_gpu_util(&account, now);
	memory_util = account_memory_util(&account, now);
	*stats = (nvmlAccountingStats_v2_t){
		.pid = account.pid,
		.isRunning = account.running,
		.gpuUtilization = gpu_util,
		.memoryUtilization = memory_util,
		.maxMemoryUsage = account.max_memory,
		.sampleCount = (unsigned int)samples,
		.sumGpuUtil = gpu_util == NA_U32 ? 0 : samples * gpu_util * 100,
		.sumFbUtil = memory_util == NA_U32 ? 0 : samples * memory_util * 100,
		.time = account_time(&account),
		.startTime = account.started_us,
	};
	return NVML_SUCCESS;
}

// MIG instances have no accounting.
static nvmlReturn_t check_accounting(const struct gpu *gpu)
{
	if (gpu->running->settings.accounting_mode == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	return gpu->board->mig.capable == 1 && gpu->readings->mig_current ? NVML_ERROR_NOT_SUPPORTED
									  : NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceSetAccountingMode(nvmlDevice_t device, nvmlEnableState_t mode)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret != NVML_SUCCESS)
		return ret;
	if (mode != NVML_FEATURE_DISABLED && mode != NVML_FEATURE_ENABLED)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = check_accounting(&change.gpu);
	if (ret == NVML_SUCCESS)
		ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	change.running->settings.accounting_mode = mode;
	if (mode == NVML_FEATURE_DISABLED)
		account_forget_all(change.running);
	return change_end(&change);
}

nvmlReturn_t nvmlDeviceClearAccountingPids(nvmlDevice_t device)
{
	struct change change;
	nvmlReturn_t ret = change_check(__func__, device, &change);

	if (ret == NVML_SUCCESS)
		ret = check_accounting(&change.gpu);
	if (ret == NVML_SUCCESS)
		ret = change_open(&change);
	if (ret != NVML_SUCCESS)
		return ret;
	account_forget_ended(change.running);
	return change_end(&change);
}
