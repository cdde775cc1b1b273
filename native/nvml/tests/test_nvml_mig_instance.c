// SPDX-License-Identifier: GPL-3.0-or-later
// The life of GPU instances and compute instances, and what is refused.
#include "mig_fixture.h"

static void without_mig_mode_there_are_none(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlGpuInstance_t instance;
	unsigned int count;

	CHECK_NUMBER(nvmlDeviceCreateGpuInstance(device, P_1G, &instance),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetGpuInstances(device, P_1G, &instance, &count),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceById(device, 1, &instance), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceGetMaxMigDeviceCount(device, &count), NVML_SUCCESS);
	CHECK_NUMBER(count, 0);
}

static void gpu_instances_are_found_and_destroyed(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t made[2] = { make_gpu_instance(device, P_1G),
				      make_gpu_instance(device, P_1G) };
	nvmlGpuInstance_t found[7], one;
	nvmlGpuInstanceInfo_t info;
	unsigned int count;

	CHECK_NUMBER(nvmlDeviceGetGpuInstances(device, P_1G, found, &count), NVML_SUCCESS);
	CHECK_NUMBER(count, 2);
	CHECK(found[0] == made[1] && found[1] == made[0]);
	CHECK_NUMBER(nvmlDeviceGetGpuInstances(device, P_2G, found, &count), NVML_SUCCESS);
	CHECK_NUMBER(count, 0);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceById(device, 13, &one), NVML_SUCCESS);
	CHECK(one == made[0]);
	CHECK_NUMBER(nvmlGpuInstanceGetInfo(one, &info), NVML_SUCCESS);
	CHECK(info.placement.start == 6 && info.placement.size == 1);
	CHECK_NUMBER(nvmlGpuInstanceDestroy(one), NVML_SUCCESS);
	CHECK_NUMBER(nvmlGpuInstanceDestroy(one), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceGetInfo(one, &info), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceById(device, 13, &one), NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlGpuInstanceGetInfo(made[1], &info), NVML_SUCCESS);
}

static void wrong_arguments_are_refused(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_3G), other;
	nvmlComputeInstance_t compute;
	nvmlGpuInstanceInfo_t info;
	unsigned int count;
	char stack;

	CHECK_NUMBER(nvmlDeviceCreateGpuInstance(device, 999, &other), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceCreateGpuInstance(device, P_1G, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceRemainingCapacity(device, 999, &count),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetGpuInstances(device, P_1G, NULL, &count),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceGetInfo(NULL, &info), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceGetInfo((void *)&stack, &info), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceGetInfo(instance, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceCreateComputeInstance(
			     instance, NVML_COMPUTE_INSTANCE_PROFILE_COUNT, &compute),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceCreateComputeInstance(
			     instance, NVML_COMPUTE_INSTANCE_PROFILE_7_SLICE, &compute),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlGpuInstanceGetComputeInstanceById(instance, 0, &compute),
		     NVML_ERROR_NOT_FOUND);
	CHECK_NUMBER(nvmlComputeInstanceDestroy(NULL), NVML_ERROR_INVALID_ARGUMENT);
}

static void what_is_used_is_not_destroyed(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_2G);
	nvmlComputeInstance_t compute = make_compute_instance(instance, 0);
	struct state_writer writer;

	CHECK_NUMBER(nvmlGpuInstanceDestroy(instance), NVML_ERROR_IN_USE);
	run_process(100, 5, 0, 1);
	CHECK_NUMBER(nvmlComputeInstanceDestroy(compute), NVML_ERROR_IN_USE);
	first_state(&writer)->process_count = 0;
	put_in_force(&writer);
	CHECK_NUMBER(nvmlComputeInstanceDestroy(compute), NVML_SUCCESS);
	CHECK_NUMBER(nvmlComputeInstanceDestroy(compute), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlGpuInstanceDestroy(instance), NVML_SUCCESS);
}

struct part {
	unsigned int within; // GPU instance profile
	unsigned int profile; // NVML_COMPUTE_INSTANCE_PROFILE_*
	const char *name;
	unsigned int count, multiprocessors;
};

static const struct part parts[] = {
	{ P_1G, 0, "MIG 1g.5gb", 1, 14 },
	{ P_1G_MEDIA, 0, "MIG 1g.5gb", 1, 14 },
	{ P_2G, 0, "MIG 1c.2g.10gb", 2, 14 },
	{ P_2G, 1, "MIG 2g.10gb", 1, 28 },
	{ P_3G, 0, "MIG 1c.3g.20gb", 3, 14 },
	{ P_3G, 1, "MIG 2c.3g.20gb", 1, 28 },
	{ P_3G, 2, "MIG 3g.20gb", 1, 42 },
	{ P_4G, 0, "MIG 1c.4g.20gb", 4, 14 },
	{ P_4G, 1, "MIG 2c.4g.20gb", 2, 28 },
	{ P_4G, 2, NULL, 0, 0 },
	{ P_4G, 3, "MIG 4g.20gb", 1, 56 },
	{ P_7G, 0, "MIG 1c.7g.40gb", 7, 14 },
	{ P_7G, 1, "MIG 2c.7g.40gb", 3, 28 },
	{ P_7G, 2, "MIG 3c.7g.40gb", 2, 42 },
	{ P_7G, 3, "MIG 4c.7g.40gb", 1, 56 },
	{ P_7G, 4, "MIG 7g.40gb", 1, 98 },
	{ P_7G, 5, NULL, 0, 0 },
};

