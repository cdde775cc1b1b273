/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fault_kind.h"

#include <nvml.h>
#include <string.h>

#define TAKES_ERRORS (FAULT_TAKES_COUNT | FAULT_TAKES_LOCATION)

/* Xids as NVIDIA's "XID Errors" document has them. */
const struct fault_kind fault_kinds[FAULT_NAMES] = {
	[FAULT_NAME_LOST] = { "lost", FAULT_ERROR, 0, 0, 0, false,
			      "each call on the GPU, and each look-up of its handle, answers "
			      "NVML_ERROR_GPU_IS_LOST" },
	[FAULT_NAME_FALLEN_OFF_BUS] = { "fallen-off-bus", FAULT_ERROR, 0, 79, 0, false, "as lost" },
	[FAULT_NAME_ERROR] = { "error", FAULT_ERROR, FAULT_TAKES_CODE, 0, 0, false,
			       "each call on the GPU answers the code" },
	[FAULT_NAME_HANG] = { "hang", FAULT_HANG, 0, 0, 0, false,
			      "each call on the GPU sleeps until the fault is over or cleared" },
	[FAULT_NAME_SLOW] = { "slow", FAULT_SLOW, FAULT_TAKES_LATENCY, 0, 0, false,
			      "each call on the GPU takes the latency longer" },
	[FAULT_NAME_ECC_CORRECTABLE] = { "ecc-correctable", FAULT_READINGS, TAKES_ERRORS, 0,
					 nvmlEventTypeSingleBitEccError, false,
					 "volatile and aggregate counters of correctable errors "
					 "are higher by the count" },
	[FAULT_NAME_ECC_UNCORRECTABLE] = { "ecc-uncorrectable", FAULT_READINGS, TAKES_ERRORS, 48,
					   nvmlEventTypeDoubleBitEccError, false,
					   "volatile and aggregate counters of uncorrectable "
					   "errors are higher by the count" },
	[FAULT_NAME_ROW_REMAP_PENDING] = { "row-remap-pending", FAULT_READINGS, 0, 63, 0, false,
					   "a row more is remapped for an uncorrectable error, and "
					   "the remapping is pending" },
	[FAULT_NAME_ROW_REMAP_FAILURE] = { "row-remap-failure", FAULT_READINGS, 0, 64, 0, false,
					   "the remapping of a row has failed" },
	[FAULT_NAME_PAGE_RETIREMENT_PENDING] = { "page-retirement-pending", FAULT_READINGS, 0, 63,
						 0, false, "the retirement of a page is pending" },
	[FAULT_NAME_NVLINK_DOWN] = { "nvlink-down", FAULT_READINGS, FAULT_TAKES_LINK, 74, 0, false,
				     "the links are inactive" },
	[FAULT_NAME_NVLINK_ERRORS] = { "nvlink-errors", FAULT_READINGS,
				       FAULT_TAKES_LINK | FAULT_TAKES_COUNT, 0, 0, false,
				       "the error counters of the links are higher by the count" },
	[FAULT_NAME_THERMAL_SLOWDOWN] = { "thermal-slowdown", FAULT_READINGS,
					  FAULT_TAKES_TEMPERATURE | FAULT_TAKES_CLOCK, 0,
					  nvmlEventTypeClock, false,
					  "the temperature is the given one (else the slowdown "
					  "threshold), clocks are no higher than the given one "
					  "(else half of the maximum), the draw falls with "
					  "them, the event reasons HwSlowdown and HwThermalSlowdown are active" },
	[FAULT_NAME_POWER_BRAKE_SLOWDOWN] = { "power-brake-slowdown", FAULT_READINGS,
					      FAULT_TAKES_CLOCK, 0, nvmlEventTypeClock, false,
					      "clocks and draw as with thermal-slowdown, the event reasons "
					      "HwSlowdown and HwPowerBrakeSlowdown are active" },
	[FAULT_NAME_POWER_CAP] = { "power-cap", FAULT_READINGS, FAULT_TAKES_CLOCK, 0,
				   nvmlEventTypeClock, false,
				   "the power drawn is the limit, clocks as with "
				   "thermal-slowdown, the event reason SwPowerCap is active" },
	[FAULT_NAME_FABRIC_UNHEALTHY] = { "fabric-unhealthy", FAULT_READINGS, FAULT_TAKES_HEALTH, 0,
					  0, false,
					  "the conditions are true in the fabric's health mask, "
					  "and its summary says so" },
	[FAULT_NAME_PCIE_REPLAY] = { "pcie-replay", FAULT_READINGS, FAULT_TAKES_COUNT, 0, 0, false,
				     "the counter of PCI Express replays is higher by the count" },
	[FAULT_NAME_INIT_ERROR] = { "init-error", FAULT_ERROR, FAULT_TAKES_CODE, 0, 0, true,
				    "nvmlInit answers the code" },
	[FAULT_NAME_INIT_HANG] = { "init-hang", FAULT_HANG, 0, 0, 0, true,
				   "nvmlInit sleeps until the fault is over or cleared" },
	[FAULT_NAME_INIT_SLOW] = { "init-slow", FAULT_SLOW, FAULT_TAKES_LATENCY, 0, 0, true,
				   "nvmlInit takes the latency longer" },
};

