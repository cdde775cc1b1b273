/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine's own CPUs and NUMA nodes: what schedulers and topology managers
 * bind programs to must be there. Read once, when the GPUs are looked up, so
 * that no getter makes a system call.
 */
#ifndef MIRAGE_HOST_H
#define MIRAGE_HOST_H

#include <stdbool.h>

#include "profile.h"

#define HOST_SYSFS "/sys/devices/system"
#define HOST_MAX_NODES 64

/* A NUMA node that has CPUs. */
struct host_node {
	int32_t id;
	uint64_t cpus[PROFILE_CPU_WORDS]; /* that are online */
};

struct host {
	uint32_t node_count; /* 0: unknown, and the description's places hold */
	uint64_t online[PROFILE_CPU_WORDS];
	struct host_node nodes[HOST_MAX_NODES];
};

/* Where a GPU sits on this machine. */
struct host_place {
	int32_t node; /* -1 unknown */
	const uint64_t *cpus; /* PROFILE_CPU_WORDS of them; all zero unknown */
};

/* Nothing is an error: what cannot be read is unknown. */
void host_read(struct host *host, const char *sysfs);

/*
 * CPUs that the description names and the machine has are kept. A GPU whose
 * CPUs are not there sits on one of the machine's nodes, its own number taken
 * modulo how many there are.
 */
struct host_place host_place(const struct host *host, const struct device *device);

#endif
