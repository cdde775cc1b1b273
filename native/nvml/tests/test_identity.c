/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "identity.h"
#include "testsuite.h"

/* Frozen: a node must keep its identities over every later version. */
static void the_same_node_gets_the_same(void)
{
	char uuid[48], serial[32];

	identity_uuid("node-1", 0, uuid);
	CHECK_STRING(uuid, "GPU-3711e267-c382-6077-ddd0-54f2404eb28f");
	identity_serial("node-1", 0, serial);
	CHECK_STRING(serial, "1949582954119");
	CHECK_NUMBER(identity_pci_domain("node-1"), 0xdca0);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void nodes_never_share_one(void)
{
	enum { NODES = 200, DEVICES = 128 };
	static char uuids[NODES * DEVICES][48];
	char node[32];
	size_t n = 0;

	for (int i = 0; i < NODES; i++) {
		snprintf(node, sizeof(node), "worker-%d", i);
		for (uint32_t device = 0; device < DEVICES; device++)
			identity_uuid(node, device, uuids[n++]);
	}
	qsort(uuids, n, sizeof(uuids[0]), compare);
	for (size_t i = 1; i < n; i++)
		CHECK(strcmp(uuids[i - 1], uuids[i]) != 0);
}

static void serials_have_thirteen_digits(void)
{
	char serial[32];

	for (uint32_t module = 0; module < 1000; module++) {
		identity_serial("a", module, serial);
		CHECK_NUMBER(strlen(serial), 13);
		CHECK_NUMBER(strspn(serial, "0123456789"), 13);
		CHECK(serial[0] == '1');
	}
}

/* The kernel's domains end at ffff, and 128 GPUs may take 128 of them. */
static void domains_leave_room(void)
{
	char node[32];

	for (int i = 0; i < 20000; i++) {
		uint32_t domain;

		snprintf(node, sizeof(node), "n%d", i);
		domain = identity_pci_domain(node);
		CHECK(domain >= 0x1000 && domain + 128 <= 0xffff);
	}
}

static void node_name_is_short_and_small(void)
{
	char name[256];

	identity_node_name(name, sizeof(name));
	CHECK(*name && !strchr(name, '.'));
	for (char *c = name; *c; c++)
		CHECK(*c < 'A' || *c > 'Z');
}

TESTSUITE(TEST(the_same_node_gets_the_same), TEST(nodes_never_share_one),
	  TEST(serials_have_thirteen_digits), TEST(domains_leave_room),
	  TEST(node_name_is_short_and_small))