#define CODE(name) { #name, NVML_ERROR_##name }

const struct fault_word fault_codes[] = {
	CODE(UNINITIALIZED),
	CODE(INVALID_ARGUMENT),
	CODE(NOT_SUPPORTED),
	CODE(NO_PERMISSION),
	CODE(ALREADY_INITIALIZED),
	CODE(NOT_FOUND),
	CODE(INSUFFICIENT_SIZE),
	CODE(INSUFFICIENT_POWER),
	CODE(DRIVER_NOT_LOADED),
	CODE(TIMEOUT),
	CODE(IRQ_ISSUE),
	CODE(LIBRARY_NOT_FOUND),
	CODE(FUNCTION_NOT_FOUND),
	CODE(CORRUPTED_INFOROM),
	CODE(GPU_IS_LOST),
	CODE(RESET_REQUIRED),
	CODE(OPERATING_SYSTEM),
	CODE(LIB_RM_VERSION_MISMATCH),
	CODE(IN_USE),
	CODE(MEMORY),
	CODE(NO_DATA),
	CODE(VGPU_ECC_NOT_SUPPORTED),
	CODE(INSUFFICIENT_RESOURCES),
	CODE(FREQ_NOT_SUPPORTED),
	CODE(ARGUMENT_VERSION_MISMATCH),
	CODE(DEPRECATED),
	CODE(NOT_READY),
	CODE(GPU_NOT_FOUND),
	CODE(INVALID_STATE),
	CODE(RESET_TYPE_NOT_SUPPORTED),
	CODE(UNKNOWN),
	{ NULL, 0 },
};

/* As the profile's ecc section calls them. */
const struct fault_word fault_locations[] = {
	{ "device_memory", NVML_MEMORY_LOCATION_DEVICE_MEMORY },
	{ "sram", NVML_MEMORY_LOCATION_SRAM },
	{ "l1_cache", NVML_MEMORY_LOCATION_L1_CACHE },
	{ "l2_cache", NVML_MEMORY_LOCATION_L2_CACHE },
	{ "register_file", NVML_MEMORY_LOCATION_REGISTER_FILE },
	{ "texture_memory", NVML_MEMORY_LOCATION_TEXTURE_MEMORY },
	{ "texture_shm", NVML_MEMORY_LOCATION_TEXTURE_SHM },
	{ "cbu", NVML_MEMORY_LOCATION_CBU },
	{ NULL, 0 },
};

/* As the profile's fabric.health section calls them. */
const struct fault_word fault_healths[] = {
	{ "degraded_bandwidth", FAULT_HEALTH_DEGRADED_BANDWIDTH },
	{ "route_recovery", FAULT_HEALTH_ROUTE_RECOVERY },
	{ "route_unhealthy", FAULT_HEALTH_ROUTE_UNHEALTHY },
	{ "access_timeout_recovery", FAULT_HEALTH_ACCESS_TIMEOUT },
	{ "incorrect_configuration", FAULT_HEALTH_INCORRECT_CONFIGURATION },
	{ NULL, 0 },
};

const char *fault_word_name(const struct fault_word *words, uint32_t value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return NULL;
}

enum fault_name fault_name_of(const char *name)
{
	unsigned int i = 0;

	while (i < FAULT_NAMES && strcmp(fault_kinds[i].name, name) != 0)
		i++;
	return (enum fault_name)i;
}
