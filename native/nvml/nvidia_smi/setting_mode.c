/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings of modes and limits. The messages are the vendor's. */
#include "setting.h"

#include <stdio.h>

static const struct outcome done = { .kind = OUTCOME_DONE };
static const struct outcome refused = { .kind = OUTCOME_ERROR,
					.result = NVML_ERROR_INVALID_ARGUMENT };

static const char *enabled_word(long number)
{
	return number ? "Enabled" : "Disabled";
}

static bool is_switch(long number)
{
	return number == 0 || number == 1;
}

/* "Unable to do WHAT for GPU X: why" */
static struct outcome failure(const char *what, const char *bus_id, nvmlReturn_t result)
{
	printf("Unable to %s for GPU %s: %s\n", what, bus_id, nvml.ErrorString(result));
	return outcome_of(result);
}

struct outcome set_persistence(nvmlDevice_t device, const char *bus_id,
			       const struct setting_value *value)
{
	nvmlEnableState_t now = NVML_FEATURE_DISABLED;
	nvmlReturn_t result;

	if (!is_switch(value->number)) {
		printf("Invalid persistence mode: %ld\n", value->number);
		return refused;
	}
	result = nvml.DeviceGetPersistenceMode(device, &now);
	if (result == NVML_ERROR_NOT_SUPPORTED) {
		printf("Setting persistence mode is not supported for GPU %s on this platform.\n",
		       bus_id);
		return outcome_of(result);
	}
	if (result != NVML_SUCCESS)
		return failure("determine current persistence mode", bus_id, result);
	if (now == (nvmlEnableState_t)value->number) {
		printf("Persistence mode is already %s for GPU %s.\n", enabled_word(value->number),
		       bus_id);
		return done;
	}
	result = nvml.DeviceSetPersistenceMode(device, (nvmlEnableState_t)value->number);
	if (result != NVML_SUCCESS)
		return failure("set persistence mode", bus_id, result);
	printf("%s persistence mode for GPU %s.\n", enabled_word(value->number), bus_id);
	return done;
}

struct outcome set_compute_mode(nvmlDevice_t device, const char *bus_id,
				const struct setting_value *value)
{
	static const char *const names[] = { "DEFAULT", "EXCLUSIVE_THREAD", "PROHIBITED",
					     "EXCLUSIVE_PROCESS" };
	nvmlComputeMode_t now = NVML_COMPUTEMODE_DEFAULT;
	nvmlReturn_t result;

	if (value->number < 0 || value->number > NVML_COMPUTEMODE_EXCLUSIVE_PROCESS) {
		printf("Invalid compute mode: %ld\n", value->number);
		return refused;
	}
	if (value->number == NVML_COMPUTEMODE_EXCLUSIVE_THREAD) {
		printf("Exclusive_Thread was deprecated! Use value 3:Exclusive_Process instead.\n");
		return outcome_of(NVML_ERROR_NOT_SUPPORTED);
	}
	result = nvml.DeviceGetComputeMode(device, &now);
	if (result == NVML_ERROR_NOT_SUPPORTED) {
		printf("Compute mode is not supported for GPU %s.\n", bus_id);
		return outcome_of(result);
	}
	if (result != NVML_SUCCESS)
		return failure("determine current compute mode", bus_id, result);
	if (now == (nvmlComputeMode_t)value->number) {
		printf("Compute mode is already set to %s for GPU %s.\n", names[value->number],
		       bus_id);
		return done;
	}
	result = nvml.DeviceSetComputeMode(device, (nvmlComputeMode_t)value->number);
	if (result != NVML_SUCCESS)
		return failure("set the compute mode", bus_id, result);
	printf("Set compute mode to %s for GPU %s.\n", names[value->number], bus_id);
	return done;
}

struct outcome set_ecc(nvmlDevice_t device, const char *bus_id, const struct setting_value *value)
{
	nvmlEnableState_t now, pending = NVML_FEATURE_DISABLED;
	struct outcome outcome = { .kind = OUTCOME_DONE, .reboot = true };
	nvmlReturn_t result;

