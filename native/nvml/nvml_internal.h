/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the API functions share. Each function checks, in this order: the
 * library is initialised, the device handle is one of ours, the pointer that
 * takes the answer is not NULL. Then it reads the description and answers.
 */
#ifndef MIRAGE_NVML_INTERNAL_H
#define MIRAGE_NVML_INTERNAL_H

/* Both nvmlX and nvmlX_v2 are functions here, not macros on each other. */
#define NVML_NO_UNVERSIONED_FUNC_DEFS

/* Only what is declared between these two can leave the library. */
#pragma GCC visibility push(default)
#include <nvml.h>
nvmlReturn_t nvmlGetBlacklistDeviceCount(unsigned int *deviceCount);
nvmlReturn_t nvmlGetBlacklistDeviceInfoByIndex(unsigned int index, nvmlExcludedDeviceInfo_t *info);
nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *id);
#pragma GCC visibility pop

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "handle.h"
#include "log.h"
#include "motion.h"

/* How often nvmlInit succeeded more than nvmlShutdown was called. */
extern _Atomic unsigned int api_references;

static inline nvmlReturn_t api_enter(const char *function)
{
	log_debug("%s", function);
	if (!atomic_load_explicit(&api_references, memory_order_acquire))
		return NVML_ERROR_UNINITIALIZED;
	return NVML_SUCCESS;
}

/* The three checks; on success gpu tells what the device is. */
nvmlReturn_t api_enter_device(const char *function, nvmlDevice_t device, const void *answer,
			      struct gpu *gpu);

/* What they end with: the device by its index, which was checked. */
nvmlReturn_t api_enter_gpu(uint32_t index, struct gpu *gpu);

/* The same for questions that MIG devices answer too: gpu_is_mig() tells one. */
nvmlReturn_t api_enter_any_device(const char *function, nvmlDevice_t device, const void *answer,
				  struct gpu *gpu);

/* Answers that a board may not have: N/A becomes NVML_ERROR_NOT_SUPPORTED. */
static inline nvmlReturn_t answer_u32(unsigned int *answer, uint32_t value)
{
	if (value == NA_U32)
		return NVML_ERROR_NOT_SUPPORTED;
	*answer = value;
	return NVML_SUCCESS;
}

static inline nvmlReturn_t answer_u64(unsigned long long *answer, uint64_t value)
{
	if (value == NA_U64)
		return NVML_ERROR_NOT_SUPPORTED;
	*answer = value;
	return NVML_SUCCESS;
}

static inline nvmlReturn_t answer_i32(int *answer, int32_t value)
{
	if (value == NA_I32)
		return NVML_ERROR_NOT_SUPPORTED;
	*answer = value;
	return NVML_SUCCESS;
}

/* 550 of "550.163.01": some questions are deprecated from a certain driver on. */
unsigned int driver_major(const struct description *description);

/* The first driver that is known to call application clocks and the power state deprecated; 580 answers. */
#define DRIVER_WITHOUT_APPLICATION_CLOCKS 595u

/*
 * Whoever sleeps with the page in hand says so: nvmlShutdown has all of them look
 * again, and waits until they have left. False: it was shut down; nothing to leave.
 */
bool api_sleep_enter(void);
void api_sleep_leave(void);

/* How many threads of this process sleep so. */
uint32_t api_sleepers(void);

/* The last nvmlShutdown frees what a program has not. */
void event_sets_free(void);
void system_event_sets_free(void);

/* Sleep until the page's event futex is no longer `seen`, or for so long. */
void event_sleep(uint32_t seen, uint64_t milliseconds);

nvmlReturn_t answer_string(char *answer, unsigned int length, const char *value);

/*
 * A getter whose whole answer is one value of the description. type is the
 * enumeration's or number's type in nvml.h, value is read from `gpu`.
 */
#define GETTER_U32(name, type, value)                                                         \
	nvmlReturn_t name(nvmlDevice_t device, type *answer)                                  \
	{                                                                                     \
		struct gpu gpu;                                                               \
		nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);          \
                                                                                              \
		return ret == NVML_SUCCESS ? answer_u32((unsigned int *)answer, value) : ret; \
	}

/* The same for a value that MIG devices have too. */
#define GETTER_ANY_U32(name, type, value)                                                     \
	nvmlReturn_t name(nvmlDevice_t device, type *answer)                                  \
	{                                                                                     \
		struct gpu gpu;                                                               \
		nvmlReturn_t ret = api_enter_any_device(__func__, device, answer, &gpu);      \
                                                                                              \
		return ret == NVML_SUCCESS ? answer_u32((unsigned int *)answer, value) : ret; \
	}

/* The same for text with the length of the caller's buffer. */
#define GETTER_STRING(name, value)                                                       \
	nvmlReturn_t name(nvmlDevice_t device, char *answer, unsigned int length)        \
	{                                                                                \
		struct gpu gpu;                                                          \
		nvmlReturn_t ret = api_enter_device(__func__, device, answer, &gpu);     \
                                                                                         \
		return ret == NVML_SUCCESS ? answer_string(answer, length, value) : ret; \
	}

#endif
