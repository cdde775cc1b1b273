/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <nvml.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control.h"

void control_fault_init(struct running_fault *fault, enum fault_name name)
{
	*fault = (struct running_fault){
		.effect = fault_kinds[name].effect,
		.name = name,
		.code = name == FAULT_NAME_LOST || name == FAULT_NAME_FALLEN_OFF_BUS
				? NVML_ERROR_GPU_IS_LOST
				: NVML_ERROR_UNKNOWN,
		.latency_ms = fault_kinds[name].effect == FAULT_SLOW ? 1000 : 0,
		.temperature_c = NA_I32,
		.count = fault_kinds[name].takes & FAULT_TAKES_COUNT ? 1 : 0,
		.location = NA_U32,
	};
	if (fault_kinds[name].effect != FAULT_ERROR)
		fault->code = 0;
}

/* Nanoseconds since boot: no two changes, one at a time under the lock, share one. */
static uint64_t new_number(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec + 1;
}

/* --- what the board makes of the request --- */

static int complete_ecc(const struct readings_ecc *ecc, struct running_fault *fault,
			struct control_error *error)
{
	const uint64_t *counters =
		ecc->counters[fault->name == FAULT_NAME_ECC_UNCORRECTABLE][NVML_VOLATILE_ECC];

	if (ecc->mode_current != NVML_FEATURE_ENABLED)
		return control_refuse(error, "ECC is off or the board has none: nothing is "
					     "counted; set ecc.mode_current=enabled where it can");
	if (fault->location == NA_U32)
		fault->location = counters[NVML_MEMORY_LOCATION_DEVICE_MEMORY] != NA_U64
					  ? NVML_MEMORY_LOCATION_DEVICE_MEMORY
					  : NVML_MEMORY_LOCATION_SRAM;
	if (counters[fault->location] == NA_U64)
		return control_refuse(
			error, "the board does not count errors of %s: choose another --location",
			fault_word_name(fault_locations, fault->location));
	return 0;
}

static int complete_links(const struct control *control, struct running_fault *fault,
			  struct control_error *error)
{
	const struct device *device = &control->description->devices[control->slot];
	const struct board *board = description_board(control->description, device);
	uint64_t all = ((uint64_t)1 << device->link_count) - 1;

	if (board->nvlink.version == NA_U32 || !device->link_count)
		return control_refuse(error, "the board has no NVLink");
	if (!fault->links)
		fault->links = all;
	if (fault->links & ~all)
		return control_refuse(error,
				      "the board has the NVLinks 0 to %u: choose one of them",
				      device->link_count - 1);
	return 0;
}

static int complete_slowdown(const struct control *control, struct running_fault *fault,
			     struct control_error *error)
{
	const struct readings *readings = &control->running->readings;
	const struct board *board = description_board(
		control->description, &control->description->devices[control->slot]);

	if (fault->clock_mhz && board->clocks.graphics_max != NA_U32 &&
	    fault->clock_mhz > board->clocks.graphics_max)
		return control_refuse(
			error,
			"--clock: expected at most the board's highest graphics clock "
			"(%u MHz), found \"%u\"",
			board->clocks.graphics_max, fault->clock_mhz);
	if (fault->temperature_c != NA_I32 && readings->temperature_c != NA_I32 &&
	    fault->temperature_c < readings->temperature_c)
		return control_refuse(
			error,
			"--temperature: expected at least the GPU's own (%d degrees C), "
			"found \"%d\"",
			readings->temperature_c, fault->temperature_c);
	if (!fault->clock_mhz)
		fault->clock_mhz =
			board->clocks.graphics_max == NA_U32 ? 0 : board->clocks.graphics_max / 2;
	if (fault->name != FAULT_NAME_THERMAL_SLOWDOWN || fault->temperature_c != NA_I32)
		return 0;
	if (board->thermal.slowdown_c != NA_I32)
		fault->temperature_c = board->thermal.slowdown_c;
	else if (readings->temperature_c != NA_I32 && readings->tlimit_c != NA_I32 &&
		 board->thermal.tlimit_slowdown_c != NA_I32)
		fault->temperature_c = readings->temperature_c + readings->tlimit_c -
				       board->thermal.tlimit_slowdown_c;
	else
		return control_refuse(error, "the profile gives no slowdown threshold: say "
					     "--temperature");
	return 0;
}

/* Fill in what the board decides, and refuse what it does not have. */
static int complete(const struct control *control, struct running_fault *fault,
		    struct control_error *error)
{
	const struct board *board = description_board(
		control->description, &control->description->devices[control->slot]);

	switch ((enum fault_name)fault->name) {
	case FAULT_NAME_ECC_CORRECTABLE:
	case FAULT_NAME_ECC_UNCORRECTABLE:
		return complete_ecc(&control->running->readings.ecc, fault, error);
	case FAULT_NAME_ROW_REMAP_PENDING:
	case FAULT_NAME_ROW_REMAP_FAILURE:
		return board->row_remapper == 1 ? 0
						: control_refuse(error, "the board does not remap "
									"rows");
	case FAULT_NAME_PAGE_RETIREMENT_PENDING:
		return board->page_retirement == 1 ? 0
						   : control_refuse(error, "the board does not "
									   "retire pages");
	case FAULT_NAME_NVLINK_DOWN:
	case FAULT_NAME_NVLINK_ERRORS:
		return complete_links(control, fault, error);
	case FAULT_NAME_THERMAL_SLOWDOWN:
	case FAULT_NAME_POWER_BRAKE_SLOWDOWN:
	case FAULT_NAME_POWER_CAP:
		return complete_slowdown(control, fault, error);
	case FAULT_NAME_FABRIC_UNHEALTHY:
		if (board->fabric.state != NVML_GPU_FABRIC_STATE_COMPLETED)
			return control_refuse(error, "the board is in no fabric");
		if (!fault->health)
			fault->health = FAULT_HEALTH_ROUTE_UNHEALTHY;
		return 0;
	case FAULT_NAME_PCIE_REPLAY:
		return control->running->readings.pcie_replays != NA_U64
			       ? 0
			       : control_refuse(error, "the board does not count replays");
	default:
		return 0;
	}
}

