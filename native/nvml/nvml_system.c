// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nvml_internal.h"
#include "process.h"

static const struct profile_system *system_description(void)
{
	return &page_description(handle_source.page)->system;
}

unsigned int driver_major(const struct description *description)
{
	return (unsigned int)strtoul(description->system.driver_version, NULL, 10);
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!version)
		return NVML_ERROR_INVALID_ARGUMENT;
	return answer_string(version, length, system_description()->driver_version);
}

// The API's major version went from 11 to 12 with driver 525 and to 13 with 580.
static unsigned int api_major(unsigned int driver_major)
{
	return driver_major >= 580 ? 13 : driver_major >= 525 ? 12 : 11;
}

// The one getter that the real library answers before nvmlInit.
nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
	char built[80], driver[40];

	log_debug("%s", __func__);
	if (!version)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (atomic_load_explicit(&api_references, memory_order_acquire))
		return answer_string(version, length, system_description()->nvml_version);
	source_driver_version(driver, sizeof(driver));
	snprintf(built, sizeof(built), "%u.%s", api_major((unsigned int)strtoul(driver, NULL, 10)),
		 driver);
	return answer_string(version, length, built);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *cudaDriverVersion)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!cudaDriverVersion)
		return NVML_ERROR_INVALID_ARGUMENT;
	*cudaDriverVersion = (int)system_description()->cuda_version;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *cudaDriverVersion)
{
	return nvmlSystemGetCudaDriverVersion_v2(cudaDriverVersion);
}

nvmlReturn_t nvmlSystemGetDriverBranch(nvmlSystemDriverBranchInfo_t *branchInfo,
				       unsigned int length)
{
	nvmlReturn_t ret = api_enter(__func__);
	char branch[32];

	if (ret != NVML_SUCCESS)
		return ret;
	if (!branchInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (branchInfo->version != nvmlSystemDriverBranchInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	snprintf(branch, sizeof(branch), "r%u_00",
		 driver_major(page_description(handle_source.page)));
	if (length > sizeof(branchInfo->branch))
		length = sizeof(branchInfo->branch);
	return answer_string(branchInfo->branch, length, branch);
}

static bool described_process(unsigned int pid, char *name, size_t size)
{
	struct running_process list[STATE_MAX_PROCESSES];
	struct gpu gpu;

	for (uint32_t i = 0; i < handle_count(); i++) {
		if (!handle_gpu(i, &gpu))
			continue;
		uint32_t count = process_list(&gpu, ALL_PROCESSES, list, STATE_MAX_PROCESSES);

		for (uint32_t p = 0; p < count; p++) {
			if (list[p].process.pid != pid || !*list[p].process.name)
				continue;
			snprintf(name, size, "%s", list[p].process.name);
			return true;
		}
	}
	return false;
}

// The first word of the command line, as the real library shows it.
static nvmlReturn_t running_process(unsigned int pid, char *name, size_t size)
{
	char path[40];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_NOT_FOUND;
	length = read(fd, name, size - 1);
	close(fd);
	if (length < 0)
		return NVML_ERROR_NOT_FOUND;
	name[length] = '\0';
	return NVML_SUCCESS;
}

// A name that is too long is cut: the manual says so.
nvmlReturn_t nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length)
{
	nvmlReturn_t ret = api_enter(__func__);

	if (ret != NVML_SUCCESS)
		return ret;
	if (!name || !length)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (described_process(pid, name, length))
		return NVML_SUCCESS;
	return running_process(pid, name, length);
}
