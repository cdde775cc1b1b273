// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "host.h"
#include "testsuite.h"

static const char *root;

// A file below the machine that the test makes up, and the folders on the way to it.
static void put(const char *path, const char *text)
{
	char whole[256];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		CHECK(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(whole, "w");
	CHECK(file != NULL);
	fputs(text, file);
	fclose(file);
}

static struct host machine(const char *online, const char *nodes)
{
	static struct host host;

	root = testsuite_folder();
	put("cpu/online", online);
	if (nodes)
		put("node/has_cpu", nodes);
	return host;
}

static void clean_up(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	CHECK(system(command) == 0);
}

static struct device at(int32_t node, uint64_t cpus)
{
	struct device device = { .numa_node = node };

	device.cpus[0] = cpus;
	return device;
}

static void cpus_that_are_there_are_kept(void)
{
	struct host host = machine("0-63\n", "0-1\n");
	struct device first = at(0, 0x00000000ffffffff), second = at(1, 0xffffffff00000000);

	put("node/node0/cpulist", "0-31\n");
	put("node/node1/cpulist", "32-63\n");
	host_read(&host, root);
	CHECK_NUMBER(host.node_count, 2);
	CHECK(host_place(&host, &first).cpus == first.cpus);
	CHECK_NUMBER(host_place(&host, &first).node, 0);
	CHECK(host_place(&host, &second).cpus == second.cpus);
	CHECK_NUMBER(host_place(&host, &second).node, 1);
	clean_up();
}

// A node number past those that are there comes round again; the CPUs stay.
static void a_node_that_is_missing_becomes_one_that_is_there(void)
{
	struct host host = machine("0-7\n", "0\n");
	struct device device = at(3, 0xf0);

	put("node/node0/cpulist", "0-7\n");
	host_read(&host, root);
	CHECK_NUMBER(host_place(&host, &device).node, 0);
	CHECK(host_place(&host, &device).cpus == device.cpus);
	clean_up();
}

static void a_small_machine_shows_its_own_cpus(void)
{
	struct host host = machine("0-1,3\n", "0,2\n");
	struct device even = at(2, 0xff00), odd = at(7, 0xff00);

	put("node/node0/cpulist", "0-1\n");
	put("node/node2/cpulist", "3\n");
	host_read(&host, root);
	CHECK_NUMBER(host_place(&host, &even).node, 0);
	CHECK_NUMBER(host_place(&host, &even).cpus[0], 0x3);
	CHECK_NUMBER(host_place(&host, &odd).node, 2);
	CHECK_NUMBER(host_place(&host, &odd).cpus[0], 0x8);
	CHECK_NUMBER(host_place(&host, &odd).cpus[1], 0);
	clean_up();
}

// GPU memory of a Grace machine is nodes without CPUs: no GPU sits there.
static void nodes_without_cpus_are_left_out(void)
{
	struct host host = machine("0-143\n", "0-1\n");
	struct device device = at(1, 0);

	device.cpus[3] = 1;
	put("node/node0/cpulist", "0-71\n");
	put("node/node1/cpulist", "72-143\n");
	put("node/node2/cpulist", "\n");
	host_read(&host, root);
	CHECK_NUMBER(host.node_count, 2);
	CHECK_NUMBER(host_place(&host, &device).node, 1);
	CHECK_NUMBER(host_place(&host, &device).cpus[1], (int64_t)0xffffffffffffff00);
	CHECK_NUMBER(host_place(&host, &device).cpus[2], 0xffff);
	clean_up();
}

static void a_kernel_without_numa_is_one_node(void)
{
	struct host host = machine("0-3\n", NULL);
	struct device device = at(1, 0xff00);

	host_read(&host, root);
	CHECK_NUMBER(host.node_count, 1);
	CHECK_NUMBER(host_place(&host, &device).node, 0);
	CHECK_NUMBER(host_place(&host, &device).cpus[0], 0xf);
	clean_up();
}

static void what_cannot_be_read_leaves_the_description(void)
{
	static struct host host;
	struct device device = at(1, 0xff00);

	host_read(&host, "/nonexistent");
	CHECK_NUMBER(host.node_count, 0);
	CHECK_NUMBER(host_place(&host, &device).node, 1);
	CHECK(host_place(&host, &device).cpus == device.cpus);
}

static void a_device_without_a_place_gets_none(void)
{
	struct host host = machine("0-3\n", NULL);
	struct device device = at(-1, 0);

	host_read(&host, root);
	CHECK_NUMBER(host_place(&host, &device).node, -1);
	CHECK_NUMBER(host_place(&host, &device).cpus[0], 0);
	clean_up();
}

static void odd_lists_are_read_as_far_as_they_go(void)
{
	struct host host = machine("0-2,x,5\n", NULL);

	host_read(&host, root);
	CHECK_NUMBER(host.online[0], 0x7);
	put("cpu/online", "5-2000,4000\n");
	host_read(&host, root);
	CHECK_NUMBER(host.online[0], (int64_t)0xffffffffffffffe0);
	CHECK_NUMBER(host.online[PROFILE_CPU_WORDS - 1], -1);
	clean_up();
}

static struct host seen;

static void read_machine(void)
{
	host_read(&seen, HOST_SYSFS);
}

static void read_one_file(void)
{
	FILE *file = fopen(HOST_SYSFS "/cpu/online", "r");
	char line[4096];

	CHECK(file && fgets(line, sizeof(line), file));
	fclose(file);
}

// The best of many, so that a busy machine fails nothing.
static double best_seconds(void (*work)(void))
{
	double best = 0;

	for (int i = 0; i < 50; i++) {
		struct timespec a, b;
		double seconds;

		clock_gettime(CLOCK_MONOTONIC, &a);
		work();
		clock_gettime(CLOCK_MONOTONIC, &b);
		seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
		best = i == 0 || seconds < best ? seconds : best;
	}
	return best;
}

static void reading_the_machine_costs_as_much_as_its_few_files(void)
{
	double one = best_seconds(read_one_file);
	double all = best_seconds(read_machine);

	CHECK(seen.node_count > 0);
	// Which CPUs and nodes there are, and the CPUs of each node.
	CHECK(all < 5 * (2 + seen.node_count) * one);
}

TESTSUITE(TEST(cpus_that_are_there_are_kept),
	  TEST(a_node_that_is_missing_becomes_one_that_is_there),
	  TEST(a_small_machine_shows_its_own_cpus), TEST(nodes_without_cpus_are_left_out),
	  TEST(a_kernel_without_numa_is_one_node), TEST(what_cannot_be_read_leaves_the_description),
	  TEST(a_device_without_a_place_gets_none), TEST(odd_lists_are_read_as_far_as_they_go),
	  TEST(reading_the_machine_costs_as_much_as_its_few_files))