/* --- setting --- */

static bool same_target(const struct running_fault *a, const struct running_fault *b)
{
	return fault_is_there(a) && a->name == b->name && a->location == b->location &&
	       a->links == b->links;
}

/* times of wanted count from now, those of there from when it was made */
static bool same_fault(const struct running_fault *there, const struct running_fault *wanted)
{
	struct running_fault relative = *there;

	if (relative.until_ms)
		relative.until_ms -= relative.from_ms;
	relative.from_ms -= relative.made_ms;
	relative.made_ms = 0;
	relative.number = 0;
	return memcmp(&relative, wanted, sizeof(relative)) == 0;
}

static void make(struct running_fault *made, const struct running_fault *wanted, uint64_t now)
{
	*made = *wanted;
	made->made_ms = now;
	made->from_ms = now + wanted->from_ms;
	made->until_ms = wanted->until_ms ? made->from_ms + wanted->until_ms : 0;
	made->number = new_number();
}

/* What is over makes room. */
static void prune(struct running *running, uint64_t now)
{
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		struct running_fault *fault = &running->faults[i];

		if (!fault_is_there(fault) || !fault_is_over(fault, now))
			continue;
		memset(fault, 0, sizeof(*fault));
		running->fault_count--;
	}
}

enum control_result control_fail(const struct control *control, const struct running_fault *wanted,
				 struct running_fault *made, struct control_error *error)
{
	struct running *running = control->running;
	struct running_fault completed = *wanted;
	struct running_fault *place = NULL;

	if (complete(control, &completed, error) != 0)
		return CONTROL_REFUSED;
	prune(running, control->now);
	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		struct running_fault *fault = &running->faults[i];

		if (same_target(fault, &completed)) {
			place = fault;
			break;
		}
		if (!place && !fault_is_there(fault))
			place = fault;
	}
	if (!place)
		return control_refuse(error,
				      "it has %d faults already, and room for no more: "
				      "clear one",
				      STATE_MAX_FAULTS);
	if (fault_is_there(place) && same_fault(place, &completed)) {
		*made = *place;
		return CONTROL_SAME;
	}
	running->fault_count += !fault_is_there(place);
	make(place, &completed, control->now);
	*made = *place;
	return CONTROL_CHANGED;
}

enum control_result control_fail_node(struct running_node *node, const struct running_fault *wanted,
				      uint64_t now, struct control_error *error)
{
	struct running_fault *there = &node->init;
	bool active = fault_is_there(there) && !fault_is_over(there, now);

	if (active && there->name != wanted->name)
		return control_refuse(error, "nvmlInit has the fault %s already: clear that first",
				      fault_kinds[there->name].name);
	if (active && same_fault(there, wanted))
		return CONTROL_SAME;
	make(there, wanted, now);
	return CONTROL_CHANGED;
}

/* --- clearing --- */

unsigned int control_clear(const struct control *control, enum fault_name name,
			   struct running_fault *cleared)
{
	struct running *running = control->running;
	unsigned int count = 0;

	for (unsigned int i = 0; i < STATE_MAX_FAULTS; i++) {
		struct running_fault *fault = &running->faults[i];

		if (!fault_is_there(fault) || (name != FAULT_NAMES && fault->name != name))
			continue;
		cleared[count++] = *fault;
		memset(fault, 0, sizeof(*fault));
		running->fault_count--;
	}
	if (name == FAULT_NAMES)
		memset(running->recovery_from, 0, sizeof(running->recovery_from));
	return count;
}

bool control_clear_node(struct running_node *node, enum fault_name name)
{
	if (!fault_is_there(&node->init) || (name != FAULT_NAMES && node->init.name != name))
		return false;
	memset(&node->init, 0, sizeof(node->init));
	return true;
}

/* --- events --- */

struct state_event control_xid(uint32_t slot, uint64_t xid, uint64_t due_ms)
{
	return (struct state_event){
		.type = nvmlEventTypeXidCriticalError,
		.data = xid,
		.due_ms = due_ms,
		.slot = slot,
		.gpu_instance = STATE_NO_INSTANCE,
		.compute_instance = STATE_NO_INSTANCE,
	};
}

/*
 * With a number of calls or a probability each process meets the fault at a time
 * of its own, which the page does not know: then there is no event.
 */
unsigned int control_fault_events(const struct control *control, const struct running_fault *fault,
				  struct state_event *events)
{
	const struct fault_kind *kind = &fault_kinds[fault->name];
	const struct board *board = description_board(
		control->description, &control->description->devices[control->slot]);
	unsigned int count = 0;

	if (fault->after_calls || fault->probability)
		return 0;
	if (kind->xid)
		events[count++] = control_xid(control->slot, kind->xid, fault->from_ms);
	if (kind->event) {
		events[count] = control_xid(control->slot, 0, fault->from_ms);
		events[count++].type = kind->event;
	}
	for (unsigned int i = count; i-- > 0;) {
		events[i].fault = fault->number;
		if (board->event_types_supported != NA_U64 &&
		    board->event_types_supported & events[i].type)
			continue;
		events[i] = events[--count];
	}
	return count;
}
