/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "motion.h"

int control_refuse(struct control_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return CONTROL_REFUSED;
}

/* Into memory of its own: a copy on the stack would be larger than some stacks have left. */
enum control_result control_reset(const struct control *control, struct control_error *error)
{
	struct running *fresh = malloc(sizeof(*fresh));
	enum control_result result;

	if (!fresh)
		return control_refuse(error, "there is not enough memory");
	running_init(fresh, control->description, control->slot);
	motion_keep(control->running, fresh);
	result = memcmp(fresh, control->running, sizeof(*fresh)) == 0 ? CONTROL_SAME
								      : CONTROL_CHANGED;
	memcpy(control->running, fresh, sizeof(*fresh));
	free(fresh);
	return result;
}
