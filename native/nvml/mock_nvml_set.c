/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mock-nvml set and reset. */
#include "mock_nvml_change.h"

static enum control_result set_device(const struct control *control, void *data,
				      struct control_error *error)
{
	const struct options *options = data;

	return control_set(control, options->words, options->word_count, error);
}

int set(const struct options *options)
{
	const struct change change = {
		.attempt = "set values of",
		.call = set_device,
		.data = (void *)options,
	};

	if (!options->word_count)
		return complain(EXIT_USAGE, "mock-nvml set: expected KEY=VALUE, such as "
					    "thermal.temperature_gpu_c=85 (mock-nvml status lists "
					    "the keys)");
	return change_running(options, &change);
}

static enum control_result reset_device(const struct control *control, void *data,
					struct control_error *error)
{
	(void)data;
	return control_reset(control, error);
}

/* Nobody is told of what was to come. */
static enum state_result withdraw_all(const struct control *control, struct state_writer *writer,
				      void *data)
{
	(void)data;
	return state_withdraw(writer, control->slot, STATE_ANY_FAULT, control->now);
}

int reset(const struct options *options)
{
	const struct change change = {
		.attempt = "reset",
		.call = reset_device,
		.announce = withdraw_all,
	};

	if (options->word_count)
		return complain(EXIT_USAGE, "mock-nvml reset: expected no word, found \"%s\"",
				options->words[0]);
	return change_running(options, &change);
}