	if (!is_switch(value->number)) {
		printf("Invalid ECC configuration code: %ld\n", value->number);
		return refused;
	}
	result = nvml.DeviceGetEccMode(device, &now, &pending);
	if (result == NVML_ERROR_NOT_SUPPORTED) {
		printf("ECC features not supported for GPU %s.\n", bus_id);
		return outcome_of(result);
	}
	if (result != NVML_SUCCESS)
		return failure("determine current ECC mode", bus_id, result);
	if (pending == (nvmlEnableState_t)value->number) {
		printf("ECC support is already %s for GPU %s.\n", enabled_word(value->number),
		       bus_id);
		return done;
	}
	result = nvml.DeviceSetEccMode(device, (nvmlEnableState_t)value->number);
	if (result != NVML_SUCCESS)
		return failure("set ECC config", bus_id, result);
	printf("%s ECC support for GPU %s.\n", enabled_word(value->number), bus_id);
	return outcome;
}

struct outcome clear_ecc(nvmlDevice_t device, const char *bus_id, const struct setting_value *value)
{
	nvmlReturn_t result;

	if (!is_switch(value->number)) {
		printf("Invalid ECC type: %ld\n", value->number);
		return refused;
	}
	result = nvml.DeviceClearEccErrorCounts(device, (nvmlEccCounterType_t)value->number);
	if (result == NVML_ERROR_NOT_SUPPORTED) {
		printf("ECC features not supported for GPU %s.\n", bus_id);
		return outcome_of(result);
	}
	if (result != NVML_SUCCESS)
		return failure("clear ECC errors", bus_id, result);
	printf("Reset %s ECC errors to zero for GPU %s.\n",
	       value->number == NVML_VOLATILE_ECC ? "volatile" : "aggregate", bus_id);
	return done;
}

/* The mode is set at once, or waits; NVML says for what. */
struct outcome set_mig(nvmlDevice_t device, const char *bus_id, const struct setting_value *value)
{
	nvmlReturn_t activation = NVML_SUCCESS;
	nvmlReturn_t result;

	if (!is_switch(value->number)) {
		printf("Invalid MIG Mode: %ld\n", value->number);
		return refused;
	}
	result = nvml.DeviceSetMigMode(device, (unsigned int)value->number, &activation);
	if (result != NVML_SUCCESS)
		return failure(value->number ? "enable MIG Mode" : "disable MIG Mode", bus_id,
			       result);
	if (activation == NVML_SUCCESS) {
		printf("%s MIG Mode for GPU %s\n", enabled_word(value->number), bus_id);
		return (struct outcome){ .with_driver = true };
	}
	printf("Warning: MIG mode is in pending %s state for GPU %s:%s\n",
	       value->number ? "enable" : "disable", bus_id, nvml.ErrorString(activation));
	if (activation == NVML_ERROR_IN_USE)
		printf("%s is currently being used by one or more other processes (e.g. CUDA application or a monitoring application such as another instance of nvidia-smi). Please first kill all processes using the device and retry the command or reboot the system to make MIG mode effective.\n",
		       bus_id);
	else
		printf("Reboot the system or try nvidia-smi --gpu-reset to make MIG mode effective on GPU %s\n",
		       bus_id);
	return done;
}

struct outcome set_accounting(nvmlDevice_t device, const char *bus_id,
			      const struct setting_value *value)
{
	nvmlEnableState_t now = NVML_FEATURE_DISABLED;
	nvmlReturn_t result;

	if (!is_switch(value->number)) {
		printf("Invalid accounting mode: %ld\n", value->number);
		return refused;
	}
	result = nvml.DeviceGetAccountingMode(device, &now);
	if (result == NVML_ERROR_NOT_SUPPORTED) {
		printf("Accounting features not supported for GPU %s.\n", bus_id);
		return outcome_of(result);
	}
	if (result != NVML_SUCCESS)
		return failure("determine Accounting mode", bus_id, result);
	if (now == (nvmlEnableState_t)value->number) {
		printf("Accounting Mode is already %s for GPU %s.\n", enabled_word(value->number),
		       bus_id);
		return done;
	}
	/* The vendor says so, and tries all the same. */
	if (mig_enabled(device))
		printf("Setting accounting mode to %s is not supported on a MIG-enabled device.\n",
		       enabled_word(value->number));
	result = nvml.DeviceSetAccountingMode(device, (nvmlEnableState_t)value->number);
	if (result != NVML_SUCCESS)
		return failure("set Accounting Mode", bus_id, result);
	printf("%s Accounting Mode for GPU %s.\n", enabled_word(value->number), bus_id);
	return (struct outcome){ .with_driver = value->number == NVML_FEATURE_ENABLED };
}

