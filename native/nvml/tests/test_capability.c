// SPDX-License-Identifier: GPL-3.0-or-later
#include "capability.h"

#include <sys/stat.h>

#include "testsuite.h"

static const char *root_folder(void)
{
	static const char *folder;

	if (!folder)
		folder = testsuite_folder();
	return folder;
}

static void minors_are_the_real_drivers(void)
{
	CHECK_NUMBER(capability_minor(0, 0, CAPABILITY_ALL), 3);
	CHECK_NUMBER(capability_minor(0, 0, 0), 4);
	CHECK_NUMBER(capability_minor(0, 1, CAPABILITY_ALL), 12);
	CHECK_NUMBER(capability_minor(0, 1, 2), 15);
	CHECK_NUMBER(capability_minor(31, 14, 7), 4322);
}

static void a_driver_root_is_seen_by_its_page(void)
{
	char root[32];

	CHECK(capability_root("/srv/driver/lib/firmware/nvidia/550.1/gsp_mock.bin", root,
			      sizeof(root)));
	CHECK_STRING(root, "/srv/driver");
	CHECK(!capability_root("/lib/firmware/nvidia/550.1/gsp_mock.bin", root, sizeof(root)));
	CHECK(!capability_root("/srv/a100.yaml", root, sizeof(root)));
}

static bool reads(const char *name, const char *expected)
{
	char path[600], text[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root_folder(), name);
	file = fopen(path, "r");
	if (!file)
		return !expected;
	if (!expected)
		return false;
	CHECK(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	return strncmp(text, expected, strlen(expected)) == 0;
}

#define GPU CAPABILITY_FOLDER "/gpu2/mig"

static void files_follow_the_instances(void)
{
	static struct running running;

	CHECK_NUMBER(capability_update(root_folder(), 2, &running), 0);
	CHECK(reads(GPU "/gi13/access", NULL));
	running.gpu_instances[13].used = 1;
	running.gpu_instances[13].compute[1].used = 1;
	for (int i = 0; i < 2; i++) {
		CHECK_NUMBER(capability_update(root_folder(), 2, &running), 0);
		CHECK(reads(GPU "/gi13/access",
			    "DeviceFileMinor: 390\nDeviceFileMode: 292\nDeviceFileModify: 1\n"));
		CHECK(reads(GPU "/gi13/ci1/access", "DeviceFileMinor: 392\n"));
		CHECK(reads(GPU "/gi13/ci0/access", NULL));
	}
	running.gpu_instances[13].compute[1].used = 0;
	CHECK_NUMBER(capability_update(root_folder(), 2, &running), 0);
	CHECK(reads(GPU "/gi13/ci1/access", NULL));
	CHECK(reads(GPU "/gi13/access", "DeviceFileMinor: 390\n"));
	running.gpu_instances[13].used = 0;
	CHECK_NUMBER(capability_update(root_folder(), 2, &running), 0);
	CHECK(reads(GPU "/gi13/access", NULL));
}

static void what_is_there_from_the_start(void)
{
	CHECK_NUMBER(capability_prepare(root_folder()), 0);
	CHECK_NUMBER(capability_prepare(root_folder()), 0);
	CHECK(reads(CAPABILITY_FOLDER "/mig/config", "DeviceFileMinor: 1\nDeviceFileMode: 256\n"));
	CHECK(reads(CAPABILITY_FOLDER "/mig/monitor", "DeviceFileMinor: 2\nDeviceFileMode: 292\n"));
	CHECK(reads(CAPABILITY_MINORS, "config 1\nmonitor 2\ngpu0/gi0/access 3\n"
				       "gpu0/gi0/ci0/access 4\n"));
}

static void a_failure_is_told(void)
{
	static struct running running;

	running.gpu_instances[0].used = 1;
	CHECK_NUMBER(capability_update("/proc/self", 0, &running), -1);
	CHECK_NUMBER(capability_prepare("/proc/self"), -1);
}

TESTSUITE(TEST(minors_are_the_real_drivers), TEST(a_driver_root_is_seen_by_its_page),
	  TEST(files_follow_the_instances), TEST(what_is_there_from_the_start),
	  TEST(a_failure_is_told))
