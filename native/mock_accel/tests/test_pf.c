/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_accel_pf.h"

#include "mock_accel_config.h"
#include "mock_accel_uapi.h"
#include "testsuite.h"

static struct mock_accel_pf pf;
static char text[128], reason[160];

static void start(void)
{
	static const struct mock_accel_config config = MOCK_ACCEL_CONFIG_DEFAULT;

	mock_accel_config_pf(&config, 0, &pf);
	mock_accel_pf_identify(&pf, 0, "example");
}

static const char *get(const char *name)
{
	CHECK(mock_accel_pf_get(&pf, name, text, sizeof(text)) >= 0);
	return text;
}

static void every_field_shows_what_was_set(void)
{
	static const struct {
		const char *name;
		const char *before;
		const char *value;
		const char *after;
	} cases[] = {
		{ "vendor", "0x1de5", "0x10de", "0x10de" },
		{ "device", "0x0001", "8368\n", "0x20b0" },
		{ "subsystem_vendor", "0x1de5", "0x0", "0x0000" },
		{ "subsystem_device", "0x0001", "0xFFFF", "0xffff" },
		{ "vf_device", "0x0002", "0x3", "0x0003" },
		{ "class", "0x120000", "0x030200", "0x030200" },
		{ "revision", "0x01", "0xa1", "0xa1" },
		{ "registers", "1", "0", "0" },
		{ "total_vfs", "4", "7", "7" },
		{ "link_speed", "4", "6", "6" },
		{ "link_width", "16", "32", "32" },
		{ "memory_size", "17179869184", "40G", "42949672960" },
		{ "vf_memory_size", "2147483648", "0x10", "16" },
		{ "slot", "0", "31", "31" },
		{ "slot", "0", "-1\n", "-1" },
		{ "numa_node", "-1", "1", "1" },
		{ "root_bus", "1000:00", "ABCD:0f", "abcd:0f" },
		{ "root_bus", "1000:00", "0001:ff\n", "0001:ff" },
		{ "uuid", "a045ca8d-d7df-8695-8a94-dc99c370b2a7",
		  "01234567-89ab-cdef-0123-456789ABCDEF\n",
		  "01234567-89ab-cdef-0123-456789abcdef" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		CHECK_STRING(get(cases[i].name), cases[i].before);
		CHECK_NUMBER(mock_accel_pf_set(&pf, cases[i].name, cases[i].value, reason,
					       sizeof(reason)),
			     0);
		CHECK_STRING(get(cases[i].name), cases[i].after);
	}
}

static void impossible_values_are_refused_with_what_would_be_possible(void)
{
	static const struct {
		const char *name;
		const char *value;
		const char *reason;
	} cases[] = {
		{ "vendor", "0", "vendor must be 0x2 to 0xfffe" },
		{ "vendor", "0xffff", "vendor must be 0x2 to 0xfffe" },
		{ "vendor", "10de", "vendor must be 0x2 to 0xfffe" },
		{ "device", "", "device must be 0x0 to 0xfffe" },
		{ "device", "0x10000", "device must be 0x0 to 0xfffe" },
		{ "revision", "0x100", "revision must be 0x0 to 0xff" },
		{ "revision", "1 2", "revision must be 0x0 to 0xff" },
		{ "class", "0x060400",
		  "class must be 0x0 to 0xffffff, neither a bridge nor an IDE controller" },
		{ "class", "0x01018a",
		  "class must be 0x0 to 0xffffff, neither a bridge nor an IDE controller" },
		{ "class", "0x1000000",
		  "class must be 0x0 to 0xffffff, neither a bridge nor an IDE controller" },
		{ "registers", "2", "registers must be 0 to 1" },
		{ "total_vfs", "8", "total_vfs must be 0 to 7" },
		{ "link_speed", "0", "link_speed must be 1 to 6" },
		{ "link_width", "3", "link_width must be 1, 2, 4, 8, 16 or 32" },
		{ "link_width", "64", "link_width must be 1, 2, 4, 8, 16 or 32" },
		{ "memory_size", "0", "memory_size must be 1 to 4194304T" },
		{ "vf_memory_size", "4194305T", "vf_memory_size must be 1 to 4194304T" },
		{ "slot", "32", "slot must be 0 to 31, or -1 for any" },
		{ "slot", "-2", "slot must be 0 to 31, or -1 for any" },
		{ "numa_node", "65536", "numa_node must be 0 to 65535, or -1 for any" },
		{ "root_bus", "0000:00",
		  "root_bus must be DDDD:BB in hexadecimal digits, with a domain above 0000" },
		{ "root_bus", "10000:00",
		  "root_bus must be DDDD:BB in hexadecimal digits, with a domain above 0000" },
		{ "root_bus", "1000-00",
		  "root_bus must be DDDD:BB in hexadecimal digits, with a domain above 0000" },
		{ "root_bus", "1000:0g",
		  "root_bus must be DDDD:BB in hexadecimal digits, with a domain above 0000" },
		{ "uuid", "0123456789abcdef0123456789abcdef",
		  "uuid must be 32 hexadecimal digits with four hyphens" },
		{ "uuid", "01234567-89ab-cdef-0123-456789abcdeg",
		  "uuid must be 32 hexadecimal digits with four hyphens" },
		{ "uuid", "012345678-9ab-cdef-0123-456789abcdef",
		  "uuid must be 32 hexadecimal digits with four hyphens" },
		{ "uuid",
		  "01234567-89ab-cdef-0123-456789abcdef01234567-89ab-cdef-0123-456789abcdef",
		  "uuid must be 32 hexadecimal digits with four hyphens" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mock_accel_pf before;

		start();
		before = pf;
		CHECK_NUMBER(mock_accel_pf_set(&pf, cases[i].name, cases[i].value, reason,
					       sizeof(reason)),
			     -EINVAL);
		CHECK_STRING(reason, cases[i].reason);
		CHECK(memcmp(&before, &pf, sizeof(pf)) == 0);
	}
}

static void unknown_names_are_told_apart(void)
{
	start();
	CHECK_NUMBER(mock_accel_pf_set(&pf, "domain", "1", reason, sizeof(reason)), -ENOENT);
	CHECK_NUMBER(mock_accel_pf_get(&pf, "bus", text, sizeof(text)), -ENOENT);
}

static void vfs_are_like_their_physical_function(void)
{
	struct mock_accel_function_config vf;

	start();
	CHECK_NUMBER(mock_accel_pf_set(&pf, "vendor", "0x10de", reason, sizeof(reason)), 0);
	CHECK_NUMBER(mock_accel_pf_set(&pf, "vf_device", "0x1234", reason, sizeof(reason)), 0);
	CHECK_NUMBER(mock_accel_pf_set(&pf, "class", "0x030200", reason, sizeof(reason)), 0);
	CHECK_NUMBER(mock_accel_pf_set(&pf, "registers", "0", reason, sizeof(reason)), 0);
	mock_accel_pf_function(&pf, 2, &vf);
	CHECK_NUMBER(vf.vendor, 0x10de);
	CHECK_NUMBER(vf.device, 0x1234);
	CHECK_NUMBER(vf.class, 0x030200);
	CHECK(!vf.registers);
	CHECK(vf.is_vf);
}

static void uuids_of_vfs_follow_from_that_of_their_physical_function(void)
{
	struct mock_accel_function_config first, second, again;

	start();
	mock_accel_pf_function(&pf, 0, &first);
	CHECK(memcmp(first.uuid, pf.uuid, sizeof(pf.uuid)) == 0);
	mock_accel_pf_function(&pf, 1, &first);
	mock_accel_pf_function(&pf, 2, &second);
	CHECK(memcmp(first.uuid, second.uuid, sizeof(first.uuid)) != 0);

	/* Writing what was read changes nothing, nor does another number. */
	CHECK_NUMBER(mock_accel_pf_set(&pf, "uuid", get("uuid"), reason, sizeof(reason)), 0);
	mock_accel_pf_function(&pf, 1, &again);
	CHECK(memcmp(first.uuid, again.uuid, sizeof(first.uuid)) == 0);
	mock_accel_pf_identify(&pf, 7, "example");
	CHECK_NUMBER(mock_accel_pf_set(&pf, "uuid", "A045CA8D-D7DF-8695-8A94-DC99C370B2A7", reason,
				       sizeof(reason)),
		     0);
	mock_accel_pf_function(&pf, 1, &again);
	CHECK(memcmp(first.uuid, again.uuid, sizeof(first.uuid)) == 0);
}

TESTSUITE(TEST(every_field_shows_what_was_set),
	  TEST(impossible_values_are_refused_with_what_would_be_possible),
	  TEST(unknown_names_are_told_apart), TEST(vfs_are_like_their_physical_function),
	  TEST(uuids_of_vfs_follow_from_that_of_their_physical_function))
