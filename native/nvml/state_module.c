/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_module.h"

#include <stdlib.h>
#include <string.h>

#include "state_account.h"
#include "state_settle.h"

struct module {
	uint32_t power_mw, power_average_mw, power_limit_mw, enforced_limit_mw;
};

static struct module module_of(const struct readings *readings)
{
	return (struct module){
		readings->module_power_mw,
		readings->module_power_average_mw,
		readings->module_power_limit_mw,
		readings->module_enforced_limit_mw,
	};
}

static bool is_same(const struct readings *a, const struct readings *b)
{
	struct module first = module_of(a), second = module_of(b);

	return memcmp(&first, &second, sizeof(first)) == 0;
}

static bool is_sibling(const struct state_writer *writer, uint32_t own, uint32_t slot)
{
	return slot != own && description_same_module(&writer->area->description, own, slot);
}

/* It moves on as by any change, and tells no other one. */
static enum state_result put(struct state_writer *writer, uint32_t slot,
			     const struct module *module)
{
	const struct running *before = page_running(writer->page, slot);
	struct running *running = state_edit(writer, slot);
	enum state_result result;

	if (!running)
		return writer->failure;
	running->readings.module_power_mw = module->power_mw;
	running->readings.module_power_average_mw = module->power_average_mw;
	running->readings.module_power_limit_mw = module->power_limit_mw;
	running->readings.module_enforced_limit_mw = module->enforced_limit_mw;
	result = state_settle(writer, before);
	if (result != STATE_OK)
		return result;
	account_follow(before, running);
	return state_put_in_force(writer);
}

enum state_result module_share(struct state_writer *writer, const struct running *before)
{
	const struct description *description = &writer->area->description;
	struct running *own = writer->edited;
	const struct module module = module_of(&own->readings);
	bool changes = !is_same(&before->readings, &own->readings);
	enum state_result result = STATE_OK;
	uint32_t slot = writer->slot;

	for (uint32_t i = 0; changes && i < description->device_count; i++)
		if (is_sibling(writer, slot, i) && !state_is_sound(writer, i))
			return STATE_DAMAGED;
	/* The caller goes on with its own copy. */
	writer->edited = NULL;
	for (uint32_t i = 0; i < description->device_count && result == STATE_OK; i++)
		if (is_sibling(writer, slot, i) && state_is_sound(writer, i) &&
		    !is_same(&page_running(writer->page, i)->readings, &own->readings))
			result = put(writer, i, &module);
	free(writer->edited);
	writer->edited = own;
	writer->slot = slot;
	return result;
}
