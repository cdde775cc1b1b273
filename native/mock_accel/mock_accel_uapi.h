/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * What programs may rely on: the ioctls of /dev/mockN and /dev/mockN_vfM, and the registers of a
 * function, which lie in a designated vendor-specific capability (DVSEC) of its configuration space.
 * ABI.md describes the same in words.
 */
#ifndef MOCK_ACCEL_UAPI_H
#define MOCK_ACCEL_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MOCK_ACCEL_VENDOR_ID 0x1de5
#define MOCK_ACCEL_PF_DEVICE_ID 0x0001
#define MOCK_ACCEL_VF_DEVICE_ID 0x0002
/* Processing accelerator, without a programming interface of its own. */
#define MOCK_ACCEL_CLASS 0x120000

/* The capability: vendor MOCK_ACCEL_VENDOR_ID, this id; registers start behind its three headers. */
#define MOCK_ACCEL_DVSEC_ID 0x0001
#define MOCK_ACCEL_DVSEC_REGISTERS 0x0c

/* Registers, little endian, as offsets from the first of them. */
#define MOCK_ACCEL_REG_DEVICE_ID 0x00 /* the PCI device id */
#define MOCK_ACCEL_REG_REVISION 0x04
#define MOCK_ACCEL_REG_UUID 0x08 /* 16 bytes, in the order in which they are written */
#define MOCK_ACCEL_REG_MEMORY_SIZE 0x20 /* 8 bytes */
#define MOCK_ACCEL_REG_CAPABILITIES 0x28
#define MOCK_ACCEL_REG_STATUS 0x2c /* bit 0 can be written, nothing else */
#define MOCK_ACCEL_REG_END 0x30

/* Bits of CAPABILITIES. */
#define MOCK_ACCEL_CAP_SRIOV 0x00000001 /* can make virtual functions */
#define MOCK_ACCEL_CAP_VF 0x00000002 /* is one */
#define MOCK_ACCEL_CAP_PASSPHRASE 0x00000004 /* makes passphrases */

/* STATUS: bit 0 is 0 (free) or 1 (allocated), the device itself sets those of its errors. */
#define MOCK_ACCEL_STATUS_FREE 0x00000000
#define MOCK_ACCEL_STATUS_ALLOCATED 0x00000001
#define MOCK_ACCEL_STATUS_ERRORS 0x0000ff00
#define MOCK_ACCEL_STATUS_ERRORS_SHIFT 8

/* The errors, as bits of the number that MOCK_ACCEL_STATUS_ERRORS holds; the upper four mean nothing. */
#define MOCK_ACCEL_ERROR_MEMORY 0x01
#define MOCK_ACCEL_ERROR_THERMAL 0x02
#define MOCK_ACCEL_ERROR_POWER 0x04
#define MOCK_ACCEL_ERROR_FIRMWARE 0x08

#define MOCK_ACCEL_MAX_WORDS 12

struct mock_accel_passphrase {
	__u8 word_count; /* in: 1 to MOCK_ACCEL_MAX_WORDS */
	char passphrase[256]; /* out: words with one space between them, ended by a zero byte */
};

/* Read the register STATUS. */
#define MOCK_ACCEL_IOC_STATUS _IOR('M', 1, __u32)
/* Make a passphrase of words drawn from the firmware file. */
#define MOCK_ACCEL_IOC_PASSPHRASE _IOWR('M', 2, struct mock_accel_passphrase)

#endif
