/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What follows from values that were set by hand, where nobody has said otherwise. */
#include <string.h>

#include "control.h"
#include "motion.h"

/* key itself, or one below it */
static bool names(const struct control_words *words, const char *key)
{
	size_t length = strlen(key);

	for (unsigned int i = 0; i < words->count; i++)
		if (strncmp(words->list[i], key, length) == 0 &&
		    (words->list[i][length] == '=' || words->list[i][length] == '.'))
			return true;
	return false;
}

/* The driver enforces what was asked for. */
static void follow_limit(uint32_t asked_before, uint32_t asked, uint32_t *enforced)
{
	if (asked != asked_before)
		*enforced = asked;
}

/* T.Limit counts down to the limit while the temperature goes up. */
static void follow_heat(const struct readings *before, struct readings *after)
{
	if (after->tlimit_c != NA_I32 && after->temperature_c != NA_I32 &&
	    before->temperature_c != NA_I32)
		after->tlimit_c = (int32_t)((int64_t)after->tlimit_c - after->temperature_c +
					    before->temperature_c);
}

/* A GPU that works is not idle; one that has ended to is as its description has it. */
static void follow_load(const struct readings *rest, const struct readings *before,
			struct readings *after)
{
	if (after->event_reasons == NA_U64 || readings_is_busy(before) == readings_is_busy(after))
		return;
	if (readings_is_busy(after))
		after->event_reasons &= ~(uint64_t)REASON_IDLE;
	else if (rest->event_reasons != NA_U64)
		after->event_reasons |= rest->event_reasons & REASON_IDLE;
}

void control_follow(const struct control_words *words, const struct readings *rest,
		    const struct readings *before, struct readings *after)
{
	if (!names(words, "power.enforced_limit_mw"))
		follow_limit(before->power_limit_mw, after->power_limit_mw,
			     &after->enforced_limit_mw);
	if (!names(words, "power.module.enforced_limit_mw"))
		follow_limit(before->module_power_limit_mw, after->module_power_limit_mw,
			     &after->module_enforced_limit_mw);
	if (!names(words, "thermal.tlimit"))
		follow_heat(before, after);
	if (!names(words, "clocks_throttle_reasons"))
		follow_load(rest, before, after);
}
