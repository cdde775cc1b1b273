/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state_module.h"

#include <stdlib.h>

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

bool module_differs(const struct readings *before, const struct readings *after)
{
	struct module old = module_of(before), new = module_of(after);

	return memcmp(&old, &new, sizeof(old)) != 0;
}

static enum state_result put(struct state_writer *writer, uint32_t slot,
			     const struct module *module)
{
	struct running *running = state_edit(writer, slot);
	struct module now;

	if (!running)
		return writer->failure;
	now = module_of(&running->readings);
	if (memcmp(&now, module, sizeof(now)) == 0)
		return STATE_OK;
	running->readings.module_power_mw = module->power_mw;
	running->readings.module_power_average_mw = module->power_average_mw;
	running->readings.module_power_limit_mw = module->power_limit_mw;
	running->readings.module_enforced_limit_mw = module->enforced_limit_mw;
	return state_commit(writer);
}

enum state_result module_share(struct state_writer *writer)
{
	const struct description *description = &writer->area->description;
	struct running *own = writer->edited;
	struct module module = module_of(&own->readings);
	enum state_result result = STATE_OK;
	uint32_t slot = writer->slot;

	/* The caller goes on with its own copy. */
	writer->edited = NULL;
	for (uint32_t i = 0; i < description->device_count && result == STATE_OK; i++)
		if (i != slot && description_same_module(description, slot, i))
			result = put(writer, i, &module);
	free(writer->edited);
	writer->edited = own;
	writer->slot = slot;
	return result;
}
