/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device nodes are made in a folder of the test's own; mknod() needs root. */
#include "visible.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "testsuite.h"

static struct description description;

static void have_devices(uint32_t count)
{
	description.device_count = count;
	for (uint32_t i = 0; i < count; i++)
		description.devices[i].minor = i;
}

static void make_node(const char *folder, const char *name, unsigned int major_number,
		      unsigned int minor_number)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) != 0) {
		perror(path);
		exit(1);
	}
}

static void all_without_nodes(void)
{
	struct visible visible;

	have_devices(8);
	visible_nodes(&visible, &description, testsuite_folder());
	CHECK_NUMBER(visible.count, 8);
	visible_nodes(&visible, &description, "/nowhere/at/all");
	CHECK_NUMBER(visible.count, 8);
}

static void only_those_present_in_minor_order(void)
{
	const char *folder = testsuite_folder();
	struct visible visible;

	have_devices(128);
	make_node(folder, "nvidia10", 195, 10);
	make_node(folder, "nvidia2", 195, 2);
	make_node(folder, "nvidia127", 195, 127);
	visible_nodes(&visible, &description, folder);
	CHECK_NUMBER(visible.count, 3);
	CHECK_NUMBER(visible.slot[0], 2);
	CHECK_NUMBER(visible.slot[1], 10);
	CHECK_NUMBER(visible.slot[2], 127);
}

static void control_and_foreign_nodes_do_not_count(void)
{
	const char *folder = testsuite_folder();
	struct visible visible;
	char path[512];

	have_devices(4);
	make_node(folder, "nvidiactl", 195, 255);
	make_node(folder, "nvidia-uvm", 511, 0);
	make_node(folder, "nvidia3", 1, 3);
	snprintf(path, sizeof(path), "%s/nvidia1", folder);
	fclose(fopen(path, "w"));
	visible_nodes(&visible, &description, folder);
	CHECK_NUMBER(visible.count, 4);
}

static void minors_are_matched_not_positions(void)
{
	const char *folder = testsuite_folder();
	struct visible visible;

	have_devices(3);
	description.devices[0].minor = 7;
	description.devices[1].minor = 5;
	description.devices[2].minor = 6;
	make_node(folder, "nvidia5", 195, 5);
	make_node(folder, "nvidia7", 195, 7);
	visible_nodes(&visible, &description, folder);
	CHECK_NUMBER(visible.count, 2);
	CHECK_NUMBER(visible.slot[0], 1);
	CHECK_NUMBER(visible.slot[1], 0);
}

/* Nodes of GPUs that the page does not have: the process has none of ours. */
static void none_where_nodes_are_all_others(void)
{
	const char *folder = testsuite_folder();
	struct visible visible;

	have_devices(2);
	make_node(folder, "nvidia9", 195, 9);
	visible_nodes(&visible, &description, folder);
	CHECK_NUMBER(visible.count, 0);
}

TESTSUITE(TEST(all_without_nodes), TEST(only_those_present_in_minor_order),
	  TEST(control_and_foreign_nodes_do_not_count), TEST(minors_are_matched_not_positions),
	  TEST(none_where_nodes_are_all_others))
