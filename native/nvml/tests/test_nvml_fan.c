// SPDX-License-Identifier: GPL-3.0-or-later
// Fans, the temperature they aim at, and the operation mode: what data centre boards do not have.
#include "settings_fixture.h"

static unsigned int speed_of(nvmlDevice_t device, unsigned int fan)
{
	unsigned int speed = 0, target = 0;

	CHECK_NUMBER(nvmlDeviceGetFanSpeed_v2(device, fan, &speed), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceGetTargetFanSpeed(device, fan, &target), NVML_SUCCESS);
	CHECK_NUMBER(speed, target);
	return speed;
}

static nvmlFanControlPolicy_t policy_of(nvmlDevice_t device, unsigned int fan)
{
	nvmlFanControlPolicy_t policy = 99;

	CHECK_NUMBER(nvmlDeviceGetFanControlPolicy_v2(device, fan, &policy), NVML_SUCCESS);
	return policy;
}

static void a_fan_is_set_and_given_back(void)
{
	nvmlDevice_t device = workstation_gpu();

	CHECK_NUMBER(nvmlDeviceSetFanSpeed_v2(device, 1, 75), NVML_SUCCESS);
	CHECK_NUMBER(speed_of(device, 1), 75);
	CHECK_NUMBER(speed_of(device, 0), 40);
	CHECK_NUMBER(policy_of(device, 1), NVML_FAN_POLICY_MANUAL);
	CHECK_NUMBER(policy_of(device, 0), NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW);
	CHECK_NUMBER(nvmlDeviceSetDefaultFanSpeed_v2(device, 1), NVML_SUCCESS);
	CHECK_NUMBER(speed_of(device, 1), 40);
	CHECK_NUMBER(policy_of(device, 1), NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW);
}

static void a_policy_alone_leaves_the_speed(void)
{
	nvmlDevice_t device = workstation_gpu();

	CHECK_NUMBER(nvmlDeviceSetFanControlPolicy(device, 0, NVML_FAN_POLICY_MANUAL),
		     NVML_SUCCESS);
	CHECK_NUMBER(speed_of(device, 0), 40);
	CHECK_NUMBER(policy_of(device, 0), NVML_FAN_POLICY_MANUAL);
	CHECK_NUMBER(nvmlDeviceSetFanControlPolicy(device, 0, 2), NVML_ERROR_INVALID_ARGUMENT);
}

static void speeds_beyond_the_board_are_refused(void)
{
	nvmlDevice_t device = workstation_gpu();

	CHECK_NUMBER(nvmlDeviceSetFanSpeed_v2(device, 0, 29), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetFanSpeed_v2(device, 0, 101), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetFanSpeed_v2(device, 2, 50), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetFanSpeed_v2(device, 0, 50)), NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetDefaultFanSpeed_v2(device, 0)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(speed_of(device, 0), 40);
}

static void the_target_temperature_is_chosen_within_its_range(void)
{
	nvmlDevice_t device = workstation_gpu();
	const nvmlTemperatureThresholds_t target = NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR;
	unsigned int now = 0;
	int wanted = 70, low = 64, high = 92;

	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(device, target, &wanted), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(device, target, &low),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(device, target, &high),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(device, target, NULL),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(device, NVML_TEMPERATURE_THRESHOLD_COUNT,
						       &wanted),
		     NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(device, NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
						       &wanted),
		     NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(AS_NOBODY(nvmlDeviceSetTemperatureThreshold(device, target, &wanted)),
		     NVML_ERROR_NO_PERMISSION);
	CHECK_NUMBER(nvmlDeviceGetTemperatureThreshold(device, target, &now), NVML_SUCCESS);
	CHECK_NUMBER(now, 70);
}

static void an_operation_mode_waits(void)
{
	nvmlDevice_t device = workstation_gpu();
	nvmlGpuOperationMode_t current, pending;

	CHECK_NUMBER(nvmlDeviceSetGpuOperationMode(device, NVML_GOM_COMPUTE), NVML_SUCCESS);
	CHECK_NUMBER(nvmlDeviceSetGpuOperationMode(device, 3), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_NUMBER(nvmlDeviceGetGpuOperationMode(device, &current, &pending), NVML_SUCCESS);
	CHECK_NUMBER(current, NVML_GOM_ALL_ON);
	CHECK_NUMBER(pending, NVML_GOM_COMPUTE);
}

static void data_centre_boards_have_none_of_it(void)
{
	nvmlDevice_t device = first_gpu("a100");
	int wanted = 70;

	CHECK_NUMBER(nvmlDeviceSetFanSpeed_v2(device, 0, 50), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetDefaultFanSpeed_v2(device, 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetFanControlPolicy(device, 0, 1), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetGpuOperationMode(device, 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_NUMBER(nvmlDeviceSetTemperatureThreshold(
			     device, NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR, &wanted),
		     NVML_ERROR_NOT_SUPPORTED);
}

TESTSUITE(TEST(a_fan_is_set_and_given_back), TEST(a_policy_alone_leaves_the_speed),
	  TEST(speeds_beyond_the_board_are_refused),
	  TEST(the_target_temperature_is_chosen_within_its_range), TEST(an_operation_mode_waits),
	  TEST(data_centre_boards_have_none_of_it))
