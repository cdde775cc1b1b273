// SPDX-License-Identifier: GPL-3.0-or-later
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A list of all 1024 CPUs one by one would have 4 KiB.
#define LIST_SIZE 4096
#define MAX_BITS (PROFILE_CPU_WORDS * 64)

static bool read_text(const char *path, char text[LIST_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, text, LIST_SIZE - 1);
	close(fd);
	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

// "0-3,8"; numbers past what a description can hold are left out.
static void read_list(const char *path, uint64_t bits[PROFILE_CPU_WORDS])
{
	char text[LIST_SIZE], *at = text, *end;

	memset(bits, 0, PROFILE_CPU_WORDS * sizeof(*bits));
	if (!read_text(path, text))
		return;
	for (;; at = end + 1) {
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end == at)
			return;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < MAX_BITS; first++)
			bits[first / 64] |= 1ull << first % 64;
		if (*end != ',')
			return;
	}
}

static bool any_bit(const uint64_t bits[PROFILE_CPU_WORDS])
{
	for (unsigned int i = 0; i < PROFILE_CPU_WORDS; i++)
		if (bits[i])
			return true;
	return false;
}

static void add_node(struct host *host, int32_t id, const uint64_t cpus[PROFILE_CPU_WORDS])
{
	struct host_node *node = &host->nodes[host->node_count];

	if (!any_bit(cpus))
		return;
	node->id = id;
	memcpy(node->cpus, cpus, sizeof(node->cpus));
	host->node_count++;
}

void host_read(struct host *host, const char *sysfs)
{
	uint64_t nodes[PROFILE_CPU_WORDS], cpus[PROFILE_CPU_WORDS];
	char path[256];

	host->node_count = 0;
	snprintf(path, sizeof(path), "%s/cpu/online", sysfs);
	read_list(path, host->online);
	snprintf(path, sizeof(path), "%s/node/has_cpu", sysfs);
	read_list(path, nodes);
	for (int32_t id = 0; id < MAX_BITS && host->node_count < HOST_MAX_NODES; id++) {
		if (!(nodes[id / 64] >> id % 64 & 1))
			continue;
		snprintf(path, sizeof(path), "%s/node/node%d/cpulist", sysfs, (int)id);
		read_list(path, cpus);
		add_node(host, id, cpus);
	}
	// A kernel without NUMA has no nodes in sysfs, which is one node.
	if (!host->node_count)
		add_node(host, 0, host->online);
}

static bool has_node(const struct host *host, int32_t id)
{
	for (uint32_t i = 0; i < host->node_count; i++)
		if (host->nodes[i].id == id)
			return true;
	return false;
}

static bool has_cpus(const struct host *host, const uint64_t cpus[PROFILE_CPU_WORDS])
{
	for (unsigned int i = 0; i < PROFILE_CPU_WORDS; i++)
		if (cpus[i] & ~host->online[i])
			return false;
	return any_bit(cpus);
}

struct host_place host_place(const struct host *host, const struct device *device)
{
	struct host_place place = { device->numa_node, device->cpus };
	const struct host_node *node;

	if (!host->node_count || device->numa_node < 0)
		return place;
	node = &host->nodes[(uint32_t)device->numa_node % host->node_count];
	if (!has_cpus(host, device->cpus))
		return (struct host_place){ node->id, node->cpus };
	if (!has_node(host, device->numa_node))
		place.node = node->id;
	return place;
}
