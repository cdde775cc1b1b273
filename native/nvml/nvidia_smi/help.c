/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "smi.h"

void help_print(void)
{
	printf("nvidia-smi " DRIVER_VERSION
	       " of mirage.accel: a free program that shows and changes what the NVML\n"
	       "library on this machine has, in the layout of NVIDIA's program of the same name.\n"
	       "\n"
	       "nvidia-smi                                    table of the GPUs and their processes\n"
	       "nvidia-smi -L, --list-gpus                    one line a GPU: index, name, UUID\n"
	       "nvidia-smi -B, --list-excluded-gpus           the GPUs that the driver leaves alone\n"
	       "nvidia-smi -q, --query                        all there is to say of each GPU\n"
	       "nvidia-smi --query-gpu=FIELDS --format=FORMAT one line a GPU: the fields asked for\n"
	       "nvidia-smi --query-supported-clocks=FIELDS    the same, one line for each pair of clocks\n"
	       "nvidia-smi --query-compute-apps=FIELDS        the same, one line for each process\n"
	       "nvidia-smi --query-accounted-apps=FIELDS      the same, one line for each process whose\n"
	       "                                              statistics were kept\n"
	       "nvidia-smi --query-retired-pages=FIELDS       the same, one line for each page of memory\n"
	       "nvidia-smi --query-remapped-rows=FIELDS       the same, one line a GPU: rows of memory\n"
	       "nvidia-smi --help-query-gpu                   the fields there are (-supported-clocks,\n"
	       "                                              -compute-apps and so on: of the others)\n"
	       "nvidia-smi mig -h                             instances of GPUs: made, listed, unmade\n"
	       "nvidia-smi topo -m                            how the GPUs reach each other\n"
	       "nvidia-smi nvlink -h                          the NVLinks of the GPUs\n"
	       "nvidia-smi conf-compute -f                    whether confidential computing is on\n"
	       "nvidia-smi compute-policy -l                  how GPUs share their time\n"
	       "nvidia-smi dmon, pmon [-c N] [-d SECONDS]     values of GPUs, of processes, again and again\n"
	       "nvidia-smi --version                          versions of program, library, driver, CUDA\n"
	       "nvidia-smi -h, --help                         this text\n"
	       "\n"
	       "-i, --id=IDS          only these GPUs: indexes, UUIDs, serial numbers or PCI bus\n"
	       "                      ids, separated by commas\n"
	       "-f, --filename=FILE   write to a file\n"
	       "-x, --xml-format      -q as XML\n"
	       "-d, --display=TYPES   -q of these alone, separated by commas: MEMORY, UTILIZATION,\n"
	       "                      ECC, TEMPERATURE, POWER, CLOCK, COMPUTE, PIDS, PERFORMANCE,\n"
	       "                      SUPPORTED_CLOCKS, PAGE_RETIREMENT, ACCOUNTING, ENCODER_STATS,\n"
	       "                      SUPPORTED_GPU_TARGET_TEMP, VOLTAGE, FBC_STATS, ROW_REMAPPER,\n"
	       "                      RESET_STATUS, GSP_FIRMWARE_VERSION\n"
	       "--format=FORMAT       csv, with noheader for no line of names and nounits for bare\n"
	       "                      numbers: csv,noheader,nounits\n"
	       "\n"
	       "One change at a time, of all GPUs or those of -i:\n"
	       "\n"
	       "-pm, --persistence-mode=0|1\n"
	       "-mig, --multi-instance-gpu=0|1\n"
	       "-c, --compute-mode=0|2|3               0 DEFAULT, 2 PROHIBITED, 3 EXCLUSIVE_PROCESS\n"
	       "-e, --ecc-config=0|1                   counts after the next reboot\n"
	       "-p, --reset-ecc-errors=0|1             0 VOLATILE, 1 AGGREGATE\n"
	       "-pl, --power-limit=WATTS               -sc, --scope=0|1 with it: the GPU, its module\n"
	       "-lgc, --lock-gpu-clocks=MIN[,MAX]      MHz, or tdp and unlimited\n"
	       "-rgc, --reset-gpu-clocks\n"
	       "-lmc, --lock-memory-clocks=MIN[,MAX]\n"
	       "-rmc, --reset-memory-clocks\n"
	       "-ac, --applications-clocks=MEMORY,GRAPHICS\n"
	       "-rac, --reset-applications-clocks\n"
	       "-am, --accounting-mode=0|1\n"
	       "-caa, --clear-accounted-apps\n"
	       "-r, --gpu-reset\n"
	       "-eow, --error-on-warning               what a GPU does not support is a failure\n"
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
