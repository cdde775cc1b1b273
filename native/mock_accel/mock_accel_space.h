/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration space of one function: bytes with the meaning that PCI gives them. It is built
 * from a description, and knows nothing of the kernel; who calls keeps two calls apart.
 */
#ifndef MOCK_ACCEL_SPACE_H
#define MOCK_ACCEL_SPACE_H

#include "mock_accel_pf.h"

/* All above reads as zero, as a space of 4 KiB with nothing in it does. */
#define MOCK_ACCEL_SPACE_SIZE 0x1d0

struct mock_accel_space {
	/* Where these extended capabilities are, 0 where the function has none. */
	u32 aer;
	u32 sriov;
	u32 dvsec;
	u8 bytes[MOCK_ACCEL_SPACE_SIZE];
};

/* devfn: slot and function number in PCI's form, which SR-IOV repeats inside the space. */
void mock_accel_space_build(struct mock_accel_space *space,
			    const struct mock_accel_function_config *description, u8 devfn);

/* Read 1, 2 or 4 bytes at a multiple of their number. */
u32 mock_accel_space_read(const struct mock_accel_space *space, u32 where, u32 size);

/* Write them; bits that are read-only keep their value. */
void mock_accel_space_write(struct mock_accel_space *space, u32 where, u32 size, u32 value);

/* How many VFs answer: NumVFs while VF Enable is set, else none. */
u32 mock_accel_space_enabled_vfs(const struct mock_accel_space *space);

/* --- what the device does by itself --- */

enum mock_accel_severity {
	MOCK_ACCEL_CORRECTABLE,
	MOCK_ACCEL_NONFATAL,
	MOCK_ACCEL_FATAL,
};

/* Begin anew, as a function does that was reset: what was written into its registers is gone. */
void mock_accel_space_reset(struct mock_accel_space *space);

/* Show these errors (8 bits) in the register STATUS. */
void mock_accel_space_set_errors(struct mock_accel_space *space, u32 errors);

/* Log an error of PCI Express in the AER capability and in Device Status, until it is cleared there. */
void mock_accel_space_log_error(struct mock_accel_space *space, enum mock_accel_severity severity);

#endif