static void check_part(const struct part *part)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, part->within);
	nvmlComputeInstanceProfileInfo_v2_t info = { .version = nvmlComputeInstanceProfileInfo_v2 };
	nvmlComputeInstance_t compute;
	unsigned int count;
	nvmlReturn_t ret =
		nvmlGpuInstanceGetComputeInstanceProfileInfoV(instance, part->profile, 0, &info);

	CHECK_NUMBER(ret, part->name ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED);
	if (part->name) {
		CHECK_STRING(info.name, part->name);
		CHECK_NUMBER(info.multiprocessorCount, part->multiprocessors);
		CHECK_NUMBER(info.instanceCount, part->count);
		for (unsigned int i = 0; i < part->count; i++) {
			CHECK_NUMBER(nvmlGpuInstanceGetComputeInstanceRemainingCapacity(
					     instance, info.id, &count),
				     NVML_SUCCESS);
			CHECK_NUMBER(count, part->count - i);
			make_compute_instance(instance, info.id);
		}
		CHECK_NUMBER(nvmlGpuInstanceCreateComputeInstance(instance, info.id, &compute),
			     NVML_ERROR_INSUFFICIENT_RESOURCES);
	}
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
}

static void compute_instances_divide_the_slices(void)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		check_part(&parts[i]);
}

// One slice with the multiprocessors of nearly two has a profile of its own.
static void a_wide_slice_has_its_own_profile(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("h100");
	nvmlGpuInstance_t instance = make_gpu_instance(device, P_1G_WIDE);
	nvmlComputeInstanceProfileInfo_t info;

	CHECK_NUMBER(nvmlGpuInstanceGetComputeInstanceProfileInfo(instance, 0, 0, &info),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlGpuInstanceGetComputeInstanceProfileInfo(
			     instance, NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE_REV1, 0, &info),
		     NVML_SUCCESS);
	CHECK_NUMBER(info.multiprocessorCount, 26);
}

// As on an H100: the first part of three slices is the last of them.
static void parts_lie_where_they_break_least(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t three = make_gpu_instance(device, P_3G);
	static const unsigned int starts[] = { 2, 0 };
	nvmlComputeInstanceInfo_t info;
	nvmlComputeInstance_t found;
	unsigned int count;

	for (unsigned int profile = 0; profile < 2; profile++) {
		nvmlComputeInstance_t made = make_compute_instance(three, profile);

		CHECK_NUMBER(nvmlComputeInstanceGetInfo_v2(made, &info), NVML_SUCCESS);
		CHECK_NUMBER(info.id, profile);
		CHECK_NUMBER(info.placement.start, starts[profile]);
		CHECK_NUMBER(info.placement.size, profile + 1);
		CHECK(info.device == device && info.gpuInstance == three);
		CHECK_NUMBER(nvmlGpuInstanceGetComputeInstances(three, profile, &found, &count),
			     NVML_SUCCESS);
		CHECK(count == 1 && found == made);
		CHECK_NUMBER(nvmlGpuInstanceGetComputeInstanceById(three, profile, &found),
			     NVML_SUCCESS);
		CHECK(found == made);
	}
}

static nvmlReturn_t create_at(nvmlGpuInstance_t instance, unsigned int profile, unsigned int start,
			      unsigned int size)
{
	const nvmlComputeInstancePlacement_t placement = { start, size };
	nvmlComputeInstance_t compute;

	return nvmlGpuInstanceCreateComputeInstanceWithPlacement(instance, profile, &placement,
								 &compute);
}

static void a_placement_is_taken_or_refused(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t seven = make_gpu_instance(device, P_7G);
	nvmlComputeInstancePlacement_t placements[3];
	unsigned int count = 2;

	CHECK_NUMBER(
		nvmlGpuInstanceGetComputeInstancePossiblePlacements(seven, 1, placements, &count),
		NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_NUMBER(count, 3);
	CHECK_NUMBER(
		nvmlGpuInstanceGetComputeInstancePossiblePlacements(seven, 1, placements, &count),
		NVML_SUCCESS);
	CHECK(placements[2].start == 4 && placements[2].size == 2);
	CHECK_NUMBER(create_at(seven, 1, 2, 2), NVML_SUCCESS);
	CHECK_NUMBER(create_at(seven, 1, 1, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(create_at(seven, 1, 0, 1), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(create_at(seven, 0, 3, 1), NVML_ERROR_INSUFFICIENT_RESOURCES);
	CHECK_NUMBER(create_at(seven, 3, 0, 4), NVML_ERROR_INSUFFICIENT_RESOURCES);
	CHECK_NUMBER(create_at(seven, 2, 4, 3), NVML_SUCCESS);
	CHECK_NUMBER(create_at(seven, 0, 1, 1), NVML_SUCCESS);
}

TESTSUITE(TEST(without_mig_mode_there_are_none), TEST(gpu_instances_are_found_and_destroyed),
	  TEST(wrong_arguments_are_refused), TEST(what_is_used_is_not_destroyed),
	  TEST(compute_instances_divide_the_slices), TEST(a_wide_slice_has_its_own_profile),
	  TEST(parts_lie_where_they_break_least), TEST(a_placement_is_taken_or_refused))
