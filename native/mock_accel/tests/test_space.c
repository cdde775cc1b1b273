/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mock_accel_space.h"

#include "mock_accel_config.h"
#include "mock_accel_uapi.h"
#include "testsuite.h"

static const struct mock_accel_config config = MOCK_ACCEL_CONFIG_DEFAULT;
static struct mock_accel_space space;

static struct mock_accel_function_config describe(u32 function)
{
	struct mock_accel_function_config description;
	struct mock_accel_pf pf;

	mock_accel_config_pf(&config, 0, &pf);
	mock_accel_pf_function(&pf, function, &description);
	return description;
}

static void build(u32 function)
{
	struct mock_accel_function_config description = describe(function);

	mock_accel_space_build(&space, &description, function);
}

static u32 read32(u32 where)
{
	return mock_accel_space_read(&space, where, 4);
}

static u32 read16(u32 where)
{
	return mock_accel_space_read(&space, where, 2);
}

static void write16(u32 where, u32 value)
{
	mock_accel_space_write(&space, where, 2, value);
}

/* Walk the extended capabilities as the kernel does. */
static u32 find_extended(u32 id)
{
	u32 where = 0x100;

	while (where && (read32(where) & 0xffff) != id)
		where = read32(where) >> 20;
	return where;
}

static u32 registers(void)
{
	u32 where = find_extended(PCI_EXT_CAP_ID_DVSEC);

	CHECK(where);
	CHECK_NUMBER(read32(where + 4) & 0xffff, MOCK_ACCEL_VENDOR_ID);
	CHECK_NUMBER(read32(where + 4) >> 20, 0x0c + 0x30);
	CHECK_NUMBER(read16(where + 8), MOCK_ACCEL_DVSEC_ID);
	return where + MOCK_ACCEL_DVSEC_REGISTERS;
}

static void a_physical_function_shows_its_ids(void)
{
	build(0);
	CHECK_NUMBER(read32(PCI_VENDOR_ID), 0x00011de5);
	CHECK_NUMBER(read32(PCI_CLASS_REVISION), 0x12000001);
	CHECK_NUMBER(read32(PCI_SUBSYSTEM_VENDOR_ID), 0x00011de5);
	CHECK_NUMBER(mock_accel_space_read(&space, PCI_HEADER_TYPE, 1), 0);
	for (u32 bar = PCI_BASE_ADDRESS_0; bar <= PCI_BASE_ADDRESS_5; bar += 4) {
		mock_accel_space_write(&space, bar, 4, 0xffffffff);
		CHECK_NUMBER(read32(bar), 0);
	}
}

static void a_virtual_function_leaves_its_ids_to_the_physical_one(void)
{
	build(1);
	CHECK_NUMBER(read32(PCI_VENDOR_ID), 0xffffffff);
	CHECK_NUMBER(read32(PCI_CLASS_REVISION), 0x12000001);
	CHECK_NUMBER(find_extended(PCI_EXT_CAP_ID_SRIOV), 0);
	CHECK_NUMBER(read32(registers() + MOCK_ACCEL_REG_DEVICE_ID), 2);
}

static void the_link_runs_at_its_best(void)
{
	u32 pcie;

	build(0);
	pcie = mock_accel_space_read(&space, PCI_CAPABILITY_LIST, 1);
	CHECK_NUMBER(read16(pcie), PCI_CAP_ID_EXP);
	CHECK_NUMBER(read16(pcie + PCI_EXP_FLAGS), 2);
	CHECK_NUMBER(read32(pcie + PCI_EXP_LNKCAP), 0x104);
	CHECK_NUMBER(read16(pcie + PCI_EXP_LNKSTA), 0x104);
	CHECK_NUMBER(read32(pcie + PCI_EXP_LNKCAP2), 0x1e);
}

static void registers_are_in_the_dvsec(void)
{
	struct mock_accel_function_config description = describe(0);
	u32 at;

	build(0);
	at = registers();
	CHECK_NUMBER(read32(at + MOCK_ACCEL_REG_DEVICE_ID), 1);
	CHECK_NUMBER(read32(at + MOCK_ACCEL_REG_REVISION), 1);
	for (u32 i = 0; i < 16; i++)
		CHECK_NUMBER(mock_accel_space_read(&space, at + MOCK_ACCEL_REG_UUID + i, 1),
			     description.uuid[i]);
	CHECK_NUMBER(read32(at + MOCK_ACCEL_REG_MEMORY_SIZE), 0);
	CHECK_NUMBER(read32(at + MOCK_ACCEL_REG_MEMORY_SIZE + 4), 4);
	CHECK_NUMBER(read32(at + MOCK_ACCEL_REG_CAPABILITIES), 5);
	CHECK_NUMBER(read32(at + MOCK_ACCEL_REG_STATUS), MOCK_ACCEL_STATUS_FREE);
}

