/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi nvlink: the links of each GPU, their speed, errors, abilities and far ends. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of all links, or of the one that -l names. */
struct links {
	nvmlDevice_t device;
	unsigned int first, end;
	bool one;
};

/* False where the GPU has no such value of the link. */
static bool link_value(nvmlDevice_t device, unsigned int field, unsigned int link,
		       nvmlFieldValue_t *value)
{
	*value = (nvmlFieldValue_t){ .fieldId = field, .scopeId = link };
	value->nvmlReturn = NVML_ERROR_UNKNOWN;
	return nvml.DeviceGetFieldValues(device, 1, value) == NVML_SUCCESS &&
	       value->nvmlReturn == NVML_SUCCESS;
}

static bool is_active(const struct links *links, unsigned int link)
{
	nvmlFieldValue_t value;

	return link_value(links->device, NVML_FI_DEV_NVLINK_GET_STATE, link, &value) &&
	       value.value.uiVal;
}

/* Says so where no link is active. @what is what cannot be told without. */
static bool some_active(const struct links *links, const char *what)
{
	for (unsigned int link = links->first; link < links->end; link++)
		if (is_active(links, link))
			return true;
	if (links->one)
		printf("NVML: Unable to retrieve NVLink %s for link %u - inActive\n", what,
		       links->first);
	else
		printf("NVML: Unable to retrieve NVLink %s as all links are inActive\n", what);
	return false;
}

static nvmlReturn_t print_status(const struct links *links)
{
	nvmlFieldValue_t value;

	if (!some_active(links, "information"))
		return NVML_SUCCESS;
	for (unsigned int link = links->first; link < links->end; link++) {
		if (!is_active(links, link))
			printf("\t Link %u: <inactive>\n", link);
		else if (link_value(links->device, NVML_FI_DEV_NVLINK_GET_SPEED, link, &value))
			printf("\t Link %u: %g GB/s\n", link, (double)value.value.uiVal / 1000);
		else
			printf("NVML: Unable to retrieve NVLink speed for link %u: %s\n", link,
			       nvml.ErrorString(value.nvmlReturn));
	}
	return NVML_SUCCESS;
}

static nvmlReturn_t print_capabilities(const struct links *links)
{
	static const struct {
		nvmlNvLinkCapability_t capability;
		const char *name;
	} capabilities[] = {
		{ NVML_NVLINK_CAP_P2P_SUPPORTED, "P2P is supported" },
		{ NVML_NVLINK_CAP_SYSMEM_ACCESS, "Access to system memory supported" },
		{ NVML_NVLINK_CAP_P2P_ATOMICS, "P2P atomics supported" },
		{ NVML_NVLINK_CAP_SYSMEM_ATOMICS, "System memory atomics supported" },
		{ NVML_NVLINK_CAP_SLI_BRIDGE, "SLI is supported" },
		{ NVML_NVLINK_CAP_VALID, "Link is supported" },
	};

	for (unsigned int link = links->first; link < links->end; link++) {
		if (!is_active(links, link))
			continue;
		for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
			unsigned int has = 0;
			nvmlReturn_t result = nvml.DeviceGetNvLinkCapability(
				links->device, link, capabilities[i].capability, &has);

			if (result != NVML_SUCCESS) {
				printf("NVML: Unable to get the NvLink link capability for link %u: %s\n",
				       link, nvml.ErrorString(result));
				return result;
			}
			printf("\t Link %u, %s: %s\n", link, capabilities[i].name,
			       has ? "true" : "false");
		}
	}
	return NVML_SUCCESS;
}

static nvmlReturn_t print_addresses(const struct links *links)
{
	for (unsigned int link = links->first; link < links->end; link++) {
		nvmlPciInfo_t remote;
		nvmlReturn_t result;

		if (!is_active(links, link))
			continue;
		result = nvml.DeviceGetNvLinkRemotePciInfo_v2(links->device, link, &remote);
		if (result != NVML_SUCCESS) {
			printf("NVML: Unable to retrieve NvLink remote PCI information for link %u: %s\n",
			       link, nvml.ErrorString(result));
			return result;
		}
		printf("\t Link %u: %s\n", link, remote.busId);
	}
	return NVML_SUCCESS;
}

/* All or none: what is not supported of a link leaves that link out, any other failure all. */
static nvmlReturn_t check_far_ends(const struct links *links)
{
	unsigned int index = 0;

	nvml.DeviceGetIndex(links->device, &index);
	for (unsigned int link = links->first; link < links->end; link++) {
		nvmlPciInfo_t remote;
		nvmlReturn_t result =
			nvml.DeviceGetNvLinkRemotePciInfo_v2(links->device, link, &remote);

		if (result == NVML_SUCCESS || result == NVML_ERROR_NOT_SUPPORTED)
			continue;
		printf("NVML: Unable to retrieve NvLink remote PCI information for device %u link %u: %s\n",
		       index, link, nvml.ErrorString(result));
		return result;
	}
	return NVML_SUCCESS;
}

static nvmlReturn_t print_far_ends(const struct links *links)
{
	nvmlReturn_t result = check_far_ends(links);

	for (unsigned int link = links->first; result == NVML_SUCCESS && link < links->end;
	     link++) {
		nvmlPciInfo_t remote;
		nvmlFieldValue_t far;

		if (nvml.DeviceGetNvLinkRemotePciInfo_v2(links->device, link, &remote) !=
		    NVML_SUCCESS)
			continue;
		if (link_value(links->device, NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID, link, &far))
			printf("\t Link %u: Remote Device %s: Link %u\n", link, remote.busId,
			       far.value.uiVal);
		else
			printf("\t Link %u: %s\n", link, nvml.ErrorString(far.nvmlReturn));
	}
	return result;
}

