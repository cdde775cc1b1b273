/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml status: what each GPU has now, in words and in JSON. */
#include "mock_nvml_status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mock_nvml_fault.h"
#include "motion.h"
#include "page.h"
#include "recovery.h"

/* --- JSON --- */

static void print_value(void *data, const char *key, const char *text, bool number)
{
	json_value(data, key, text, number);
}

/* The values that differ while the faults hold that depend on time alone. */
struct difference {
	struct json *json;
	char (*before)[64]; /* in the order of control_values() */
	unsigned int index;
};

#define MAX_VALUES 256

static void keep_value(void *data, const char *key, const char *text, bool number)
{
	struct difference *difference = data;

	(void)key;
	(void)number;
	if (difference->index < MAX_VALUES)
		snprintf(difference->before[difference->index++], 64, "%s", text ? text : "");
}

static void print_difference(void *data, const char *key, const char *text, bool number)
{
	struct difference *difference = data;

	if (difference->index == MAX_VALUES ||
	    strcmp(difference->before[difference->index++], text ? text : "") == 0)
		return;
	json_value(difference->json, key, text, number);
}

/* What NVML reads while the faults hold that depend on time alone. */
static struct readings faulty_readings(const struct control *control)
{
	const struct device *device = &control->description->devices[control->slot];
	const struct board *board = description_board(control->description, device);
	struct readings readings = control->running->readings;

	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		const struct running_fault *fault = &control->running->faults[i];

		if (fault_is_there(fault) && fault->effect == FAULT_READINGS &&
		    fault_in_time(fault, control->now))
			fault_apply(&readings, fault, board, &device->readings, control->now);
	}
	return readings;
}

static void print_faulty(struct json *json, const struct control *control,
			 const struct readings *faulty)
{
	struct difference difference = { .json = json };
	struct readings before = control->running->readings;

	difference.before = calloc(MAX_VALUES, sizeof(*difference.before));
	if (!difference.before)
		return;
	control_values(control, keep_value, &difference);
	control->running->readings = *faulty;
	difference.index = 0;
	control_values(control, print_difference, &difference);
	control->running->readings = before;
	free(difference.before);
}

static void print_process(struct json *json, const struct running_process *process)
{
	char type[4] = "";
	unsigned int length = 0;

	for (unsigned int bit = 0; bit < 3; bit++)
		if (process->process.type >> bit & 1)
			type[length++] = "CGM"[bit];
	json_open(json, NULL, '{');
	json_number(json, "pid", process->process.pid);
	json_string(json, "type", type);
	json_string(json, "name", process->process.name);
	json_optional(json, "used_memory_bytes", process->process.used_memory != NA_U64,
		      process->process.used_memory);
	json_optional(json, "utilization", process->process.sm_util != NA_U32,
		      process->process.sm_util);
	json_optional(json, "gpu_instance", process->gpu_instance != STATE_NO_INSTANCE,
		      process->gpu_instance);
	json_optional(json, "compute_instance", process->compute_instance != STATE_NO_INSTANCE,
		      process->compute_instance);
	json_close(json, '}');
}

static void print_processes(struct json *json, const struct running *running)
{
	json_open(json, "processes", '[');
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		print_process(json, &running->processes[i]);
	json_close(json, ']');
}

static void print_instance(struct json *json, const struct running_gpu_instance *instance,
			   uint32_t id, const struct board *board)
{
	json_open(json, NULL, '{');
	json_number(json, "id", id);
	json_string(json, "profile", board->mig.profiles[instance->profile].name);
	json_number(json, "start", instance->start);
	json_number(json, "size", instance->size);
	json_open(json, "compute_instances", '[');
	for (uint32_t i = 0; i < STATE_MAX_COMPUTE_INSTANCES; i++)
		if (instance->compute[i].used)
			json_number(json, NULL, i);
	json_close(json, ']');
	json_close(json, '}');
}

static void print_mig(struct json *json, const struct running *running, const struct board *board)
{
	bool capable = board->mig.capable == 1;

	json_open(json, "mig", '{');
	json_value(json, "mode_current",
		   !capable			   ? NULL
		   : running->readings.mig_current ? "enabled"
						   : "disabled",
		   false);
	json_value(json, "mode_pending",
		   !capable			   ? NULL
		   : running->readings.mig_pending ? "enabled"
						   : "disabled",
		   false);
	json_open(json, "gpu_instances", '[');
	for (uint32_t i = 0; i < STATE_MAX_GPU_INSTANCES; i++)
		if (running->gpu_instances[i].used &&
		    running->gpu_instances[i].profile < PROFILE_MAX_GPU_INSTANCE_PROFILES)
			print_instance(json, &running->gpu_instances[i], i, board);
	json_close(json, ']');
	json_close(json, '}');
}

