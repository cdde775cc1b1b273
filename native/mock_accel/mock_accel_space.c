// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration space of one function: see mock_accel_space.h. There are no memory BARs, so no
 * address space has to be found for a device; the registers are in a DVSEC instead.
 */
#include "mock_accel_space.h"

#include "mock_accel_uapi.h"

/* Where the capabilities are: one in the first 256 bytes, the others follow each other behind them. */
#define PCIE_AT 0x40
#define EXTENDED_AT 0x100
#define AER_SIZE 0x50
#define SRIOV_SIZE 0x40
#define DVSEC_SIZE (MOCK_ACCEL_DVSEC_REGISTERS + MOCK_ACCEL_REG_END)

/* Sizes of pages that VFs could be laid out in: 4 KiB, 8 KiB, 64 KiB, 256 KiB, 1 MiB and 4 MiB. */
#define SRIOV_PAGE_SIZES 0x553

static u32 get(const struct mock_accel_space *space, u32 where, u32 size)
{
	u32 value = 0;

	for (u32 i = 0; i < size; i++)
		value |= (u32)space->bytes[where + i] << 8 * i;
	return value;
}

static void put(struct mock_accel_space *space, u32 where, u32 size, u64 value)
{
	for (u32 i = 0; i < size; i++)
		space->bytes[where + i] = value >> 8 * i;
}

