/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvidia-smi topo -m: how each GPU reaches each other, and which processors are near. */
#include "cell.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 64 /* of a set of processors or memory nodes */
#define BITS (8 * sizeof(unsigned long))

static int help(void)
{
	printf("nvidia-smi topo -m: how the GPUs reach each other\n\n"
	       "-m, --matrix   a table of all GPUs by all GPUs, and of the processors near each\n");
	return EXIT_SUCCESS;
}

int topology_check(char *const words[], bool *run)
{
	for (; *words; words++) {
		if (strcmp(*words, "-m") == 0 || strcmp(*words, "--matrix") == 0) {
			*run = true;
		} else if (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0) {
			*run = false;
			break;
		} else {
			*run = false;
			printf("Option \"%s\" is not recognized.\n", *words);
			return EXIT_USAGE;
		}
	}
	return *run ? EXIT_SUCCESS : help();
}

/* --- connections --- */

static unsigned int switch_links(nvmlDevice_t device)
{
	nvmlFieldValue_t value = { .fieldId = NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT };

	if (nvml.DeviceGetFieldValues(device, 1, &value) != NVML_SUCCESS ||
	    value.nvmlReturn != NVML_SUCCESS)
		return 0;
	return value.value.uiVal;
}

/* Links that lead from one GPU straight to the other. */
static unsigned int direct_links(nvmlDevice_t from, nvmlDevice_t to)
{
	unsigned int count = 0;
	nvmlPciInfo_t target, remote;

	if (nvml.DeviceGetPciInfo_v3(to, &target) != NVML_SUCCESS)
		return 0;
	for (unsigned int i = 0; i < NVML_NVLINK_MAX_LINKS; i++)
		if (nvml.DeviceGetNvLinkRemotePciInfo_v2(from, i, &remote) == NVML_SUCCESS &&
		    remote.domain == target.domain && remote.bus == target.bus &&
		    remote.device == target.device)
			count++;
	return count;
}

/* To a GPU on the same switches all links lead that this one has, as in the vendor's program. */
static unsigned int nvlinks(nvmlDevice_t from, nvmlDevice_t to)
{
	unsigned int mine = switch_links(from);

	if (mine && switch_links(to))
		return mine;
	return direct_links(from, to);
}

static const char *level_word(nvmlGpuTopologyLevel_t level)
{
	switch (level) {
	case NVML_TOPOLOGY_INTERNAL:
	case NVML_TOPOLOGY_SINGLE:
		return "PIX";
	case NVML_TOPOLOGY_MULTIPLE:
		return "PXB";
	case NVML_TOPOLOGY_HOSTBRIDGE:
		return "PHB";
	case NVML_TOPOLOGY_NODE:
		return "NODE";
	case NVML_TOPOLOGY_SYSTEM:
		return "SYS";
	default:
		return "Unknown";
	}
}

static struct cell connection_cell(nvmlDevice_t from, nvmlDevice_t to)
{
	unsigned int links;
	nvmlGpuTopologyLevel_t level = NVML_TOPOLOGY_SYSTEM;

	if (from == to)
		return cell_make(8, " X ");
	links = nvlinks(from, to);
	if (links)
		return cell_make(8, "NV%u", links);
	if (nvml.DeviceGetTopologyCommonAncestor(from, to, &level) != NVML_SUCCESS)
		return cell_make(8, "Unknown");
	return cell_make(8, "%s", level_word(level));
}

/* --- what is near --- */

static bool has(const unsigned long *set, unsigned int bit)
{
	return bit < WORDS * BITS && set[bit / BITS] >> bit % BITS & 1;
}

#define SET_WIDTH 10

/* 0-3,8: the vendor's column takes no more once it has this many characters. */
static void print_set(const unsigned long *set)
{
	const char *comma = "";
	int width = 0;

	for (unsigned int first = 0, last; first < WORDS * BITS && width < SET_WIDTH;
	     first = last + 1) {
		last = first;
		if (!has(set, first))
			continue;
		while (has(set, last + 1))
			last++;
		if (last > first)
			width += printf("%s%u-%u", comma, first, last);
		else
			width += printf("%s%u", comma, first);
		comma = ",";
	}
}

static void print_affinity(nvmlDevice_t device)
{
	unsigned long set[WORDS] = { 0 };
	unsigned int node;

	if (nvml.DeviceGetCpuAffinity(device, WORDS, set) == NVML_SUCCESS)
		print_set(set);
	printf("\t");
	memset(set, 0, sizeof(set));
	if (nvml.DeviceGetMemoryAffinity(device, WORDS, set, NVML_AFFINITY_SCOPE_NODE) ==
	    NVML_SUCCESS)
		print_set(set);
	printf("\t\t");
	if (nvml.DeviceGetNumaNodeId(device, &node) == NVML_SUCCESS)
		printf("%u\n", node);
	else
		printf("N/A\n");
}

/* The vendor underlines the first line, also where nobody sees it. */
static void print_matrix(const struct selection *selection)
{
	printf("\t\033[4m");
	for (unsigned int i = 0; i < selection->count; i++)
		printf("GPU%u\t", i);
	printf("CPU Affinity\tNUMA Affinity\tGPU NUMA ID\033[0m\n");
	for (unsigned int i = 0; i < selection->count; i++) {
		printf("GPU%u\t", i);
		for (unsigned int j = 0; j < selection->count; j++)
			printf("%s\t",
			       connection_cell(selection->devices[i], selection->devices[j]).text);
		print_affinity(selection->devices[i]);
	}
}

/* A GPU that is lost is in no matrix, and one without it would tell lies. */
static bool all_are_there(void)
{
	unsigned int count = 0;

	nvml.DeviceGetCount_v2(&count);
	for (unsigned int i = 0; i < count; i++) {
		nvmlPciInfo_t pci;
		nvmlDevice_t device;
		nvmlReturn_t result = nvml.DeviceGetHandleByIndex_v2(i, &device);

		if (result == NVML_ERROR_NO_PERMISSION)
			continue;
		if (result != NVML_SUCCESS ||
		    nvml.DeviceGetPciInfo_v3(device, &pci) != NVML_SUCCESS)
			return false;
	}
	return true;
}

int topology_run(char *const words[])
{
	struct selection selection;
	int status;

	(void)words;
	if (!all_are_there()) {
		printf("Failed to run topology matrix\n\n");
		return EXIT_OTHER;
	}
	status = selection_make(&selection, NULL);
	if (status)
		return status;
	print_matrix(&selection);
	printf("\nLegend:\n\n"
	       "  X    = Self\n"
	       "  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes (e.g., QPI/UPI)\n"
	       "  NODE = Connection traversing PCIe as well as the interconnect between PCIe Host Bridges within a NUMA node\n"
	       "  PHB  = Connection traversing PCIe as well as a PCIe Host Bridge (typically the CPU)\n"
	       "  PXB  = Connection traversing multiple PCIe bridges (without traversing the PCIe Host Bridge)\n"
	       "  PIX  = Connection traversing at most a single PCIe bridge\n"
	       "  NV#  = Connection traversing a bonded set of # NVLinks\n");
	return EXIT_SUCCESS;
}