static nvmlReturn_t print_errors(const struct links *links)
{
	static const struct {
		unsigned int field;
		const char *name;
	} counters[] = {
		{ NVML_FI_DEV_NVLINK_ERROR_DL_REPLAY, "Replay" },
		{ NVML_FI_DEV_NVLINK_ERROR_DL_RECOVERY, "Recovery" },
		{ NVML_FI_DEV_NVLINK_ERROR_DL_CRC, "CRC" },
	};

	if (!some_active(links, "errors"))
		return NVML_SUCCESS;
	for (unsigned int link = links->first; link < links->end; link++) {
		if (!is_active(links, link))
			continue;
		for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
			nvmlFieldValue_t value;

			printf("\t Link %u: %s Errors: ", link, counters[i].name);
			if (link_value(links->device, counters[i].field, link, &value))
				printf("%llu\n", value.value.ullVal);
			else
				printf("N/A\n");
		}
		printf("\n");
	}
	return NVML_SUCCESS;
}

/* In the order in which they are printed, whatever the order on the command line. */
static const struct part {
	const char *name, *long_name, *help;
	nvmlReturn_t (*print)(const struct links *links);
} parts[] = {
	{ "-s", "--status", "their speed, or that they are inactive", print_status },
	{ "-c", "--capabilities", "what they can do", print_capabilities },
	{ "-p", "--pcibusid", "the PCI bus id of the far end", print_addresses },
	{ "-R", "--remotelinkinfo", "the same, and which link it is there", print_far_ends },
	{ "-e", "--errorcounters", "their errors", print_errors },
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

struct asked {
	const char *ids;
	long link; /* -1 for all */
	unsigned int parts; /* bits */
	bool help;
};

static int help(void)
{
	printf("nvidia-smi nvlink [-i IDS] [-l LINK] -s|-c|-p|-R|-e...: the NVLinks of the GPUs\n\n"
	       "-i, --id=IDS              only these GPUs\n"
	       "-l, --link=LINK           only this link\n");
	for (size_t i = 0; i < PART_COUNT; i++)
		printf("%s, %-21s %s\n", parts[i].name, parts[i].long_name, parts[i].help);
	return EXIT_SUCCESS;
}

static bool take_part(struct asked *asked, const char *word)
{
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (strcmp(word, parts[i].name) == 0 || strcmp(word, parts[i].long_name) == 0) {
			asked->parts |= 1u << i;
			return true;
		}
	}
	return false;
}

static int read_words(struct asked *asked, char *const words[])
{
	*asked = (struct asked){ .link = -1 };
	while (*words) {
		const char *link = NULL;
		int taken = take_part(asked, *words);

		if (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0) {
			asked->help = true;
			return EXIT_SUCCESS;
		}
		if (!taken)
			taken = option_value(words, "-i", &asked->ids);
		if (!taken)
			taken = option_value(words, "--id", &asked->ids);
		if (!taken)
			taken = option_value(words, "-l", &link);
		if (!taken)
			taken = option_value(words, "--link", &link);
		if (taken <= 0) {
			printf("Option \"%s\" is %s.\n", *words,
			       taken ? "missing its value" : "not recognized");
			return EXIT_USAGE;
		}
		if (link && (!setting_number(link, &asked->link) || asked->link < 0)) {
			printf("Option \"%s\" is invalid for \"%s\".\n", link, *words);
			return EXIT_USAGE;
		}
		words += taken;
	}
	return EXIT_SUCCESS;
}

int nvlink_check(char *const words[], bool *run)
{
	struct asked asked;
	int status = read_words(&asked, words);

	*run = false;
	if (status)
		return status;
	if (asked.help || !*words)
		return help();
	*run = true;
	return EXIT_SUCCESS;
}

static nvmlReturn_t print_device(nvmlDevice_t device, const struct asked *asked)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE] = "", uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE] = "";
	nvmlFieldValue_t count;
	unsigned int index = 0;
	struct links links = { .device = device };
	nvmlReturn_t result = NVML_SUCCESS;

	if (!link_value(device, NVML_FI_DEV_NVLINK_LINK_COUNT, 0, &count) || !count.value.uiVal)
		return NVML_SUCCESS;
	nvml.DeviceGetIndex(device, &index);
	nvml.DeviceGetName(device, name, sizeof(name));
	nvml.DeviceGetUUID(device, uuid, sizeof(uuid));
	printf("GPU %u: %s (UUID: %s)\n", index, name, uuid);
	links.one = asked->link >= 0;
	links.first = links.one ? (unsigned int)asked->link : 0;
	links.end = links.one ? links.first + 1 : count.value.uiVal;
	for (size_t i = 0; i < PART_COUNT && result == NVML_SUCCESS; i++)
		/* Of a link that the GPU has not, there is no far end to ask for. */
		if (asked->parts & 1u << i &&
		    (parts[i].print != print_far_ends || links.first < count.value.uiVal))
			result = parts[i].print(&links);
	return result;
}

int nvlink_run(char *const words[])
{
	struct asked asked;
	struct selection selection;
	nvmlReturn_t result = NVML_SUCCESS;
	int status = read_words(&asked, words);

	if (!status)
		status = selection_make(&selection, asked.ids);
	if (status)
		return status;
	for (unsigned int i = 0; i < selection.count && result == NVML_SUCCESS; i++)
		result = print_device(selection.devices[i], &asked);
	return exit_status(result);
}