/* An endpoint straight on a root bus, as virtual machines show them too; the link is up at its best. */
static void build_pcie(struct mock_accel_space *space,
		       const struct mock_accel_function_config *description)
{
	u32 link = description->link_speed | (u32)description->link_width << 4;

	put(space, PCIE_AT, 1, PCI_CAP_ID_EXP);
	put(space, PCIE_AT + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	put(space, PCIE_AT + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER);
	put(space, PCIE_AT + PCI_EXP_LNKCAP, 4, link);
	put(space, PCIE_AT + PCI_EXP_LNKSTA, 2, link);
	/* Bit n of the vector stands for generation n. */
	put(space, PCIE_AT + PCI_EXP_LNKCAP2, 4, (2u << description->link_speed) - 2);
	put(space, PCIE_AT + PCI_EXP_LNKCTL2, 2, description->link_speed);
}

/* Errors that a device can log; as in most devices, those that end the link's trust are fatal. */
#define UNCORRECTABLE (PCI_ERR_UNC_DLP | PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_MALF_TLP)
#define CORRECTABLE (PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP)

static void build_aer(struct mock_accel_space *space)
{
	put(space, space->aer, 4, PCI_EXT_CAP_ID_ERR | 2 << 16);
	put(space, space->aer + PCI_ERR_UNCOR_SEVER, 4, PCI_ERR_UNC_DLP | PCI_ERR_UNC_MALF_TLP);
}

static void build_sriov(struct mock_accel_space *space,
			const struct mock_accel_function_config *description, u8 devfn)
{
	u32 at = space->sriov;

	put(space, at, 4, PCI_EXT_CAP_ID_SRIOV | 1 << 16);
	put(space, at + PCI_SRIOV_INITIAL_VF, 2, description->total_vfs);
	put(space, at + PCI_SRIOV_TOTAL_VF, 2, description->total_vfs);
	/* The function itself: it depends on no other. */
	put(space, at + PCI_SRIOV_FUNC_LINK, 1, devfn);
	/* VFs are the next functions of the slot, so none leaves the root bus. */
	put(space, at + PCI_SRIOV_VF_OFFSET, 2, 1);
	put(space, at + PCI_SRIOV_VF_STRIDE, 2, 1);
	put(space, at + PCI_SRIOV_VF_DID, 2, description->vf_device);
	put(space, at + PCI_SRIOV_SUP_PGSIZE, 4, SRIOV_PAGE_SIZES);
	put(space, at + PCI_SRIOV_SYS_PGSIZE, 4, 1);
}

static void build_dvsec(struct mock_accel_space *space,
			const struct mock_accel_function_config *description)
{
	u32 at = space->dvsec, registers = at + MOCK_ACCEL_DVSEC_REGISTERS;

	put(space, at, 4, PCI_EXT_CAP_ID_DVSEC | 1 << 16);
	put(space, at + PCI_DVSEC_HEADER1, 4, MOCK_ACCEL_VENDOR_ID | DVSEC_SIZE << 20);
	put(space, at + PCI_DVSEC_HEADER2, 2, MOCK_ACCEL_DVSEC_ID);
	put(space, registers + MOCK_ACCEL_REG_DEVICE_ID, 4, description->device);
	put(space, registers + MOCK_ACCEL_REG_REVISION, 4, description->revision);
	memcpy(space->bytes + registers + MOCK_ACCEL_REG_UUID, description->uuid,
	       sizeof(description->uuid));
	put(space, registers + MOCK_ACCEL_REG_MEMORY_SIZE, 8, description->memory_size);
	put(space, registers + MOCK_ACCEL_REG_CAPABILITIES, 4, description->capabilities);
	put(space, registers + MOCK_ACCEL_REG_STATUS, 4, MOCK_ACCEL_STATUS_FREE);
}

/* Take the next place for an extended capability, and name it in the one before. */
static u32 place(struct mock_accel_space *space, u32 *last, u32 *free, u32 size)
{
	u32 at = *free;

	if (*last)
		put(space, *last + 2, 2, get(space, *last + 2, 2) | at << 4);
	*last = at;
	*free += size;
	return at;
}

static void build_extended(struct mock_accel_space *space,
			   const struct mock_accel_function_config *description, u8 devfn)
{
	u32 last = 0, free = EXTENDED_AT;

	if (!description->is_vf) {
		space->aer = place(space, &last, &free, AER_SIZE);
		build_aer(space);
	}
	if (description->total_vfs) {
		space->sriov = place(space, &last, &free, SRIOV_SIZE);
		build_sriov(space, description, devfn);
	}
	if (description->registers) {
		space->dvsec = place(space, &last, &free, DVSEC_SIZE);
		build_dvsec(space, description);
	}
}

void mock_accel_space_build(struct mock_accel_space *space,
			    const struct mock_accel_function_config *description, u8 devfn)
{
	memset(space, 0, sizeof(*space));
	/* SR-IOV has VFs answer 0xffff here; the system takes both ids from the physical function. */
	put(space, PCI_VENDOR_ID, 2, description->is_vf ? 0xffff : description->vendor);
	put(space, PCI_DEVICE_ID, 2, description->is_vf ? 0xffff : description->device);
	put(space, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	put(space, PCI_CLASS_REVISION, 4, description->revision | description->class << 8);
	put(space, PCI_SUBSYSTEM_VENDOR_ID, 2, description->subsystem_vendor);
	put(space, PCI_SUBSYSTEM_ID, 2, description->subsystem_device);
	put(space, PCI_CAPABILITY_LIST, 1, PCIE_AT);
	build_pcie(space, description);
	build_extended(space, description, devfn);
}

u32 mock_accel_space_read(const struct mock_accel_space *space, u32 where, u32 size)
{
	return where + size <= MOCK_ACCEL_SPACE_SIZE ? get(space, where, size) : 0;
}

static u32 sriov_writable(const struct mock_accel_space *space, u32 reg)
{
	switch (reg) {
	case PCI_SRIOV_CTRL:
		return PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE;
	case PCI_SRIOV_NUM_VF:
		/* The number is fixed while VFs are there. */
		return mock_accel_space_enabled_vfs(space) ? 0 : 0xffff;
	case PCI_SRIOV_SYS_PGSIZE:
		return SRIOV_PAGE_SIZES;
	default:
		return 0;
	}
}

static u32 status_at(const struct mock_accel_space *space)
{
	return space->dvsec + MOCK_ACCEL_DVSEC_REGISTERS + MOCK_ACCEL_REG_STATUS;
}

/* Which bits of the four bytes at a multiple of four a write changes. */
static u32 writable(const struct mock_accel_space *space, u32 where)
{
	switch (where) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
		       PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	case PCIE_AT + PCI_EXP_DEVCTL:
		/* Not the bit that starts a function-level reset, which is not offered. */
		return 0x7fff;
	case PCIE_AT + PCI_EXP_LNKCTL:
		return PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC |
		       PCI_EXP_LNKCTL_ES;
	default:
		break;
	}
	if (space->dvsec && where == status_at(space))
		return MOCK_ACCEL_STATUS_ALLOCATED;
	if (space->aer && where == space->aer + PCI_ERR_COR_MASK)
		return CORRECTABLE;
	if (space->aer &&
	    (where == space->aer + PCI_ERR_UNCOR_MASK || where == space->aer + PCI_ERR_UNCOR_SEVER))
		return UNCORRECTABLE;
	if (space->sriov && where >= space->sriov && where < space->sriov + SRIOV_SIZE)
		return sriov_writable(space, where - space->sriov);
	return 0;
}

/* Which of them a write of 1 clears. */
static u32 clearable(const struct mock_accel_space *space, u32 where)
{
	/* Device Status is the upper half. */
	if (where == PCIE_AT + PCI_EXP_DEVCTL)
		return (PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED) << 16;
	if (space->aer && where == space->aer + PCI_ERR_UNCOR_STATUS)
		return UNCORRECTABLE;
	if (space->aer && where == space->aer + PCI_ERR_COR_STATUS)
		return CORRECTABLE;
	return 0;
}

void mock_accel_space_write(struct mock_accel_space *space, u32 where, u32 size, u32 value)
{
	u32 aligned = where & ~3u, shift = 8 * (where & 3u);
	u32 written = size == 4 ? 0xffffffff : (1u << 8 * size) - 1;
	u32 mask, merged;

	if (where + size > MOCK_ACCEL_SPACE_SIZE)
		return;
	written <<= shift;
	value <<= shift;
	mask = writable(space, aligned) & written;
	merged = (get(space, aligned, 4) & ~mask) | (value & mask);
	merged &= ~(clearable(space, aligned) & written & value);
	put(space, aligned, 4, merged);
}

void mock_accel_space_reset(struct mock_accel_space *space)
{
	put(space, PCI_COMMAND, 2, 0);
	if (space->dvsec)
		put(space, status_at(space), 4, MOCK_ACCEL_STATUS_FREE);
}

void mock_accel_space_set_errors(struct mock_accel_space *space, u32 errors)
{
	u32 status;

	if (!space->dvsec)
		return;
	status = get(space, status_at(space), 4) & ~MOCK_ACCEL_STATUS_ERRORS;
	status |= errors << MOCK_ACCEL_STATUS_ERRORS_SHIFT & MOCK_ACCEL_STATUS_ERRORS;
	put(space, status_at(space), 4, status);
}

void mock_accel_space_log_error(struct mock_accel_space *space, enum mock_accel_severity severity)
{
	/* One that a device reports often for each: a bad symbol, a lost answer, a malformed packet. */
	static const struct {
		u16 device_status;
		u16 where;
		u32 bit;
	} logged[] = {
		[MOCK_ACCEL_CORRECTABLE] = { PCI_EXP_DEVSTA_CED, PCI_ERR_COR_STATUS,
					     PCI_ERR_COR_RCVR },
		[MOCK_ACCEL_NONFATAL] = { PCI_EXP_DEVSTA_NFED, PCI_ERR_UNCOR_STATUS,
					  PCI_ERR_UNC_COMP_TIME },
		[MOCK_ACCEL_FATAL] = { PCI_EXP_DEVSTA_FED, PCI_ERR_UNCOR_STATUS,
				       PCI_ERR_UNC_MALF_TLP },
	};
	u32 status = PCIE_AT + PCI_EXP_DEVSTA, where = space->aer + logged[severity].where;

	put(space, status, 2, get(space, status, 2) | logged[severity].device_status);
	if (space->aer)
		put(space, where, 4, get(space, where, 4) | logged[severity].bit);
}

u32 mock_accel_space_enabled_vfs(const struct mock_accel_space *space)
{
	u32 number, total;

	if (!space->sriov || !(get(space, space->sriov + PCI_SRIOV_CTRL, 2) & PCI_SRIOV_CTRL_VFE))
		return 0;
	number = get(space, space->sriov + PCI_SRIOV_NUM_VF, 2);
	total = get(space, space->sriov + PCI_SRIOV_TOTAL_VF, 2);
	return number < total ? number : total;
}
