// SPDX-License-Identifier: GPL-3.0-or-later
#include "export_reset.h"
#include "page_file.h"
#include "power.h"
#include "settings_fixture.h"

static unsigned int limit_of(nvmlDevice_t device)
{
	unsigned int limit = 0;

	CHECK_NUMBER(nvmlDeviceGetPowerManagementLimit(device, &limit), NVML_SUCCESS);
	return limit;
}

static unsigned int enforced_limit_of(nvmlDevice_t device)
{
	unsigned int limit = 0;

	CHECK_NUMBER(nvmlDeviceGetEnforcedPowerLimit(device, &limit), NVML_SUCCESS);
	return limit;
}

static unsigned int field_of(nvmlDevice_t device, unsigned int id, unsigned int scope)
{
	nvmlFieldValue_t field = { .fieldId = id, .scopeId = scope };

	CHECK_NUMBER(nvmlDeviceGetFieldValues(device, 1, &field), NVML_SUCCESS);
	CHECK_NUMBER(field.nvmlReturn, NVML_SUCCESS);
	return field.value.uiVal;
}

static nvmlReturn_t set_scope(nvmlDevice_t device, unsigned int scope, unsigned int limit)
{
	nvmlPowerValue_v2_t value = {
		.version = nvmlPowerValue_v2,
		.powerScope = (nvmlPowerScopeType_t)scope,
		.powerValueMw = limit,
	};

	return nvmlDeviceSetPowerManagementLimit_v2(device, &value);
}

static void the_enforced_limit_follows_the_requested_one(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 250000), NVML_SUCCESS);
	CHECK_NUMBER(limit_of(device), 250000);
	CHECK_NUMBER(enforced_limit_of(device), 250000);
	CHECK_NUMBER(field_of(device, NVML_FI_DEV_POWER_REQUESTED_LIMIT, 0), 250000);
	CHECK_NUMBER(field_of(device, NVML_FI_DEV_POWER_CURRENT_LIMIT, 0), 250000);
	CHECK_NUMBER(field_of(device, NVML_FI_DEV_POWER_DEFAULT_LIMIT, 0), 400000);
}

static void both_ends_of_the_range_are_in_it(void)
{
	nvmlDevice_t device = first_gpu("a100");

	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 99999), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 400001),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(limit_of(device), 400000);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 100000), NVML_SUCCESS);
	CHECK_NUMBER(limit_of(device), 100000);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 400000), NVML_SUCCESS);
	CHECK_NUMBER(limit_of(device), 400000);
}

static void a_module_has_a_limit_of_its_own(void)
{
	nvmlDevice_t device = first_gpu("gb200"), second, third;
	const unsigned int module = NVML_POWER_SCOPE_MODULE;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &second), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(2, &third), NVML_SUCCESS);

	CHECK_NUMBER(set_scope(device, module, 2000000), NVML_SUCCESS);
	CHECK_NUMBER(field_of(device, NVML_FI_DEV_POWER_REQUESTED_LIMIT, module), 2000000);
	CHECK_NUMBER(field_of(device, NVML_FI_DEV_POWER_CURRENT_LIMIT, module), 2000000);
	// The other GPU on the module has the same one, that of the next module does not.
	CHECK_NUMBER(field_of(second, NVML_FI_DEV_POWER_REQUESTED_LIMIT, module), 2000000);
	CHECK_NUMBER(field_of(third, NVML_FI_DEV_POWER_REQUESTED_LIMIT, module), 2500000);
	CHECK_NUMBER(limit_of(device), 1200000);
	CHECK_NUMBER(set_scope(device, module, 499999), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(set_scope(device, NVML_POWER_SCOPE_GPU, 900000), NVML_SUCCESS);
	CHECK_NUMBER(limit_of(device), 900000);
	CHECK_NUMBER(set_scope(device, NVML_POWER_SCOPE_MEMORY, 900000), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(set_scope(device, 99, 900000), NVML_ERROR_INVALID_ARGUMENT);
}

static void what_is_wrong_is_seen_in_nvmls_order(void)
{
	nvmlDevice_t device = first_gpu("a100");
	nvmlPowerValue_v2_t value = { .version = nvmlPowerValue_v2 + 1 };

	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(NULL, 250000), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit_v2(device, NULL),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit_v2(device, &value),
		     NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_NUMBER(set_scope(device, NVML_POWER_SCOPE_MODULE, 250000), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetPowerManagementLimit(device, 250000)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetPowerManagementLimit(device, 1)),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(limit_of(device), 400000);
	CHECK_NUMBER(nvmlShutdown(), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(device, 250000), NVML_ERROR_UNINITIALIZED);
}

// A reset, like anything else, tells both of its GPUs.
static void a_module_has_one_limit_after_a_reset_too(void)
{
	nvmlDevice_t device = first_gpu("gb200"), second;
	const unsigned int module = NVML_POWER_SCOPE_MODULE;
	nvmlReturn_t result = 99;
	struct gpu gpu;

	CHECK_NUMBER(nvmlDeviceGetHandleByIndex_v2(1, &second), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetPowerManagementLimit(second, 1000000), NVML_SUCCESS);
	CHECK_NUMBER(set_scope(device, module, 2000000), NVML_SUCCESS);
	CHECK_NUMBER(slot_reset(1, &device, &result), NVML_SUCCESS);
	CHECK(handle_gpu(0, &gpu));
	CHECK_NUMBER(gpu.running->settings.resets, 1);
	CHECK_NUMBER(field_of(device, NVML_FI_DEV_POWER_CURRENT_LIMIT, module), 2500000);
	CHECK_NUMBER(field_of(second, NVML_FI_DEV_POWER_CURRENT_LIMIT, module), 2500000);
	// What is the other one's own stays.
	CHECK_NUMBER(limit_of(second), 1000000);
	CHECK(handle_gpu(1, &gpu));
	CHECK_NUMBER(gpu.running->settings.resets, 0);
}

// A draw that moves and comes to the value at rest is averaged as what it is, while it does and later.
static void a_draw_that_moves_to_the_value_at_rest_is_no_rest(void)
{
	struct state_writer writer;
	struct readings *rest;
	struct gpu gpu;

	first_gpu("gb200");
	CHECK(handle_gpu(0, &gpu));
	rest = (struct readings *)&gpu.device->readings;
	CHECK_NUMBER(gpu_average_power(&gpu), rest->power_average_mw);
	rest->power_average_mw = 1000;
	first_state(&writer)->readings.power_average_mw = 1000;
	writer.edited->readings.motion =
		(struct readings_motion){ .power = 1, .power_base_mw = rest->power_mw };
	put_in_force(&writer);
	pause_ms(100);
	CHECK(handle_gpu(0, &gpu));
	CHECK(gpu.running->moves && gpu.readings->power_mw == rest->power_mw);
	CHECK(gpu_average_power(&gpu) > 1000);
	first_state(&writer)->readings.motion = (struct readings_motion){ 0 };
	put_in_force(&writer);
	CHECK(handle_gpu(0, &gpu));
	CHECK(!gpu.running->moves);
	CHECK(gpu_average_power(&gpu) > 1000);
	CHECK(gpu_average_power(&gpu) < rest->power_mw);
}

TESTSUITE(TEST(a_draw_that_moves_to_the_value_at_rest_is_no_rest),
	  TEST(a_module_has_one_limit_after_a_reset_too),
	  TEST(the_enforced_limit_follows_the_requested_one),
	  TEST(both_ends_of_the_range_are_in_it), TEST(a_module_has_a_limit_of_its_own),
	  TEST(what_is_wrong_is_seen_in_nvmls_order))
