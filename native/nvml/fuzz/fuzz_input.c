// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>

#include "fuzz_calls.h"
#include "mig_handle.h"

#define BUFFERS 16
/* More than any list that a call may give for the counts that buffers say. */
#define BUFFER_SIZE (1u << 18)
#define MAX_COUNT 32u

static _Alignas(64) char buffers[BUFFERS][BUFFER_SIZE];
static unsigned int next_buffer;
static char *texts[BUFFERS];
static unsigned int next_text;

uint32_t input_below(struct input *input, uint32_t limit)
{
	uint32_t value = 0;

	for (uint32_t left = limit - 1; left && input->size; left >>= 8, input->size--)
		value = value << 8 | *input->data++;
	return limit ? value % limit : 0;
}

nvmlDevice_t input_device(struct input *input)
{
	uint32_t choice = input_below(input, 256);

	if (choice < 200)
		return &handles[choice % 4];
	if (choice < 220)
		return (nvmlDevice_t)input_handle(input);
	if (choice < 230)
		return NULL;
	return (nvmlDevice_t)((uintptr_t)handles + input_below(input, 1u << 16));
}

uint64_t input_scalar(struct input *input)
{
	static const uint64_t edges[] = {
		0, 1, UINT32_MAX, INT32_MAX, 1u << 31, 0xff, 1410, 400000
	};
	uint32_t choice = input_below(input, 256);

	if (choice < 160)
		return choice % 32;
	if (choice < 220)
		return edges[choice % (sizeof(edges) / sizeof(edges[0]))];
	return (uint64_t)input_below(input, 1u << 24);
}

/* An instance of MIG, or the device that it is, whether it is there or not. */
static void *input_instance(struct input *input)
{
	struct mig_place place = {
		.index = input_below(input, 4),
		.gpu_instance = input_below(input, STATE_MAX_GPU_INSTANCES),
		.compute_instance = input_below(input, 2),
	};

	switch (input_below(input, 3)) {
	case 0:
		return mig_gpu_instance_handle(place.index, place.gpu_instance);
	case 1:
		return mig_compute_instance_handle(&place);
	default:
		return mig_device_handle(&place);
	}
}

void *input_handle(struct input *input)
{
	void *given;

	if (input_below(input, 256) < 100)
		return input_instance(input);
	/* Where a call puts a handle, it is the first word of its buffer. */
	memcpy(&given, buffers[input_below(input, BUFFERS)], sizeof(given));
	return given;
}

void *input_buffer(struct input *input, const unsigned int *versions, unsigned int count)
{
	unsigned int *words = (unsigned int *)buffers[next_buffer++ % BUFFERS];
	uint32_t choice = input_below(input, 256);

	if (choice > 250)
		return NULL;
	memset(words, 0, BUFFER_SIZE);
	if (count && choice < 240)
		words[0] = versions[choice % count];
	else
		words[0] = choice % MAX_COUNT;
	/* A count, a mode, a number of milliseconds: never long. */
	words[1] = input_below(input, 4);
	return words;
}

char *input_text_buffer(struct input *input, unsigned int length)
{
	char **text = &texts[next_text++ % BUFFERS];

	(void)input;
	free(*text);
	*text = malloc(length ? length : 1);
	return *text;
}

const char *input_text(struct input *input)
{
	uint32_t choice = input_below(input, 8);
	char *text = input_text_buffer(input, 128);
	struct gpu gpu;

	if (choice == 0 || !handle_source.page || !handle_gpu(input_below(input, 4), &gpu))
		return NULL;
	snprintf(text, 128, "%s",
		 choice < 3   ? gpu.device->uuid
		 : choice < 5 ? gpu.device->pci_bus_id
			      : gpu.device->serial);
	if (choice == 7) {
		for (unsigned int i = 0; i < 32; i++)
			text[i] = (char)input_below(input, 256);
		text[32] = '\0';
	}
	return text;
}

void fuzz_sequence(struct input *input)
{
	while (input->size)
		fuzz_calls[input_below(input, fuzz_call_count)](input);
	/* Whatever was called, one reference stays for the next sequence. */
	while (atomic_load(&api_references) > 1)
		nvmlShutdown();
	if (!atomic_load(&api_references) && nvmlInit_v2() != NVML_SUCCESS)
		abort();
}