static void print_device(struct json *json, const struct control *control)
{
	const struct device *device = &control->description->devices[control->slot];
	const struct board *board = description_board(control->description, device);
	const struct running *running = control->running;
	struct readings faulty = faulty_readings(control);
	enum recovery recovery;

	json_open(json, NULL, '{');
	json_number(json, "index", control->slot);
	json_string(json, "name", board->name);
	json_string(json, "uuid", device->uuid);
	json_string(json, "serial", device->serial);
	json_number(json, "minor", device->minor);
	json_string(json, "pci_bus_id", device->pci_bus_id);
	json_open(json, "values", '{');
	control_values(control, print_value, json);
	json_close(json, '}');
	json_open(json, "faulty_values", '{');
	print_faulty(json, control, &faulty);
	json_close(json, '}');
	json_open(json, "faults", '[');
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		if (!fault_is_there(&running->faults[i]))
			continue;
		json_open(json, NULL, '{');
		print_fault(json, &running->faults[i], control->now);
		json_close(json, '}');
	}
	json_close(json, ']');
	print_processes(json, running);
	print_mig(json, running, board);
	json_number(json, "resets", running->settings.resets);
	recovery = recovery_due(running, &faulty, control->now);
	json_bool(json, "reset_required",
		  recovery != RECOVERY_NONE || readings_mode_pending(&faulty));
	json_string(json, "recovery_action", recovery_names[recovery]);
	json_close(json, '}');
}

static void print_node(struct json *json, const struct targets *targets)
{
	const struct state_node *node = &page_area(targets->page)->state.node;
	struct running_fault fault = node->running[atomic_load(&node->sequence) & 1].init;

	json_open(json, "node", '{');
	json_open(json, "faults", '[');
	if (fault_is_there(&fault)) {
		json_open(json, NULL, '{');
		print_fault(json, &fault, motion_now());
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

/* --- words --- */

static void say_fault(const struct running_fault *fault, uint64_t now)
{
	printf("  fault %s: %s\n", fault_kinds[fault->name].name,
	       fault_is_over(fault, now)   ? "over"
	       : fault_in_time(fault, now) ? "active"
					   : "pending");
}

static void say_device(const struct control *control)
{
	const struct device *device = &control->description->devices[control->slot];
	const struct board *board = description_board(control->description, device);
	const struct running *running = control->running;

	printf("GPU %u (%s): %s at %s\n", control->slot, device->uuid, board->name,
	       device->pci_bus_id);
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++)
		if (fault_is_there(&running->faults[i]))
			say_fault(&running->faults[i], control->now);
	for (uint32_t i = 0; i < running->process_count && i < STATE_MAX_PROCESSES; i++)
		printf("  process %u: %s, %" PRIu64 " MiB\n", running->processes[i].process.pid,
		       running->processes[i].process.name,
		       running->processes[i].process.used_memory == NA_U64
			       ? 0
			       : running->processes[i].process.used_memory >> 20);
}

/* --- both --- */

static void print_list(struct json *json, const struct control *control)
{
	json_open(json, NULL, '{');
	json_number(json, "index", control->slot);
	json_string(json, "uuid", control->description->devices[control->slot].uuid);
	print_processes(json, control->running);
	json_close(json, '}');
}

static int print_devices(const struct targets *targets, struct json *json,
			 void (*print)(struct json *json, const struct control *control))
{
	struct running *running = malloc(sizeof(*running));
	struct control control = {
		.description = page_description(targets->page),
		.running = running,
		.now = motion_now(),
	};

	if (!running)
		return complain(EXIT_SYSTEM, "cannot show GPUs: out of memory");
	for (uint32_t i = 0; i < targets->count; i++) {
		control.slot = targets->slots[i];
		targets_state(targets, control.slot, running);
		if (json)
			print(json, &control);
		else
			say_device(&control);
	}
	free(running);
	return EXIT_OK;
}

static int print_all(const struct options *options, const struct targets *targets, bool with_node,
		     void (*print)(struct json *json, const struct control *control))
{
	struct json json;
	int result;

	if (!options->json)
		return print_devices(targets, NULL, print);
	json = json_begin(stdout);
	json_string(&json, "page", targets->file);
	if (with_node)
		print_node(&json, targets);
	json_open(&json, "devices", '[');
	result = print_devices(targets, &json, print);
	json_close(&json, ']');
	json_end(&json);
	return result;
}

int print_process_lists(const struct options *options, const struct targets *targets)
{
	return print_all(options, targets, false, print_list);
}

int status(const struct options *options)
{
	struct targets targets;
	int result;

	if (options->word_count)
		return complain(EXIT_USAGE, "mock-nvml status: expected no word, found \"%s\"",
				options->words[0]);
	result = targets_open(options, &targets);
	if (result != EXIT_OK)
		return result;
	result = print_all(options, &targets, true, print_device);
	targets_close(&targets);
	return result;
}
