// SPDX-License-Identifier: GPL-3.0-or-later
// Which instances fit together and where they come to lie, as real boards show it.
#include "mig_fixture.h"

struct geometry {
	const char *profile;
	unsigned int profiles[8]; // ended by NONE
	unsigned int ids[8]; // of the instances, in this order; NONE: there is no room
};

#define NONE UINT32_MAX

static const struct geometry geometries[] = {
	// NVIDIA's MIG user guide
	{ "a100", { P_3G, P_3G, NONE }, { 2, 1 } },
	{ "a100", { P_1G, P_2G, P_4G, NONE }, { 13, 5, 1 } },
	{ "a100", { P_1G, P_1G, P_2G, P_3G, NONE }, { 13, 11, 3, NONE } },
	{ "a100", { P_3G, P_1G, P_2G, P_1G, NONE }, { 2, 7, 4, 8 } },
	{ "a100", { P_2G, P_1G, P_1G, P_1G, P_1G, P_1G, NONE }, { 5, 13, 7, 8, 9, 10 } },
	// shown by users of A100 and H100
	{ "a100", { P_2G, P_2G, P_2G, P_1G_MEDIA, NONE }, { 5, 3, 4, 13 } },
	{ "a100", { P_3G, P_2G, P_1G, P_1G, NONE }, { 2, 3, 9, 10 } },
	{ "a100", { P_1G, P_1G, P_1G, P_1G, P_1G, P_1G, P_1G, NONE }, { 13, 11, 12, 7, 8, 9, 10 } },
	{ "a100", { P_1G_WIDE, P_1G_WIDE, P_1G_WIDE, NONE }, { 5, 3, 4 } },
	// what cannot be
	{ "a100", { P_7G, P_1G, NONE }, { 0, NONE } },
	{ "a100", { P_1G, P_7G, NONE }, { 13, NONE } },
	{ "a100", { P_4G, P_4G, P_3G, NONE }, { 1, NONE, 2 } },
	{ "a100", { P_1G_MEDIA, P_1G_MEDIA, P_1G, NONE }, { 13, NONE, 11 } },
	{ "gb200", { P_3G, P_4G, P_1G, NONE }, { 2, 1, NONE } },
	// an H100 with driver 580
	{ "h100", { P_1G, P_3G, P_1G_MEDIA, NONE }, { 13, 1, 11 } },
	{ "h200", { P_1G, P_1G, NONE }, { 13, 11 } },
};

static void check_geometry(const struct geometry *geometry)
{
	nvmlDevice_t device = gpu_in_mig_mode(geometry->profile);

	for (unsigned int i = 0; i < 8 && geometry->profiles[i] != NONE; i++) {
		bool fits = geometry->ids[i] != NONE;
		nvmlGpuInstance_t instance;
		nvmlGpuInstanceInfo_t info;

		CHECK_NUMBER(nvmlDeviceCreateGpuInstance(device, geometry->profiles[i], &instance),
			     fits ? NVML_SUCCESS : NVML_ERROR_INSUFFICIENT_RESOURCES);
		if (!fits)
			continue;
		CHECK_NUMBER(nvmlGpuInstanceGetInfo(instance, &info), NVML_SUCCESS);
		CHECK_NUMBER(info.id, geometry->ids[i]);
		CHECK_NUMBER(info.profileId, geometry->profiles[i]);
		CHECK(info.device == device);
	}
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
}

static void instances_lie_where_a_real_board_has_them(void)
{
	for (size_t i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++)
		check_geometry(&geometries[i]);
}

static void check_capacity(nvmlDevice_t device, const unsigned int expected[7])
{
	static const unsigned int profiles[] = {
		P_1G, P_1G_MEDIA, P_1G_WIDE, P_2G, P_3G, P_4G, P_7G
	};

	for (unsigned int i = 0; i < 7; i++) {
		unsigned int count;

		CHECK_NUMBER(nvmlDeviceGetGpuInstanceRemainingCapacity(device, profiles[i], &count),
			     NVML_SUCCESS);
		CHECK_NUMBER(count, expected[i]);
	}
}

// The numbers are those that a real H100 told, with its mode off and on.
static void capacity_is_what_still_fits(void)
{
	nvmlDevice_t device = first_gpu("h100");
	nvmlGpuInstance_t instance;

	check_capacity(device, (unsigned int[]){ 7, 1, 4, 3, 2, 1, 1 });
	device = gpu_in_mig_mode("h100");
	make_gpu_instance(device, P_1G);
	instance = make_gpu_instance(device, P_1G);
	check_capacity(device, (unsigned int[]){ 5, 1, 2, 2, 1, 1, 0 });
	CHECK_NUMBER(nvmlGpuInstanceDestroy(instance), NVML_SUCCESS);
	make_gpu_instance(device, P_3G);
	make_gpu_instance(device, P_1G_MEDIA);
	check_capacity(device, (unsigned int[]){ 1, 0, 0, 0, 0, 0, 0 });
}

// Each profile of each described board can be there as often as it says, and not once more.
static void check_maximum(const char *name, unsigned int number)
{
	nvmlDevice_t device = gpu_in_mig_mode(name);
	nvmlGpuInstanceProfileInfo_t profile;
	nvmlGpuInstance_t instance;

	if (nvmlDeviceGetGpuInstanceProfileInfo(device, number, &profile) == NVML_SUCCESS) {
		for (unsigned int i = 0; i < profile.instanceCount; i++)
			make_gpu_instance(device, profile.id);
		CHECK_NUMBER(nvmlDeviceCreateGpuInstance(device, profile.id, &instance),
			     NVML_ERROR_INSUFFICIENT_RESOURCES);
	}
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
}

static void each_profile_fits_as_often_as_it_says(void)
{
	static const char *const boards[] = { "a100", "b200", "gb200", "gb300", "h100", "h200" };

	for (unsigned int i = 0; i < sizeof(boards) / sizeof(boards[0]); i++)
		for (unsigned int n = 0; n < NVML_GPU_INSTANCE_PROFILE_COUNT; n++)
			check_maximum(boards[i], n);
}

static nvmlReturn_t create_at(nvmlDevice_t device, unsigned int profile, unsigned int start,
			      unsigned int size)
{
	const nvmlGpuInstancePlacement_t placement = { start, size };
	nvmlGpuInstance_t instance;

	return nvmlDeviceCreateGpuInstanceWithPlacement(device, profile, &placement, &instance);
}

static void a_placement_is_taken_or_refused(void)
{
	nvmlDevice_t device = gpu_in_mig_mode("a100");
	nvmlGpuInstance_t instance;

	CHECK_NUMBER(create_at(device, P_2G, 2, 2), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetGpuInstanceById(device, 4, &instance), NVML_SUCCESS);
	CHECK_NUMBER(create_at(device, P_2G, 6, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(create_at(device, P_2G, 0, 1), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(create_at(device, P_1G, 3, 1), NVML_ERROR_INSUFFICIENT_RESOURCES);
	CHECK_NUMBER(create_at(device, P_3G, 0, 4), NVML_ERROR_INSUFFICIENT_RESOURCES);
	CHECK_NUMBER(create_at(device, P_3G, 4, 4), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceCreateGpuInstanceWithPlacement(device, P_1G, NULL, &instance),
		     NVML_ERROR_INVALID_ARGUMENT);
}

TESTSUITE(TEST(instances_lie_where_a_real_board_has_them), TEST(capacity_is_what_still_fits),
	  TEST(each_profile_fits_as_often_as_it_says), TEST(a_placement_is_taken_or_refused))
