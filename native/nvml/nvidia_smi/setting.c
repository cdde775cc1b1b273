/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWITCH_SETTING(function) CHOICE_SETTING(function, "DISABLED", "ENABLED")
#define CHOICE_SETTING(function, ...) \
	.kind = SETTING_CHOICE, .choices = { __VA_ARGS__ }, .apply = (function)

const struct setting settings[] = {
	{ { "-pm", "--persistence-mode" }, SWITCH_SETTING(set_persistence) },
	{ { "-e", "--ecc-config" }, SWITCH_SETTING(set_ecc) },
	{ { "-p", "--reset-ecc-errors" }, CHOICE_SETTING(clear_ecc, "VOLATILE", "AGGREGATE") },
	{ { "-c", "--compute-mode" },
	  CHOICE_SETTING(set_compute_mode, "DEFAULT", "EXCLUSIVE_THREAD", "PROHIBITED",
			 "EXCLUSIVE_PROCESS") },
	{ { "-r", "--gpu-reset" }, .apply = reset_gpu, .resets = true },
	{ { "-lgc", "--lock-gpu-clocks" }, .kind = SETTING_CLOCKS, .apply = lock_gpu_clocks },
	{ { "-rgc", "--reset-gpu-clocks" }, .apply = unlock_gpu_clocks },
	{ { "-lmc", "--lock-memory-clocks" }, .kind = SETTING_CLOCKS, .apply = lock_memory_clocks },
	{ { "-rmc", "--reset-memory-clocks" }, .apply = unlock_memory_clocks },
	{ { "-ac", "--applications-clocks" },
	  .kind = SETTING_CLOCKS,
	  .apply = set_applications_clocks },
	{ { "-rac", "--reset-applications-clocks" }, .apply = reset_applications_clocks },
	{ { "-pl", "--power-limit" }, .kind = SETTING_WATTS, .apply = set_power_limit },
	{ { "-am", "--accounting-mode" }, SWITCH_SETTING(set_accounting) },
	{ { "-caa", "--clear-accounted-apps" }, .apply = clear_accounting },
	{ { "-mig", "--multi-instance-gpu" }, SWITCH_SETTING(set_mig) },
};

const size_t setting_count = sizeof(settings) / sizeof(settings[0]);

bool setting_number(const char *text, long *number)
{
	char *end;

	*number = strtol(text, &end, 10);
	return end != text && *end == '\0';
}

bool setting_read(const struct setting *setting, struct setting_value *value)
{
	char *end;

	if (setting->kind == SETTING_WATTS) {
		value->watts = strtod(value->text, &end);
		return end != value->text;
	}
	if (setting->kind != SETTING_CHOICE)
		return true;
	for (long i = 0; setting->choices[i]; i++) {
		if (strcmp(value->text, setting->choices[i]) != 0)
			continue;
		if (setting->apply == set_compute_mode && i == NVML_COMPUTEMODE_EXCLUSIVE_THREAD)
			printf("Warning: EXCLUSIVE_THREAD mode is deprecated and will be removed in future releases.\n");
		value->number = i;
		return true;
	}
	return setting_number(value->text, &value->number);
}

struct outcome outcome_of(nvmlReturn_t result)
{
	return (struct outcome){
		.kind = result == NVML_SUCCESS		     ? OUTCOME_DONE
			: result == NVML_ERROR_NOT_SUPPORTED ? OUTCOME_WARNING
							     : OUTCOME_ERROR,
		.result = result,
	};
}

/* Without persistence mode the driver is unloaded with its last client. */
static void warn_of_unloading(nvmlDevice_t device, const char *bus_id)
{
	nvmlEnableState_t persistence;

	if (nvml.DeviceGetPersistenceMode(device, &persistence) != NVML_SUCCESS ||
	    persistence == NVML_FEATURE_ENABLED)
		return;
	printf("\nWarning: persistence mode is disabled on device %s. See the Known Issues section of the nvidia-smi(1) man page for more information. Run with [--help | -h] switch to get more information on how to enable persistence mode.\n",
	       bus_id);
}

int setting_run(const struct selection *selection, const struct setting *setting,
		const struct setting_value *value, bool error_on_warning)
{
	bool reboot = false;

	for (unsigned int i = 0; i < selection->count; i++) {
		nvmlPciInfo_t pci = { .busId = "N/A" };
		struct outcome outcome;

		nvml.DeviceGetPciInfo_v3(selection->devices[i], &pci);
		outcome = setting->apply(selection->devices[i], pci.busId, value);
		reboot = reboot || outcome.reboot;
		if (outcome.with_driver)
			warn_of_unloading(selection->devices[i], pci.busId);
		if (outcome.kind == OUTCOME_DONE)
			continue;
		if (setting->resets)
			return exit_status(outcome.result);
		if (outcome.kind == OUTCOME_ERROR || error_on_warning) {
			printf("Terminating early due to previous errors.\n");
			return exit_status(outcome.kind == OUTCOME_ERROR
						   ? outcome.result
						   : NVML_ERROR_NOT_SUPPORTED);
		}
		printf("Treating as warning and moving on.\n");
	}
	printf("All done.\n");
	if (reboot)
		printf("Reboot required.\n");
	return EXIT_SUCCESS;
}
