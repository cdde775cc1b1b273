/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_accel_config.h"

#include "mock_accel_uapi.h"
#include "testsuite.h"

static struct mock_accel_config config;
static char text[512];

static void set(const char *name, const char *value)
{
	if (mock_accel_config_set(&config, name, value)) {
		fprintf(stderr, "%s=%s is refused\n", name, value);
		exit(1);
	}
}

static void check_shown(const char *name, const char *expected)
{
	CHECK(mock_accel_config_get(&config, name, text, sizeof(text)) == (int)strlen(expected));
	CHECK_STRING(text, expected);
}

static void check_wrong_form(const char *name, const char *value)
{
	struct mock_accel_config before = config;

	if (mock_accel_config_set(&config, name, value) != -EINVAL) {
		fprintf(stderr, "%s=%s is not refused\n", name, value);
		exit(1);
	}
	CHECK(before.num_pfs == config.num_pfs && before.pf_memory == config.pf_memory);
	CHECK_STRING(config.uuid_seed, before.uuid_seed);
}

static void check_refused(const char *reason)
{
	CHECK_NUMBER(mock_accel_config_validate(&config, text, sizeof(text)), -EINVAL);
	CHECK_STRING(text, reason);
}

static void start(void)
{
	static const struct mock_accel_config initial = MOCK_ACCEL_CONFIG_DEFAULT;

	config = initial;
}

static void the_default_is_valid_and_that_of_mock_device(void)
{
	start();
	CHECK_NUMBER(mock_accel_config_validate(&config, text, sizeof(text)), 0);
	check_shown("num_pfs", "1");
	check_shown("total_vfs", "4");
	check_shown("num_vfs", "0");
	check_shown("num_roots", "1");
	check_shown("numa_nodes", "");
	check_shown("pf_memory", "17179869184");
	check_shown("vf_memory", "2147483648");
	check_shown("first_domain", "4096");
}

static void every_field_shows_what_was_set(void)
{
	static const struct {
		const char *name, *value, *shown;
	} cases[] = {
		{ "num_pfs", "64", "64" },
		{ "num_pfs", "0x40\n", "64" },
		{ "total_vfs", "7", "7" },
		{ "num_vfs", "2", "2" },
		{ "num_roots", "16", "16" },
		{ "numa_nodes", "0", "0" },
		{ "numa_nodes", "0,1,0", "0,1,0" },
		{ "numa_nodes", "\n", "" },
		{ "pf_memory", "1", "1" },
		{ "pf_memory", "96G", "103079215104" },
		{ "vf_memory", "512K", "524288" },
		{ "vf_memory", "3M", "3145728" },
		{ "vf_memory", "1T", "1099511627776" },
		{ "first_domain", "0x2000", "8192" },
		{ "link_speed", "5", "5" },
		{ "link_width", "8", "8" },
		{ "uuid_seed", "0123456789abcdef0123456789abcdef\n",
		  "0123456789abcdef0123456789abcdef" },
		{ "uuid_seed", "", "" },
	};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set(cases[i].name, cases[i].value);
		check_shown(cases[i].name, cases[i].shown);
	}
}

