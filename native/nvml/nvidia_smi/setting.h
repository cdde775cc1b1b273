/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What nvidia-smi changes on GPUs: one option each. */
#ifndef SMI_SETTING_H
#define SMI_SETTING_H

#include <stddef.h>

#include "smi.h"

struct setting_value {
	const char *text; /* as the user wrote it, or NULL */
	long number; /* of a choice, or of --scope and --mode: -1 where there is none */
	double watts;
	long scope, mode;
};

/* How it went for one GPU. Apart from ERROR, the next one has its turn. */
struct outcome {
	enum { OUTCOME_DONE, OUTCOME_WARNING, OUTCOME_ERROR } kind;
	nvmlReturn_t result;
	bool reboot; /* it counts after the next reboot */
	bool with_driver; /* it is gone when the driver is unloaded */
};

enum setting_kind { SETTING_PLAIN, SETTING_CHOICE, SETTING_WATTS, SETTING_CLOCKS };

struct setting {
	const char *names[2];
	enum setting_kind kind;
	const char *choices[5]; /* of 0 and up; ends with NULL */
	/* Prints what was done to the GPU at @bus_id, or why it was not. */
	struct outcome (*apply)(nvmlDevice_t device, const char *bus_id,
				const struct setting_value *value);
	bool resets; /* prints nothing about the end */
};

extern const struct setting settings[];
extern const size_t setting_count;

/* Reads @value->text as @setting wants it; false when it cannot be read. */
bool setting_read(const struct setting *setting, struct setting_value *value);

/* A number as the command line has it: nothing may follow. */
bool setting_number(const char *text, long *number);

int setting_run(const struct selection *selection, const struct setting *setting,
		const struct setting_value *value, bool error_on_warning);

/* DONE, WARNING where the board has no such thing, or ERROR. */
struct outcome outcome_of(nvmlReturn_t result);

typedef struct outcome setting_apply(nvmlDevice_t device, const char *bus_id,
				     const struct setting_value *value);

setting_apply set_persistence, set_compute_mode, set_ecc, clear_ecc, set_mig, set_accounting,
	clear_accounting, set_power_limit, reset_gpu;
setting_apply lock_gpu_clocks, unlock_gpu_clocks, lock_memory_clocks, unlock_memory_clocks,
	set_applications_clocks, reset_applications_clocks;

#endif
