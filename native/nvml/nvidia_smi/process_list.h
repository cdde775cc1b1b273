/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of one device, each once, with all it uses the device for. */
#ifndef SMI_PROCESS_LIST_H
#define SMI_PROCESS_LIST_H

#include "nvml_api.h"

#define UNKNOWN_INSTANCE 0xffffffffu
#define PROCESS_NAME_SIZE 4096

enum process_use { USE_COMPUTE = 1, USE_GRAPHICS = 2, USE_MPS = 4 };

struct process {
	nvmlProcessInfo_t info;
	unsigned int use; /* enum process_use, or-ed */
};

struct process_list {
	unsigned int count;
	struct process *list;
};

/*
 * As NVML has them. Only those that are used for something of @uses are in the list.
 * NVML_SUCCESS and an empty list where there are none; process_list_free() is
 * needed in every case.
 */
nvmlReturn_t process_list_get(struct process_list *processes, nvmlDevice_t device,
			      unsigned int uses);
/* By process id. */
void process_list_sort(struct process_list *processes);
void process_list_free(struct process_list *processes);

/* C, G, M+C and so on. */
const char *process_use_word(unsigned int use);

/* False when nobody knows the name any more. */
bool process_name(unsigned int pid, char name[PROCESS_NAME_SIZE]);

/*
 * Calls @each for the devices that processes of a GPU run on: its MIG devices
 * where it has any, else the GPU itself.
 */
void process_devices(nvmlDevice_t gpu, void (*each)(nvmlDevice_t device, void *data), void *data);

#endif
