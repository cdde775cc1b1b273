/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of faults share: making and clearing them as mock-nvml does, and a call that meets them. */
#ifndef MIRAGE_FAULT_FIXTURE_H
#define MIRAGE_FAULT_FIXTURE_H

#include "control.h"
#include "nvml_fixture.h"

/* The first GPU, to be changed as mock-nvml does it. */
static inline struct control begin(struct state_writer *writer)
{
	struct running *running = first_state(writer);

	return (struct control){
		.running = running,
		.description = &writer->area->description,
		.now = motion_now(),
	};
}

static inline void make_fail(const struct running_fault *fault)
{
	struct state_writer writer;
	struct control control = begin(&writer);
	struct control_error error;
	struct running_fault made;

	CHECK_NUMBER(control_fail(&control, fault, &made, &error), CONTROL_CHANGED);
	state_wake(&writer);
	put_in_force(&writer);
}

static inline struct running_fault fault_of(enum fault_name name)
{
	struct running_fault fault;

	control_fault_init(&fault, name);
	return fault;
}

static inline void clear(void)
{
	struct running_fault cleared[STATE_MAX_FAULTS];
	struct state_writer writer;
	struct control control = begin(&writer);

	CHECK(control_clear(&control, FAULT_NAMES, cleared) > 0);
	state_wake(&writer);
	put_in_force(&writer);
}

static inline nvmlReturn_t call(nvmlDevice_t device)
{
	unsigned int temperature;

	return nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &temperature);
}

#endif