static void values_of_wrong_form_are_refused_and_change_nothing(void)
{
	static const char *const numbers[] = {
		"",	 " ",	"x",	      "0x",	     "-1", "1 ",
		"1\n\n", "1.5", "4294967296", "0xfffffffff", "5G", "99999999999999999999999"
	};
	static const char *const sizes[] = { "",     "G",   "16g",  "16GB",
					     "16 G", "-1G", "1.5G", "36028797018963968T" };
	static const char *const nodes[] = { ",", "0,", ",0", "0,,1", "a", "0-1", "65536" };
	char long_seed[MOCK_ACCEL_SEED_SIZE + 1] = { 0 },
					      many[2 * MOCK_ACCEL_MAX_NODES + 2] = { 0 };

	start();
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		check_wrong_form("num_pfs", numbers[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		check_wrong_form("pf_memory", sizes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		check_wrong_form("numa_nodes", nodes[i]);
	memset(long_seed, 'a', MOCK_ACCEL_SEED_SIZE);
	check_wrong_form("uuid_seed", long_seed);
	for (size_t i = 0; i <= MOCK_ACCEL_MAX_NODES; i++)
		memcpy(many + 2 * i, i < MOCK_ACCEL_MAX_NODES ? "1," : "1", 2);
	check_wrong_form("numa_nodes", many);
	many[2 * MOCK_ACCEL_MAX_NODES - 1] = 0;
	set("numa_nodes", many);
	CHECK_NUMBER(config.node_count, MOCK_ACCEL_MAX_NODES);
}

static void unknown_names_are_told_apart(void)
{
	start();
	CHECK_NUMBER(mock_accel_config_set(&config, "colour", "1"), -ENOENT);
	CHECK_NUMBER(mock_accel_config_get(&config, "colour", text, sizeof(text)), -ENOENT);
}

static void short_room_cuts_what_is_shown(void)
{
	start();
	set("numa_nodes", "10,11,12");
	CHECK_NUMBER(mock_accel_config_get(&config, "numa_nodes", text, 5), 8);
	CHECK_STRING(text, "10,1");
	CHECK_NUMBER(mock_accel_config_get(&config, "num_pfs", text, 1), 1);
	CHECK_STRING(text, "");
}

static void impossible_descriptions_are_refused_with_the_reason(void)
{
	static const struct {
		const char *settings[6];
		const char *reason;
	} cases[] = {
		{ { "num_pfs", "513" }, "num_pfs is 513: it must be 0 to 512" },
		{ { "num_pfs", "0", "num_roots", "2" },
		  "num_roots is 2 with num_pfs 0: each root bus needs a physical function" },
		{ { "num_pfs", "20", "num_roots", "17" }, "num_roots is 17: it must be 1 to 16" },
		{ { "num_roots", "0" }, "num_roots is 0: it must be 1 to 16" },
		{ { "num_pfs", "1", "num_roots", "2" },
		  "num_roots is 2 with num_pfs 1: each root bus needs a physical function" },
		{ { "num_pfs", "65", "num_roots", "2" },
		  "num_pfs is 65 with num_roots 2: a root bus holds at most 32" },
		{ { "total_vfs", "8" }, "total_vfs is 8: it must be 0 to 7" },
		{ { "num_vfs", "5" }, "num_vfs is 5: it must be at most total_vfs, which is 4" },
		{ { "first_domain", "0" },
		  "first_domain is 0x0 with num_roots 1: domains must be 0x1 to 0xffff" },
		{ { "first_domain", "0xffff", "num_pfs", "2", "num_roots", "2" },
		  "first_domain is 0xffff with num_roots 2: domains must be 0x1 to 0xffff" },
		{ { "first_domain", "0xffffffff" },
		  "first_domain is 0xffffffff with num_roots 1: domains must be 0x1 to 0xffff" },
		{ { "pf_memory", "0" }, "pf_memory is 0: it must be 1 to 4194304T" },
		{ { "vf_memory", "4194305T" },
		  "vf_memory is 4611687117939015680: it must be 1 to 4194304T" },
		{ { "link_speed", "7" },
		  "link_speed is 7: it must be the number of a PCI Express generation, 1 to 6" },
		{ { "link_width", "3" }, "link_width is 3: it must be 1, 2, 4, 8, 16 or 32" },
		{ { "link_width", "64" }, "link_width is 64: it must be 1, 2, 4, 8, 16 or 32" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		for (size_t j = 0; j < 6 && cases[i].settings[j]; j += 2)
			set(cases[i].settings[j], cases[i].settings[j + 1]);
		check_refused(cases[i].reason);
	}
}

static void the_limits_themselves_are_valid(void)
{
	start();
	set("num_pfs", "512");
	set("num_roots", "16");
	set("total_vfs", "7");
	set("num_vfs", "7");
	set("first_domain", "0xfff0");
	set("pf_memory", "4194304T");
	CHECK_NUMBER(mock_accel_config_validate(&config, text, sizeof(text)), 0);
}

static void there_may_be_none_from_the_start(void)
{
	start();
	set("num_pfs", "0");
	CHECK_NUMBER(mock_accel_config_validate(&config, text, sizeof(text)), 0);
	CHECK_NUMBER(mock_accel_config_root_pfs(&config, 0), 0);
}

static void each_function_is_told_its_place(void)
{
	struct mock_accel_pf pf;

	start();
	set("num_pfs", "7");
	set("num_roots", "3");
	set("numa_nodes", "1,0");
	mock_accel_config_pf(&config, 4, &pf);
	CHECK_NUMBER(pf.number, 4);
	CHECK_NUMBER(pf.domain, 0x1001);
	CHECK_NUMBER(pf.bus, 0);
	CHECK_NUMBER(pf.slot, 1);
	CHECK_NUMBER(pf.numa_node, 0);
	/* One that comes later may be anywhere on the first. */
	mock_accel_config_pf(&config, 7, &pf);
	CHECK_NUMBER(pf.number, 7);
	CHECK_NUMBER(pf.domain, 0x1000);
	CHECK_NUMBER(pf.slot, MOCK_ACCEL_ANY);
	CHECK_NUMBER(pf.numa_node, MOCK_ACCEL_ANY);
}

static void functions_fill_one_root_after_the_other(void)
{
	static const struct mock_accel_place expected[] = { { 0, 0 }, { 0, 1 }, { 0, 2 }, { 1, 0 },
							    { 1, 1 }, { 2, 0 }, { 2, 1 } };

	start();
	set("num_pfs", "7");
	set("num_roots", "3");
	for (u32 pf = 0; pf < 7; pf++) {
		struct mock_accel_place place = mock_accel_config_place(&config, pf);

		CHECK_NUMBER(place.root, expected[pf].root);
		CHECK_NUMBER(place.slot, expected[pf].slot);
	}
	CHECK_NUMBER(mock_accel_config_root_pfs(&config, 0), 3);
	CHECK_NUMBER(mock_accel_config_root_pfs(&config, 2), 2);
}

/* One function of the description, by the number of its physical function. */
static struct mock_accel_function_config function_of(u32 number, u32 function)
{
	struct mock_accel_function_config description;
	struct mock_accel_pf pf;

	mock_accel_config_pf(&config, number, &pf);
	mock_accel_pf_function(&pf, function, &description);
	return description;
}

static void physical_and_virtual_functions_differ(void)
{
	struct mock_accel_function_config pf, vf;

	start();
	pf = function_of(0, 0);
	vf = function_of(0, 3);
	CHECK_NUMBER(pf.vendor, 0x1de5);
	CHECK_NUMBER(pf.device, 1);
	CHECK_NUMBER(pf.class, 0x120000);
	CHECK_NUMBER(pf.memory_size, 16LL << 30);
	CHECK_NUMBER(pf.total_vfs, 4);
	CHECK_NUMBER(pf.vf_device, 2);
	CHECK_NUMBER(pf.capabilities, MOCK_ACCEL_CAP_SRIOV | MOCK_ACCEL_CAP_PASSPHRASE);
	CHECK(!pf.is_vf);
	CHECK_NUMBER(vf.device, 2);
	CHECK_NUMBER(vf.memory_size, 2LL << 30);
	CHECK_NUMBER(vf.total_vfs, 0);
	CHECK_NUMBER(vf.capabilities, MOCK_ACCEL_CAP_VF | MOCK_ACCEL_CAP_PASSPHRASE);
	CHECK(vf.is_vf);

	set("total_vfs", "0");
	pf = function_of(0, 0);
	CHECK_NUMBER(pf.capabilities, MOCK_ACCEL_CAP_PASSPHRASE);
}

/* All UUIDs of the largest configuration, then the same again. */
static u8 uuids[MOCK_ACCEL_MAX_PFS * MOCK_ACCEL_SLOT_FUNCTIONS][16];

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void uuids_are_distinct_and_follow_from_the_seed(void)
{
	struct mock_accel_function_config one, again, other;
	size_t count = ARRAY_SIZE(uuids);

	start();
	set("uuid_seed", "host-a");
	for (size_t i = 0; i < count; i++) {
		one = function_of(i / 8, i % 8);
		memcpy(uuids[i], one.uuid, 16);
		CHECK_NUMBER(one.uuid[6] >> 4, 8);
		CHECK_NUMBER(one.uuid[8] >> 6, 2);
	}
	qsort(uuids, count, 16, compare);
	for (size_t i = 1; i < count; i++)
		CHECK(memcmp(uuids[i - 1], uuids[i], 16) != 0);

	one = function_of(3, 2);
	again = function_of(3, 2);
	CHECK(memcmp(one.uuid, again.uuid, 16) == 0);
	set("uuid_seed", "host-b");
	other = function_of(3, 2);
	CHECK(memcmp(one.uuid, other.uuid, 16) != 0);
}

/* What users have written down must stay theirs: a change of these bytes changes every host's UUIDs. */
static void uuids_stay_what_they_were(void)
{
	static const u8 expected[16] = { 0xa0, 0x45, 0xca, 0x8d, 0xd7, 0xdf, 0x86, 0x95,
					 0x8a, 0x94, 0xdc, 0x99, 0xc3, 0x70, 0xb2, 0xa7 };
	struct mock_accel_function_config one;

	start();
	set("uuid_seed", "example");
	one = function_of(0, 0);
	for (size_t i = 0; i < 16; i++)
		CHECK_NUMBER(one.uuid[i], expected[i]);
}

TESTSUITE(TEST(the_default_is_valid_and_that_of_mock_device), TEST(every_field_shows_what_was_set),
	  TEST(values_of_wrong_form_are_refused_and_change_nothing),
	  TEST(unknown_names_are_told_apart), TEST(short_room_cuts_what_is_shown),
	  TEST(impossible_descriptions_are_refused_with_the_reason),
	  TEST(the_limits_themselves_are_valid), TEST(there_may_be_none_from_the_start),
	  TEST(each_function_is_told_its_place), TEST(functions_fill_one_root_after_the_other),
	  TEST(physical_and_virtual_functions_differ),
	  TEST(uuids_are_distinct_and_follow_from_the_seed), TEST(uuids_stay_what_they_were))
