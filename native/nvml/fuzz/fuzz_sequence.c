// SPDX-License-Identifier: GPL-3.0-or-later
// Any sequence of calls with any arguments, setters too: no crash, no write beyond what a caller gave.
#include <stdlib.h>

#include "fuzz_calls.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (!getenv("MOCK_NVML_CONFIG"))
		setenv("MOCK_NVML_CONFIG", "../../charts/gpu-mock/profiles/gb200.yaml", 1);
	if (nvmlInit_v2() != NVML_SUCCESS)
		abort();
	return 0;
}

/* As MIG needs some calls before it shows anything, the second GPU has a device of it. */
static void divide(struct running *running)
{
	running->readings.mig_current = 1;
	running->readings.mig_pending = 1;
	running->gpu_instances[13] = (struct running_gpu_instance){
		.used = 1,
		.start = 6,
		.size = 1,
		.compute = { { .used = 1, .size = 1 } },
	};
}

/* Every input begins with the state that the profile gives, so that it can be played again. */
static void start_anew(void)
{
	struct page_area *area = &((struct page *)handle_source.page)->areas[0];

	memset(&area->state.node, 0, sizeof(area->state.node));
	for (uint32_t i = 0; i < area->description.device_count; i++)
		atomic_store(&area->state.devices[i].sequence, 0);
	page_init_state((struct page *)handle_source.page);
	divide(&area->state.devices[1].running[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	start_anew();
	fuzz_sequence(&input);
	return 0;
}
