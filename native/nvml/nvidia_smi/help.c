/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "smi.h"

void help_print(void)
{
	printf("nvidia-smi " DRIVER_VERSION
	       " of mirage.accel: a free program that shows what the NVML library\n"
	       "on this machine says, in the layout of NVIDIA's program of the same name.\n"
	       "\n"
	       "nvidia-smi                                    table of the GPUs and their processes\n"
	       "nvidia-smi -L, --list-gpus                    one line a GPU: index, name, UUID\n"
	       "nvidia-smi --query-gpu=FIELDS --format=FORMAT one line a GPU: the fields asked for\n"
	       "nvidia-smi --help-query-gpu                   the fields there are\n"
	       "nvidia-smi --version                          versions of program, library, driver, CUDA\n"
	       "nvidia-smi -h, --help                         this text\n"
	       "\n"
	       "-i, --id=IDS     only these GPUs (table and --query-gpu): indexes, UUIDs, serial\n"
	       "                 numbers or PCI bus ids, separated by commas\n"
	       "--format=FORMAT  csv, with noheader for no line of names and nounits for bare\n"
	       "                 numbers: csv,noheader,nounits\n"
	       "\n"
	       "The library is libnvidia-ml.so.1 of LD_LIBRARY_PATH, of ../lib64 beside this\n"
	       "program, or of the system, the first that is found. What was asked wrongly ends\n"
	       "with status 2 or 255, no GPU with 6, no library with 12, else NVML's own code.\n");
}

static const char *text_or_failure(nvmlReturn_t result, const char *text)
{
	return result == NVML_SUCCESS ? text : cell_failure(result);
}

/* NVML puts the CUDA version before the driver's, whose last part it leaves off. */
static void shorten_nvml_version(char *version)
{
	char *first = strchr(version, '.');
	char *third = first ? strchr(first + 1, '.') : NULL;

	third = third ? strchr(third + 1, '.') : NULL;
	if (third)
		*third = '\0';
	if (first)
		memmove(version, first + 1, strlen(first));
}

int version_print(void)
{
	char library[NVML_SYSTEM_NVML_VERSION_BUFFER_SIZE] = "";
	char driver[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE] = "";
	char cuda_text[16];
	int cuda = 0;
	nvmlReturn_t result = nvml.SystemGetNVMLVersion(library, sizeof(library));

	shorten_nvml_version(library);
	printf("NVIDIA-SMI version  : %s\n", DRIVER_VERSION);
	printf("NVML version        : %s\n", text_or_failure(result, library));
	result = nvml.SystemGetDriverVersion(driver, sizeof(driver));
	printf("DRIVER version      : %s\n", text_or_failure(result, driver));
	result = nvml.SystemGetCudaDriverVersion_v2(&cuda);
	snprintf(cuda_text, sizeof(cuda_text), "%d.%d", cuda / 1000, cuda % 1000 / 10);
	printf("CUDA Version        : %s\n", text_or_failure(result, cuda_text));
	return 0;
}
