/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the module that know no device need of their surroundings: these also build as
 * an ordinary program, where `make check` tests them with sanitizers and without a kernel.
 */
#ifndef MOCK_ACCEL_PORTABLE_H
#define MOCK_ACCEL_PORTABLE_H

#ifdef __KERNEL__

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/pci_regs.h>
#include <linux/string.h>
#include <linux/types.h>

#else

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif

#endif
