// SPDX-License-Identifier: GPL-3.0-or-later
// Which changes of a state end a course.
#include "motion.h"

// What no course, no count and no value that is kept of the past depends on.
static void take_what_moves_nothing(struct running_settings *settings, struct readings *readings,
				    const struct running *after)
{
	settings->persistence_mode = after->settings.persistence_mode;
	settings->compute_mode = after->settings.compute_mode;
	settings->accounting_mode = after->settings.accounting_mode;
	settings->restricted_app_clocks = after->settings.restricted_app_clocks;
	settings->restricted_auto_boost = after->settings.restricted_auto_boost;
	settings->draining = after->settings.draining;
	settings->gpm_streaming = after->settings.gpm_streaming;
	readings->memory_used = after->readings.memory_used;
	readings->bar1_used = after->readings.bar1_used;
	readings->cc_protected_used = after->readings.cc_protected_used;
	readings->ecc = after->readings.ecc;
	readings->rows = after->readings.rows;
	readings->retired = after->readings.retired;
}

bool motion_differs(const struct running *before, const struct running *after)
{
	struct running_settings settings;
	struct readings readings;

	memcpy(&settings, &before->settings, sizeof(settings));
	memcpy(&readings, &before->readings, sizeof(readings));
	take_what_moves_nothing(&settings, &readings, after);
	return memcmp(&before->motion, &after->motion, sizeof(before->motion)) != 0 ||
	       memcmp(&settings, &after->settings, sizeof(settings)) != 0 ||
	       memcmp(&readings, &after->readings, sizeof(readings)) != 0;
}