static void of_the_registers_only_the_allocation_can_be_written(void)
{
	u32 at;

	build(0);
	at = registers();
	for (u32 reg = 0; reg < MOCK_ACCEL_REG_END; reg += 4) {
		u32 before = read32(at + reg);

		mock_accel_space_write(&space, at + reg, 4, ~before);
		CHECK_NUMBER(read32(at + reg), reg == MOCK_ACCEL_REG_STATUS ? 1 : before);
	}
}

static void parts_of_a_register_are_written_alone(void)
{
	build(0);
	mock_accel_space_write(&space, PCI_COMMAND, 1, 0xff);
	CHECK_NUMBER(read16(PCI_COMMAND), 0x46);
	mock_accel_space_write(&space, PCI_COMMAND + 1, 1, 0xff);
	CHECK_NUMBER(read16(PCI_COMMAND), 0x546);
	write16(PCI_COMMAND, PCI_COMMAND_MASTER);
	CHECK_NUMBER(read16(PCI_COMMAND), PCI_COMMAND_MASTER);
}

static void errors_are_in_the_status_until_the_device_takes_them_back(void)
{
	u32 status;

	build(0);
	status = registers() + MOCK_ACCEL_REG_STATUS;
	mock_accel_space_write(&space, status, 4, MOCK_ACCEL_STATUS_ALLOCATED);
	mock_accel_space_set_errors(&space, MOCK_ACCEL_ERROR_MEMORY | MOCK_ACCEL_ERROR_POWER);
	CHECK_NUMBER(read32(status), 0x501);
	mock_accel_space_write(&space, status, 4, 0);
	CHECK_NUMBER(read32(status), 0x500);
	mock_accel_space_set_errors(&space, 0x1ff);
	CHECK_NUMBER(read32(status), 0xff00);
	mock_accel_space_set_errors(&space, 0);
	CHECK_NUMBER(read32(status), 0);
}

static void a_reset_forgets_what_was_written(void)
{
	u32 status;

	build(1);
	status = registers() + MOCK_ACCEL_REG_STATUS;
	mock_accel_space_write(&space, status, 4, MOCK_ACCEL_STATUS_ALLOCATED);
	write16(PCI_COMMAND, PCI_COMMAND_MASTER);
	mock_accel_space_reset(&space);
	CHECK_NUMBER(read32(status), MOCK_ACCEL_STATUS_FREE);
	CHECK_NUMBER(read16(PCI_COMMAND), 0);
	CHECK_NUMBER(read32(status - MOCK_ACCEL_REG_STATUS), 2);
}

