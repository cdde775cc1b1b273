/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml fail, clear, xid and faults. */
#include "mock_nvml_fault.h"

#include <nvml.h>
#include <string.h>

#include "mock_nvml_change.h"
#include "motion.h"
#include "recovery.h"

/* --- what a fault is, in JSON --- */

static void print_effect(struct json *json, const struct running_fault *fault, uint32_t takes)
{
	const char *code = fault_word_name(fault_codes, fault->code);

	if (fault->effect == FAULT_ERROR) {
		json_number(json, "code", fault->code);
		json_string(json, "code_name", code ? code : "");
	}
	if (takes & FAULT_TAKES_LATENCY)
		json_number(json, "latency_ms", fault->latency_ms);
	if (takes & FAULT_TAKES_COUNT)
		json_number(json, "count", fault->count);
	if (takes & FAULT_TAKES_LOCATION)
		json_string(json, "location", fault_word_name(fault_locations, fault->location));
	if (takes & FAULT_TAKES_TEMPERATURE)
		json_number(json, "temperature_c", (uint64_t)fault->temperature_c);
	if (takes & FAULT_TAKES_CLOCK)
		json_number(json, "clock_mhz", fault->clock_mhz);
	if (takes & FAULT_TAKES_HEALTH)
		json_string(json, "health",
			    fault_word_name(fault_healths, (uint32_t)fault->health));
	if (!(takes & FAULT_TAKES_LINK))
		return;
	json_open(json, "links", '[');
	for (uint32_t i = 0; i < PROFILE_MAX_LINKS; i++)
		if (fault->links >> i & 1)
			json_number(json, NULL, i);
	json_close(json, ']');
}

void print_fault(struct json *json, const struct running_fault *fault, uint64_t now)
{
	const struct fault_kind *kind = &fault_kinds[fault->name];

	json_string(json, "kind", kind->name);
	json_string(json, "state",
		    fault_is_over(fault, now)	? "over"
		    : fault_in_time(fault, now) ? "active"
						: "pending");
	print_effect(json, fault, kind->takes);
	json_number(json, "after_calls", fault->after_calls);
	json_number(json, "after_ms", fault->from_ms - fault->made_ms);
	json_optional(json, "for_ms", fault->until_ms != 0, fault->until_ms - fault->from_ms);
	json_optional(json, "probability_millionths", fault->probability != 0, fault->probability);
	json_number(json, "seed", fault->seed);
}

/* --- fail --- */

struct failing {
	struct running_fault wanted;
	struct running_fault made[PROFILE_MAX_DEVICES];
	struct running_fault node;
	uint64_t now;
};

static enum control_result fail_device(const struct control *control, void *data,
				       struct control_error *error)
{
	struct failing *failing = data;

	failing->now = control->now;
	return control_fail(control, &failing->wanted, &failing->made[control->slot], error);
}

static enum state_result announce_fault(const struct control *control, struct state_writer *writer,
					void *data)
{
	struct failing *failing = data;
	enum state_result result = STATE_OK;
	struct state_event events[2];
	unsigned int count = control_fault_events(control, &failing->made[control->slot], events);

	for (unsigned int i = 0; i < count && result == STATE_OK; i++)
		result = state_announce(writer, &events[i]);
	return result;
}

static void print_made(struct json *json, uint32_t slot, void *data)
{
	const struct failing *failing = data;

	json_open(json, "fault", '{');
	print_fault(json, &failing->made[slot], failing->now);
	json_close(json, '}');
}

static void print_node_made(struct json *json, void *data)
{
	const struct failing *failing = data;

	json_open(json, "node_fault", '{');
	print_fault(json, &failing->node, failing->now);
	json_close(json, '}');
}

static enum control_result fail_node(struct running_node *node, void *data,
				     struct control_error *error)
{
	struct failing *failing = data;
	enum control_result result;

	failing->now = motion_now();
	result = control_fail_node(node, &failing->wanted, failing->now, error);
	failing->node = node->init;
	return result;
}

int fail(const struct options *options)
{
	static struct failing failing;
	struct change change = {
		.attempt = "put a fault on",
		.announce = announce_fault,
		.print = print_made,
		.print_node = print_node_made,
		.data = &failing,
	};
	int result = parse_fault(options, &failing.wanted);

	if (result != EXIT_OK)
		return result;
	if (fault_kinds[failing.wanted.name].node)
		change.node = fail_node;
	else
		change.call = fail_device;
	return change_running(options, &change);
}

/* --- clear --- */

struct clearing {
	enum fault_name name; /* FAULT_NAMES: all */
	struct running_fault cleared[PROFILE_MAX_DEVICES][STATE_MAX_FAULTS];
	unsigned int count[PROFILE_MAX_DEVICES];
	struct running_fault node; /* that was cleared; FAULT_NONE: none was */
};

static enum control_result clear_device(const struct control *control, void *data,
					struct control_error *error)
{
	struct clearing *clearing = data;
	unsigned int *count = &clearing->count[control->slot];
	uint32_t *asked = control->running->recovery_from;
	uint32_t before[STATE_RECOVERIES];

	(void)error;
	memcpy(before, asked, sizeof(before));
	*count = control_clear(control, clearing->name, clearing->cleared[control->slot]);
	return *count || memcmp(before, asked, sizeof(before)) != 0 ? CONTROL_CHANGED
								    : CONTROL_SAME;
}

/* What was to come does not come any more. */
static enum state_result withdraw(const struct control *control, struct state_writer *writer,
				  void *data)
{
	struct clearing *clearing = data;
	enum state_result result = STATE_OK;

	for (unsigned int i = 0; i < clearing->count[control->slot] && result == STATE_OK; i++)
		result = state_withdraw(writer, control->slot,
					clearing->cleared[control->slot][i].number, control->now);
	return result;
}

