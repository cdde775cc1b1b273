// SPDX-License-Identifier: GPL-3.0-or-later
// Instances as the running state has them, and what changing them brings with it.
#include "capability.h"
#include "gpu_instance.h"
#include "liveness.h"
#include "nvml_mig.h"
#include "state_account.h"

bool mig_instance(struct gpu *gpu, uint32_t id, struct gpu_instance *instance)
{
	bool on;

	if (id >= STATE_MAX_GPU_INSTANCES)
		return false;
	do {
		instance->instance = gpu->running->gpu_instances[id];
		on = gpu->running->readings.mig_current == 1;
	} while (gpu_changed(gpu));
	if (!on || !instance->instance.used ||
	    instance->instance.profile >= PROFILE_MAX_GPU_INSTANCE_PROFILES)
		return false;
	instance->board = gpu->board;
	instance->place = (struct mig_place){ .index = gpu->index, .gpu_instance = id };
	instance->profile = &gpu->board->mig.profiles[instance->instance.profile];
	return true;
}

nvmlReturn_t mig_enter_device(nvmlDevice_t device, struct gpu *gpu)
{
	struct gpu_instance instance;
	struct mig_place place;
	nvmlReturn_t ret;

	if (!mig_device_place(device, &place))
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = api_enter_gpu(place.index, gpu);
	if (ret != NVML_SUCCESS)
		return ret;
	if (!mig_instance(gpu, place.gpu_instance, &instance) ||
	    !instance.instance.compute[place.compute_instance].used)
		return NVML_ERROR_INVALID_ARGUMENT;
	gpu->gpu_instance = place.gpu_instance;
	gpu->compute_instance = place.compute_instance;
	return NVML_SUCCESS;
}

static nvmlReturn_t enter_place(const struct mig_place *place, struct gpu *gpu,
				struct gpu_instance *instance)
{
	nvmlReturn_t ret = api_enter_gpu(place->index, gpu);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!mig_instance(gpu, place->gpu_instance, instance))
		return NVML_ERROR_INVALID_ARGUMENT;
	instance->place = *place;
	return NVML_SUCCESS;
}

nvmlReturn_t mig_enter_gpu_instance(const char *function, nvmlGpuInstance_t handle,
				    const void *answer, struct gpu *gpu,
				    struct gpu_instance *instance)
{
	nvmlReturn_t ret = api_enter(function);
	struct mig_place place;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!mig_gpu_instance_place(handle, &place) || !answer)
		return NVML_ERROR_INVALID_ARGUMENT;
	return enter_place(&place, gpu, instance);
}

nvmlReturn_t mig_enter_compute_instance(const char *function, nvmlComputeInstance_t handle,
					const void *answer, struct gpu *gpu,
					struct gpu_instance *instance)
{
	nvmlReturn_t ret = api_enter(function);
	struct mig_place place;

	if (ret != NVML_SUCCESS)
		return ret;
	if (!mig_compute_instance_place(handle, &place) || !answer)
		return NVML_ERROR_INVALID_ARGUMENT;
	ret = enter_place(&place, gpu, instance);
	if (ret == NVML_SUCCESS && !mig_compute_instance(instance)->used)
		return NVML_ERROR_INVALID_ARGUMENT;
	return ret;
}

// Seen for each slice: 12.25 MiB on an A100 with driver 550, 15 MiB on H100 and H200.
uint64_t mig_memory_of(const struct gpu_instance *instance)
{
	uint64_t slices = instance->profile->slices;

	return instance->board->architecture <= NVML_DEVICE_ARCH_AMPERE ? slices * (49ull << 20) / 4
									: slices * (15ull << 20);
}

uint64_t mig_memory_of_all(struct gpu *gpu)
{
	uint64_t sum = 0;

	if (!mig_is_on(gpu))
		return 0;
	for (uint32_t id = 0; id < STATE_MAX_GPU_INSTANCES; id++) {
		struct gpu_instance instance;

		if (mig_instance(gpu, id, &instance))
			sum += mig_memory_of(&instance);
	}
	return sum;
}

// Of the state that the caller looks at: it looks again if that is another one by then.
static uint64_t used_by_processes(const struct gpu *gpu)
{
	const struct running *running = gpu->running;
	uint64_t used = 0;

	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		if (running->processes[i].gpu_instance == gpu->gpu_instance &&
		    running->processes[i].process.used_memory != NA_U64)
			used += running->processes[i].process.used_memory;
	return used - liveness_dead_memory(running, gpu->gpu_instance);
}

nvmlReturn_t mig_device_memory(struct gpu *gpu, uint64_t *total, uint64_t *used)
{
	struct gpu_instance instance;

	if (!mig_instance(gpu, gpu->gpu_instance, &instance))
		return NVML_ERROR_INVALID_ARGUMENT;
	*total = instance.profile->memory_mib << 20;
	*used = mig_memory_of(&instance) + used_by_processes(gpu);
	if (*used > *total)
		*used = *total;
	return NVML_SUCCESS;
}

// Each memory slice has its part; of the last MiB the driver gives nothing.
nvmlReturn_t mig_device_bar1(struct gpu *gpu, unsigned long long *total)
{
	struct gpu_instance instance;
	uint64_t part;

	if (!mig_instance(gpu, gpu->gpu_instance, &instance))
		return NVML_ERROR_INVALID_ARGUMENT;
	part = gpu->board->bar1_total / gpu_instance_memory_slices(&gpu->board->mig) *
	       instance.instance.size;
	*total = part > 1 << 20 ? part - (1 << 20) : 0;
	return NVML_SUCCESS;
}

bool mig_has_process(const struct running *running, uint32_t gpu_instance,
		     uint32_t compute_instance)
{
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++) {
		const struct running_process *process = &running->processes[i];

		if (process->gpu_instance == gpu_instance &&
		    (compute_instance == STATE_NO_INSTANCE ||
		     process->compute_instance == compute_instance))
			return true;
	}
	return false;
}

// A GPU that is divided keeps no accounts.
void mig_activate(struct running *running)
{
	running->readings.mig_current = running->readings.mig_pending;
	if (running->readings.mig_current && running->settings.accounting_mode != NA_U32) {
		running->settings.accounting_mode = NVML_FEATURE_DISABLED;
		account_forget_all(running);
	}
	memset(running->gpu_instances, 0, sizeof(running->gpu_instances));
}

static void update_files(const struct change *change)
{
	char root[sizeof(handle_source.path)];

	if (handle_source.private || !capability_root(handle_source.path, root, sizeof(root)))
		return;
	if (capability_update(root, change->gpu.device->minor, change->running) != 0)
		log_error("cannot update the MIG capabilities of GPU %u in %s%s: %m",
			  change->gpu.index, root, CAPABILITY_FOLDER);
}

nvmlReturn_t mig_change_end(struct change *change, uint32_t gpu_instance, uint32_t compute_instance)
{
	const struct state_event event = {
		.type = nvmlEventMigConfigChange,
		.slot = gpu_slot(&change->gpu),
		.gpu_instance = gpu_instance,
		.compute_instance = compute_instance,
	};
	enum state_result result = state_commit(&change->writer);

	if (result == STATE_OK) {
		update_files(change);
		result = state_announce(&change->writer, &event);
	}
	if (result != STATE_OK)
		log_error("cannot change %s: %s", handle_source.path, state_reason(result));
	return change_drop(change, change_result(result));
}
