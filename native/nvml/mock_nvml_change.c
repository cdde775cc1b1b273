/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_nvml_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capability.h"
#include "motion.h"
#include "page.h"

static int refused(const struct change *change, const struct control *control,
		   const struct control_error *error)
{
	return complain(EXIT_INVALID, "cannot %s GPU %u (%s): %s", change->attempt, control->slot,
			control->description->devices[control->slot].uuid, error->text);
}

static int failed(const struct targets *targets, const char *attempt, enum state_result result)
{
	return complain(EXIT_SYSTEM, "cannot %s the GPUs of device page %s: %s", attempt,
			targets->file, state_reason(result));
}

static struct running_node node_now(const struct targets *targets)
{
	const struct state_node *node = &page_area(targets->page)->state.node;

	return node->running[atomic_load(&node->sequence) & 1];
}

static int node_refused(const struct change *change, const struct control_error *error)
{
	return complain(EXIT_INVALID, "cannot %s the node: %s", change->attempt, error->text);
}

/* What has changed, or would. */
struct changed {
	bool node;
	bool devices[PROFILE_MAX_DEVICES]; /* by place in targets */
};

static bool any_of(const struct changed *changed)
{
	bool any = changed->node;

	for (uint32_t i = 0; i < PROFILE_MAX_DEVICES; i++)
		any = any || changed->devices[i];
	return any;
}

static int try_node(const struct targets *targets, const struct change *change, bool *changed)
{
	struct running_node node = node_now(targets);
	struct control_error error = { "" };
	enum control_result outcome = change->node(&node, change->data, &error);

	*changed = outcome == CONTROL_CHANGED;
	return outcome == CONTROL_REFUSED ? node_refused(change, &error) : EXIT_OK;
}

/* By a copy of each device's state that nobody else sees. */
static int try_devices(const struct targets *targets, const struct change *change, bool *changed)
{
	struct running *running = malloc(sizeof(*running));
	int result = EXIT_OK;

	if (!running)
		return complain(EXIT_SYSTEM, "cannot %s the GPUs: out of memory", change->attempt);
	for (uint32_t i = 0; i < targets->count && result == EXIT_OK; i++) {
		struct control control = {
			.description = page_description(targets->page),
			.slot = targets->slots[i],
			.running = running,
			.now = motion_now(),
		};
		struct control_error error = { "" };
		enum control_result outcome;

		targets_state(targets, control.slot, running);
		outcome = change->call(&control, change->data, &error);
		changed[i] = outcome == CONTROL_CHANGED;
		if (outcome == CONTROL_REFUSED)
			result = refused(change, &control, &error);
	}
	free(running);
	return result;
}

static int try_all(const struct targets *targets, const struct change *change,
		   struct changed *changed)
{
	int result = change->node ? try_node(targets, change, &changed->node) : EXIT_OK;

	return result == EXIT_OK && change->call ? try_devices(targets, change, changed->devices)
						 : result;
}

static int make_node(const struct targets *targets, const struct change *change,
		     struct state_writer *writer, bool *changed)
{
	struct running_node node = state_node(writer);
	struct control_error error = { "" };
	enum control_result outcome = change->node(&node, change->data, &error);
	enum state_result written = STATE_OK;

	*changed = outcome == CONTROL_CHANGED;
	if (outcome == CONTROL_REFUSED)
		return node_refused(change, &error);
	if (*changed)
		written = state_commit_node(writer, &node);
	if (written != STATE_OK)
		return failed(targets, change->attempt, written);
	state_wake(writer);
	return EXIT_OK;
}

/* The files of MIG instances, which end where everything is reset. */
static int update_capabilities(const struct targets *targets, const struct control *control)
{
	uint32_t minor = control->description->devices[control->slot].minor;
	char root[PATH_MAX];

	if (!capability_root(targets->file, root, sizeof(root)) ||
	    capability_update(root, minor, control->running) == 0)
		return EXIT_OK;
	return complain(EXIT_SYSTEM, "cannot update the MIG capabilities of GPU %u in %s%s: %s",
			control->slot, root, CAPABILITY_FOLDER, strerror(errno));
}