struct outcome clear_accounting(nvmlDevice_t device, const char *bus_id,
				const struct setting_value *value)
{
	nvmlReturn_t result = nvml.DeviceClearAccountingPids(device);

	(void)value;
	if (result != NVML_SUCCESS)
		return failure("clear Accounted PIDs", bus_id, result);
	printf("Cleared Accounted PIDs for GPU %s.\n", bus_id);
	return done;
}

/* False where the board has no such limit in that scope. */
static bool field_watts(nvmlDevice_t device, unsigned int id, long scope, float *watts)
{
	nvmlFieldValue_t value = { .fieldId = id, .scopeId = (unsigned int)scope };

	if (nvml.DeviceGetFieldValues(device, 1, &value) != NVML_SUCCESS ||
	    value.nvmlReturn != NVML_SUCCESS)
		return false;
	*watts = (float)value.value.uiVal / 1000.0f;
	return true;
}

struct outcome set_power_limit(nvmlDevice_t device, const char *bus_id,
			       const struct setting_value *value)
{
	long scope = value->scope < 0 ? NVML_POWER_SCOPE_GPU : value->scope;
	nvmlPowerValue_v2_t wanted = {
		.version = nvmlPowerValue_v2,
		.powerScope = (nvmlPowerScopeType_t)scope,
		.powerValueMw = (unsigned int)(value->watts * 1000),
	};
	float lowest, highest, before;
	struct outcome outcome;
	nvmlReturn_t result;

	if (scope > NVML_POWER_SCOPE_MODULE) {
		printf("Failed to set power management limit. Invalid device type.\n");
		return refused;
	}
	if (!field_watts(device, NVML_FI_DEV_POWER_REQUESTED_LIMIT, scope, &before) ||
	    !field_watts(device, NVML_FI_DEV_POWER_MIN_LIMIT, scope, &lowest) ||
	    !field_watts(device, NVML_FI_DEV_POWER_MAX_LIMIT, scope, &highest)) {
		printf("Changing power management limit is not supported in current scope for GPU: %s.\n",
		       bus_id);
		return done;
	}
	if ((float)value->watts < lowest || (float)value->watts > highest) {
		printf("Provided power limit %.2f W is not a valid power limit which should be between %.2f W and %.2f W for GPU %s\n",
		       value->watts, (double)lowest, (double)highest, bus_id);
		return refused;
	}
	result = nvml.DeviceSetPowerManagementLimit_v2(device, &wanted);
	if (result == NVML_ERROR_NOT_SUPPORTED)
		printf("Changing power management limit is not supported for GPU: %s.\n", bus_id);
	else if (result != NVML_SUCCESS)
		printf("Failed to set power management limit for GPU %s: %s\n", bus_id,
		       nvml.ErrorString(result));
	else
		printf("Power limit for GPU %s was set to %.2f W from %.2f W.\n", bus_id,
		       value->watts, (double)before);
	outcome = outcome_of(result);
	outcome.with_driver = result == NVML_SUCCESS;
	return outcome;
}

/* NVML has no public function for it; the vendor says so when it cannot either. */
struct outcome reset_gpu(nvmlDevice_t device, const char *bus_id, const struct setting_value *value)
{
	(void)device;
	(void)value;
	printf("GPU Reset couldn't run because it could not be determined if GPU %s is the primary GPU.\n",
	       bus_id);
	return outcome_of(NVML_ERROR_NOT_SUPPORTED);
}