static void logged_errors_stay_until_they_are_cleared(void)
{
	static const struct {
		enum mock_accel_severity severity;
		u32 device_status;
		u32 where;
		u32 bit;
	} cases[] = {
		{ MOCK_ACCEL_CORRECTABLE, PCI_EXP_DEVSTA_CED, PCI_ERR_COR_STATUS, 0x1 },
		{ MOCK_ACCEL_NONFATAL, PCI_EXP_DEVSTA_NFED, PCI_ERR_UNCOR_STATUS, 0x4000 },
		{ MOCK_ACCEL_FATAL, PCI_EXP_DEVSTA_FED, PCI_ERR_UNCOR_STATUS, 0x40000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 aer, pcie;

		build(0);
		aer = find_extended(PCI_EXT_CAP_ID_ERR);
		pcie = mock_accel_space_read(&space, PCI_CAPABILITY_LIST, 1);
		CHECK(aer);
		mock_accel_space_log_error(&space, cases[i].severity);
		CHECK_NUMBER(read16(pcie + PCI_EXP_DEVSTA), cases[i].device_status);
		CHECK_NUMBER(read32(aer + cases[i].where), cases[i].bit);
		/* Whether it is fatal is what the capability says of this error. */
		if (cases[i].severity != MOCK_ACCEL_CORRECTABLE)
			CHECK_NUMBER(!!(read32(aer + PCI_ERR_UNCOR_SEVER) & cases[i].bit),
				     cases[i].severity == MOCK_ACCEL_FATAL);
		mock_accel_space_write(&space, aer + cases[i].where, 4, ~cases[i].bit);
		write16(pcie + PCI_EXP_DEVSTA, 0);
		CHECK_NUMBER(read32(aer + cases[i].where), cases[i].bit);
		CHECK_NUMBER(read16(pcie + PCI_EXP_DEVSTA), cases[i].device_status);
		mock_accel_space_write(&space, aer + cases[i].where, 4, cases[i].bit);
		write16(pcie + PCI_EXP_DEVSTA, cases[i].device_status);
		CHECK_NUMBER(read32(aer + cases[i].where), 0);
		CHECK_NUMBER(read16(pcie + PCI_EXP_DEVSTA), 0);
	}
}

static void a_function_without_registers_has_no_dvsec(void)
{
	struct mock_accel_function_config description = describe(0);

	description.registers = false;
	mock_accel_space_build(&space, &description, 0);
	CHECK_NUMBER(find_extended(PCI_EXT_CAP_ID_DVSEC), 0);
	CHECK(find_extended(PCI_EXT_CAP_ID_SRIOV));
	/* There is no status that could show them. */
	mock_accel_space_set_errors(&space, 0xff);
	description.total_vfs = 0;
	mock_accel_space_build(&space, &description, 0);
	CHECK_NUMBER(read32(0x100) & 0xffff, PCI_EXT_CAP_ID_ERR);
	CHECK_NUMBER(read32(0x100) >> 20, 0);
	description.is_vf = true;
	mock_accel_space_build(&space, &description, 1);
	CHECK_NUMBER(read32(0x100), 0);
}

static void vfs_answer_while_they_are_enabled(void)
{
	u32 sriov;

	build(0);
	sriov = find_extended(PCI_EXT_CAP_ID_SRIOV);
	CHECK_NUMBER(read16(sriov + PCI_SRIOV_TOTAL_VF), 4);
	CHECK_NUMBER(read16(sriov + PCI_SRIOV_INITIAL_VF), 4);
	CHECK_NUMBER(read16(sriov + PCI_SRIOV_VF_DID), 2);
	CHECK_NUMBER(mock_accel_space_enabled_vfs(&space), 0);

	write16(sriov + PCI_SRIOV_NUM_VF, 3);
	CHECK_NUMBER(mock_accel_space_enabled_vfs(&space), 0);
	write16(sriov + PCI_SRIOV_CTRL, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	CHECK_NUMBER(mock_accel_space_enabled_vfs(&space), 3);
	/* Their number stays while they are there. */
	write16(sriov + PCI_SRIOV_NUM_VF, 1);
	CHECK_NUMBER(mock_accel_space_enabled_vfs(&space), 3);
	write16(sriov + PCI_SRIOV_CTRL, 0);
	CHECK_NUMBER(mock_accel_space_enabled_vfs(&space), 0);
	write16(sriov + PCI_SRIOV_NUM_VF, 9);
	write16(sriov + PCI_SRIOV_CTRL, PCI_SRIOV_CTRL_VFE);
	CHECK_NUMBER(mock_accel_space_enabled_vfs(&space), 4);
}

static void sriov_bars_and_ids_are_read_only(void)
{
	u32 sriov;

	build(0);
	sriov = find_extended(PCI_EXT_CAP_ID_SRIOV);
	for (u32 reg = 0; reg < 0x40; reg += 4) {
		u32 before = read32(sriov + reg);

		if (reg == PCI_SRIOV_CTRL || reg == PCI_SRIOV_NUM_VF || reg == PCI_SRIOV_SYS_PGSIZE)
			continue;
		mock_accel_space_write(&space, sriov + reg, 4, ~before);
		CHECK_NUMBER(read32(sriov + reg), before);
	}
}

/* Whatever is written where, reads stay inside and constants stay constant. */
static void any_write_anywhere_does_no_harm(void)
{
	u32 random = 1;

	build(0);
	for (u32 i = 0; i < 200000; i++) {
		u32 size = 1u << (random >> 16 & 1u) << (random >> 17 & 1u), where;

		random = random * 1664525 + 1013904223;
		where = (random >> 8) % 4096 & ~(size - 1);
		mock_accel_space_write(&space, where, size, random);
		mock_accel_space_read(&space, where, size);
	}
	CHECK_NUMBER(read32(PCI_VENDOR_ID), 0x00011de5);
	CHECK(mock_accel_space_enabled_vfs(&space) <= 4);
	CHECK_NUMBER(mock_accel_space_read(&space, 0xffc, 4), 0);
	CHECK_NUMBER(mock_accel_space_read(&space, MOCK_ACCEL_SPACE_SIZE - 4, 4), 0);
}

TESTSUITE(TEST(a_physical_function_shows_its_ids),
	  TEST(a_virtual_function_leaves_its_ids_to_the_physical_one),
	  TEST(the_link_runs_at_its_best), TEST(registers_are_in_the_dvsec),
	  TEST(of_the_registers_only_the_allocation_can_be_written),
	  TEST(parts_of_a_register_are_written_alone),
	  TEST(errors_are_in_the_status_until_the_device_takes_them_back),
	  TEST(a_reset_forgets_what_was_written), TEST(logged_errors_stay_until_they_are_cleared),
	  TEST(a_function_without_registers_has_no_dvsec), TEST(vfs_answer_while_they_are_enabled),
	  TEST(sriov_bars_and_ids_are_read_only), TEST(any_write_anywhere_does_no_harm))