static void print_cleared(struct json *json, uint32_t slot, void *data)
{
	const struct clearing *clearing = data;

	json_open(json, "cleared", '[');
	for (unsigned int i = 0; i < clearing->count[slot]; i++)
		json_string(json, NULL, fault_kinds[clearing->cleared[slot][i].name].name);
	json_close(json, ']');
}

static void print_node_cleared(struct json *json, void *data)
{
	const struct clearing *clearing = data;

	json_open(json, "node_cleared", '[');
	if (fault_is_there(&clearing->node))
		json_string(json, NULL, fault_kinds[clearing->node.name].name);
	json_close(json, ']');
}

static enum control_result clear_node(struct running_node *node, void *data,
				      struct control_error *error)
{
	struct clearing *clearing = data;
	struct running_fault before = node->init;

	(void)error;
	if (!control_clear_node(node, clearing->name))
		return CONTROL_SAME;
	clearing->node = before;
	return CONTROL_CHANGED;
}

int clear(const struct options *options)
{
	static struct clearing clearing;
	struct change change = {
		.attempt = "clear faults of",
		.announce = withdraw,
		.print = print_cleared,
		.print_node = print_node_cleared,
		.data = &clearing,
	};
	const char *kind = options->word_count ? options->words[0] : "all";

	clearing.name = fault_name_of(kind);
	if (options->word_count > 1 || (clearing.name == FAULT_NAMES && strcmp(kind, "all") != 0))
		return complain(EXIT_USAGE,
				"mock-nvml clear: expected one kind or all, found \"%s\" "
				"(mock-nvml faults lists the kinds)",
				options->words[options->word_count - 1]);
	/* What is wrong with the node is nothing of a GPU that -i names. */
	if (clearing.name == FAULT_NAMES || fault_kinds[clearing.name].node)
		change.node = options->texts.devices ? NULL : clear_node;
	if (clearing.name == FAULT_NAMES || !fault_kinds[clearing.name].node)
		change.call = clear_device;
	return change_running(options, &change);
}

/* --- xid --- */

struct xid {
	uint64_t number;
	uint64_t after_ms;
};

static enum control_result xid_device(const struct control *control, void *data,
				      struct control_error *error)
{
	const struct board *board = description_board(
		control->description, &control->description->devices[control->slot]);
	const struct xid *xid = data;

	if (board->event_types_supported == NA_U64 ||
	    !(board->event_types_supported & nvmlEventTypeXidCriticalError))
		return control_refuse(error, "the board knows no events of Xid errors");
	recovery_ask(control->running, recovery_of_xid(xid->number), control->now + xid->after_ms);
	return CONTROL_CHANGED;
}

static enum state_result announce_xid(const struct control *control, struct state_writer *writer,
				      void *data)
{
	const struct xid *xid = data;
	struct state_event event =
		control_xid(control->slot, xid->number, control->now + xid->after_ms);

	return state_announce(writer, &event);
}

static void print_xid(struct json *json, uint32_t slot, void *data)
{
	const struct xid *xid = data;

	(void)slot;
	json_number(json, "xid", xid->number);
	json_number(json, "after_ms", xid->after_ms);
}

int xid(const struct options *options)
{
	struct xid xid = { 0, 0 };
	const struct change change = {
		.attempt = "announce an Xid of",
		.call = xid_device,
		.announce = announce_xid,
		.print = print_xid,
		.data = &xid,
	};

	if (options->word_count != 1)
		return complain(EXIT_USAGE, "mock-nvml xid: expected the number of an Xid error, "
					    "such as 79");
	if (parse_number("mock-nvml xid", options->words[0], 1, UINT32_MAX, &xid.number) ||
	    parse_seconds("--after", options->texts.after, &xid.after_ms))
		return EXIT_USAGE;
	return change_running(options, &change);
}

/* --- faults --- */

static void print_takes(FILE *stream, uint32_t takes)
{
	static const char *const names[] = { "--code", "--latency",	"--count", "--location",
					     "--link", "--temperature", "--clock", "--health" };
	const char *separator = "";

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(takes >> i & 1))
			continue;
		fprintf(stream, "%s`%s`", separator, names[i]);
		separator = ", ";
	}
}

static void print_events(FILE *stream, const struct fault_kind *kind)
{
	if (kind->event == nvmlEventTypeSingleBitEccError)
		fputs("single-bit ECC error", stream);
	if (kind->event == nvmlEventTypeDoubleBitEccError)
		fputs("double-bit ECC error", stream);
	if (kind->event == nvmlEventTypeClock)
		fputs("clock change", stream);
	if (kind->xid)
		fprintf(stream, "%sXid %u", kind->event ? ", " : "", kind->xid);
}

void print_faults(FILE *stream)
{
	fputs("| kind | options | what it makes NVML do | recovery | event |\n|---|---|---|---|---|\n",
	      stream);
	for (unsigned int i = 0; i < FAULT_NAMES; i++) {
		enum recovery recovery = recovery_of_kind(&fault_kinds[i]);

		fprintf(stream, "| `%s` | ", fault_kinds[i].name);
		print_takes(stream, fault_kinds[i].takes);
		fprintf(stream, " | %s | ", fault_kinds[i].answers);
		if (recovery != RECOVERY_NONE)
			fputs(recovery_names[recovery], stream);
		fputs(" | ", stream);
		print_events(stream, &fault_kinds[i]);
		fputs(" |\n", stream);
	}
}