static int make_one(const struct targets *targets, const struct change *change,
		    struct state_writer *writer, uint32_t slot, bool *changed)
{
	struct control control = {
		.description = &writer->area->description,
		.slot = slot,
		.running = state_edit(writer, slot),
		.now = motion_now(),
	};
	struct control_error error = { "" };
	enum state_result written = STATE_OK;
	enum control_result outcome;

	if (!control.running)
		return failed(targets, change->attempt, writer->failure);
	outcome = change->call(&control, change->data, &error);
	*changed = outcome == CONTROL_CHANGED;
	if (outcome == CONTROL_REFUSED)
		return refused(change, &control, &error);
	if (!*changed)
		return EXIT_OK;
	written = state_commit(writer);
	state_wake(writer);
	if (written == STATE_OK && change->announce)
		written = change->announce(&control, writer, change->data);
	return written == STATE_OK ? update_capabilities(targets, &control)
				   : failed(targets, change->attempt, written);
}

/* Under the lock, where another writer may have been faster: then it is no change any more. */
static int make_all(const struct targets *targets, const struct change *change,
		    struct changed *changed)
{
	struct state_writer writer;
	enum state_result began = state_begin_file(&writer, targets->file);
	int result = EXIT_OK;

	if (began != STATE_OK)
		return failed(targets, change->attempt, began);
	if (change->node)
		result = make_node(targets, change, &writer, &changed->node);
	for (uint32_t i = 0; change->call && i < targets->count && result == EXIT_OK; i++)
		result =
			make_one(targets, change, &writer, targets->slots[i], &changed->devices[i]);
	state_end(&writer);
	return result;
}

static const char *in_words(const struct options *options, bool changed)
{
	if (!changed)
		return "unchanged";
	return options->dry_run ? "would change" : "changed";
}

static void print_words(const struct options *options, const struct targets *targets,
			const struct change *change, const struct changed *changed)
{
	const struct description *description = page_description(targets->page);

	if (change->node)
		printf("node: %s\n", in_words(options, changed->node));
	for (uint32_t i = 0; change->call && i < targets->count; i++)
		printf("GPU %u (%s): %s\n", targets->slots[i],
		       description->devices[targets->slots[i]].uuid,
		       in_words(options, changed->devices[i]));
}

static void print_json(const struct options *options, const struct targets *targets,
		       const struct change *change, const struct changed *changed)
{
	const struct description *description = page_description(targets->page);
	struct json json = json_begin(stdout);

	json_bool(&json, "changed", any_of(changed));
	json_bool(&json, "dry_run", options->dry_run);
	json_string(&json, "page", targets->file);
	json_bool(&json, "node_changed", changed->node);
	if (change->node && change->print_node)
		change->print_node(&json, change->data);
	json_open(&json, "devices", '[');
	for (uint32_t i = 0; change->call && i < targets->count; i++) {
		const struct device *device = &description->devices[targets->slots[i]];

		json_open(&json, NULL, '{');
		json_number(&json, "index", targets->slots[i]);
		json_string(&json, "uuid", device->uuid);
		json_string(&json, "pci_bus_id", device->pci_bus_id);
		json_bool(&json, "changed", changed->devices[i]);
		if (change->print)
			change->print(&json, targets->slots[i], change->data);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	json_end(&json);
}

int change_running(const struct options *options, const struct change *change)
{
	struct changed changed = { false, { false } };
	struct targets targets;
	int result = targets_open(options, &targets);

	if (result != EXIT_OK)
		return result;
	result = try_all(&targets, change, &changed);
	/* Nothing to write is no error where nothing can be written. */
	if (result == EXIT_OK && !options->dry_run && any_of(&changed))
		result = make_all(&targets, change, &changed);
	if (result == EXIT_OK && options->json)
		print_json(options, &targets, change, &changed);
	else if (result == EXIT_OK)
		print_words(options, &targets, change, &changed);
	targets_close(&targets);
	return result;
}
