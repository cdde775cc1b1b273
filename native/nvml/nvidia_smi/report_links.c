/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report's connections: bridge chips on the board, the fabric around it. */
#include "query_write.h"
#include "report.h"

#include <stdio.h>

static const char *bridge_word(nvmlBridgeChipType_t type)
{
	return type == NVML_BRIDGE_CHIP_PLX ? "PLX" : type == NVML_BRIDGE_CHIP_BRO4 ? "BR04" : NULL;
}

/* Of several chips the first; a version of 0 is none, and an unknown type has no line. */
void report_bridge_chip(struct report *report, nvmlDevice_t device)
{
	nvmlBridgeChipHierarchy_t chips = { 0 };
	nvmlReturn_t result = nvml.DeviceGetBridgeChipInfo(device, &chips);
	const nvmlBridgeChipInfo_t *chip = &chips.bridgeChipInfo[0];
	const char *type = bridge_word(chip->type);

	report_open(report, "Bridge Chip", "pci_bridge_chip");
	if (type || result != NVML_SUCCESS)
		report_result(report, "Type", "bridge_chip_type", result, "%s", type ? type : "");
	if (result == NVML_SUCCESS && !chip->fwVersion)
		report_value(report, "Firmware", "bridge_chip_fw", "N/A");
	else
		report_result(report, "Firmware", "bridge_chip_fw", result, "%s%08x",
			      report->xml ? "" : "0x", chip->fwVersion);
	report_close(report);
}

static const char *bandwidth_word(const nvmlGpuFabricInfoV_t *info)
{
	unsigned int bits = info->healthMask >> NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_DEGRADED_BW &
			    NVML_GPU_FABRIC_HEALTH_MASK_WIDTH_DEGRADED_BW;

	return bits == NVML_GPU_FABRIC_HEALTH_MASK_DEGRADED_BW_TRUE    ? "Degraded"
	       : bits == NVML_GPU_FABRIC_HEALTH_MASK_DEGRADED_BW_FALSE ? "Full"
								       : "N/A";
}

static void uuid_text(const unsigned char uuid[NVML_GPU_FABRIC_UUID_LEN], char text[40])
{
	char *at = text;

	for (unsigned int i = 0; i < NVML_GPU_FABRIC_UUID_LEN; i++)
		at += sprintf(at, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
}

/* Before the registration is complete there is nothing to tell but how far it is. */
void report_fabric(struct report *report, nvmlDevice_t device)
{
	static const char *const states[] = { "N/A", "Not Started", "In Progress", "Completed" };
	nvmlGpuFabricInfoV_t info = { .version = nvmlGpuFabricInfo_v2 };
	nvmlReturn_t result = nvml.DeviceGetGpuFabricInfoV(device, &info);
	bool complete = info.state == NVML_GPU_FABRIC_STATE_COMPLETED;
	char uuid[40], clique[16];

	snprintf(clique, sizeof(clique), "%u", info.cliqueId);
	uuid_text(info.clusterUuid, uuid);
	report_open(report, "Fabric", "fabric");
	report_result(report, "State", "state", result, "%s",
		      info.state < COUNT(states) ? states[info.state] : "N/A");
	report_result(report, "Status", "status", result, "%s",
		      complete ? nvml.ErrorString(info.status) : "N/A");
	report_result(report, "CliqueId", "cliqueId", result, "%s", complete ? clique : "N/A");
	report_result(report, "ClusterUUID", "clusterUuid", result, "%s", complete ? uuid : "N/A");
	report_open(report, "Health", "health");
	report_result(report, "Bandwidth", "bandwidth", result, "%s",
		      complete ? bandwidth_word(&info) : "N/A");
	report_close(report);
	report_close(report);
}
