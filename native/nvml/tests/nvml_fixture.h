/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the API share: a profile in force, its first GPU. */
#ifndef MIRAGE_NVML_FIXTURE_H
#define MIRAGE_NVML_FIXTURE_H

#include <time.h>
#include <unistd.h>

#include "nvml_internal.h"
#include "state_write.h"
#include "testsuite.h"

#define PROFILES "../../charts/gpu-mock/profiles/"

static inline void use_profile(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), PROFILES "%s.yaml", name);
	setenv("MOCK_NVML_CONFIG", path, 1);
}

static inline nvmlDevice_t first_gpu(const char *profile)
{
	nvmlDevice_t device;

	use_profile(profile);
	CHECK_NUMBER(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(0, &device), NVML_SUCCESS);
	return device;
}

/* The first GPU's state, to be changed as setters do it, until put_in_force(). */
static inline struct running *first_state(struct state_writer *writer)
{
	struct running *running;

	CHECK_NUMBER(state_begin(writer, &handle_source), STATE_OK);
	running = state_edit(writer, 0);
	CHECK(running != NULL);
	return running;
}

static inline void put_in_force(struct state_writer *writer)
{
	CHECK_NUMBER(state_commit(writer), STATE_OK);
	state_end(writer);
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Until another thread sleeps in a call. */
static inline void wait_for_sleeper(void)
{
	for (int tries = 0; tries < 10000 && !api_sleepers(); tries++)
		usleep(1000);
	CHECK(api_sleepers() > 0);
}

/* Memory whose bytes behind what was given out tell if someone wrote there. */
#define GUARD 0x5a

static inline void *guarded(void *buffer, size_t size)
{
	memset(buffer, GUARD, size);
	return buffer;
}

static inline size_t bytes_written(const void *buffer, size_t size)
{
	const unsigned char *bytes = buffer;

	while (size && bytes[size - 1] == GUARD)
		size--;
	return size;
}

#endif
