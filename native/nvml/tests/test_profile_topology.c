/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How GPUs of a description meet: by links, root complexes and NUMA nodes. */
#include "profile_fixture.h"

static void links_by_switches_reach_everyone(void)
{
	struct description *a100 = load("a100", 8), *gb200 = load("gb200", 4);

	CHECK_NUMBER(description_links_between(a100, 0, 7), 12);
	CHECK_NUMBER(description_links_between(a100, 3, 3), 0);
	CHECK_NUMBER(a100->devices[0].links[0].remote_type, PROFILE_REMOTE_SWITCH);
	CHECK_NUMBER(a100->devices[0].links[0].remote_bus, 0xc4);
	CHECK_NUMBER(a100->devices[0].links[6].remote_bus, 0xc4);
	CHECK_NUMBER(a100->devices[0].links[0].remote_domain, a100->devices[0].pci_domain);
	CHECK_NUMBER(a100->devices[0].links[0].remote_pci_id, 0x1af110de);
	CHECK_NUMBER(description_links_between(gb200, 0, 3), 18);
	CHECK_NUMBER(gb200->devices[0].links[0].remote_pci_id, 0);
}

static void links_one_by_one(void)
{
	struct description *d = must_parse(
		MINIMAL "system: {num_devices: 3}\n"
			"nvlink:\n"
			"  version: 2\n"
			"  links_per_gpu: 2\n"
			"  device_links:\n"
			"    - {index: 0, links: [{link: 0, remote_index: 1},\n"
			"                         {link: 1, remote_index: 1, state: inactive}]}\n"
			"    - {index: 1, links: [{link: 0, remote_index: 0}]}\n");

	CHECK_NUMBER(description_links_between(d, 0, 1), 1);
	CHECK_NUMBER(description_links_between(d, 1, 0), 1);
	CHECK_NUMBER(description_links_between(d, 0, 2), 0);
	CHECK_NUMBER(d->devices[0].links[0].remote_device, 1);
	CHECK_NUMBER(d->devices[0].links[0].remote_bus, d->devices[1].pci_bus);
	CHECK_NUMBER(d->devices[0].links[1].active, 0);
	CHECK_NUMBER(d->devices[2].link_count, 2);
	CHECK_NUMBER(d->devices[2].links[0].active, 0);
}

static void topology_of_a_dgx_a100(void)
{
	struct description *d = load("a100", 16);

	CHECK_NUMBER(d->devices[0].numa_node, 3);
	CHECK_NUMBER(d->devices[6].numa_node, 5);
	CHECK_NUMBER(description_topology(d, 0, 0), 0);
	CHECK_NUMBER(description_topology(d, 0, 1), 20);
	CHECK_NUMBER(description_topology(d, 0, 2), 50);
	/* The ninth GPU sits like the first, in another machine's worth of them. */
	CHECK_NUMBER(d->devices[8].numa_node, 3);
	CHECK_NUMBER(description_topology(d, 0, 8), 40);
	CHECK_NUMBER(d->devices[8].pci_domain, d->devices[0].pci_domain + 1);
	CHECK(d->devices[0].cpus[0] == (uint64_t)0xffff << 48);
	CHECK(d->devices[0].cpus[2] == (uint64_t)0xffff << 48);
}

/* Each GPU of a GB300 tray has the bus of the others, and a PCI domain of its own. */
static void one_slot_serves_all_root_complexes(void)
{
	struct description *d = load("gb300", 6);

	for (uint32_t i = 0; i < 6; i++) {
		CHECK_NUMBER(d->devices[i].pci_bus, 6);
		CHECK_NUMBER(d->devices[i].pci_domain, d->devices[0].pci_domain + i);
		CHECK_NUMBER(d->devices[i].numa_node, i % 4 / 2);
		CHECK_NUMBER(d->devices[i].root_complex, i);
	}
	CHECK_NUMBER(description_topology(d, 0, 1), 40);
	CHECK_NUMBER(description_topology(d, 1, 2), 50);
}

static void cores_per_numa_give_cpus(void)
{
	struct description *d = must_parse(
		MINIMAL "devices: [{index: 0, pci: {bus_id: '0000:0A:00.0'}}]\n"
			"pcie_topology:\n"
			"  cores_per_numa: 4\n"
			"  root_complexes: [{numa_node: 2, devices: ['0000:0a:00.0']}]\n");

	CHECK_NUMBER(d->devices[0].numa_node, 2);
	CHECK_NUMBER(d->devices[0].cpus[0], 0xf00);
}

TESTSUITE(TEST(links_by_switches_reach_everyone), TEST(links_one_by_one),
	  TEST(topology_of_a_dgx_a100), TEST(one_slot_serves_all_root_complexes),
	  TEST(cores_per_numa_give_cpus))
