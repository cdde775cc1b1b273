/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of the devices that a module has, apart from the devices: it is read from text,
 * judged as a whole, and asked what one function looks like. It knows nothing of the kernel.
 */
#ifndef MOCK_ACCEL_CONFIG_H
#define MOCK_ACCEL_CONFIG_H

#include "mock_accel_pf.h"

#define MOCK_ACCEL_MAX_ROOTS 16
#define MOCK_ACCEL_MAX_PFS (MOCK_ACCEL_MAX_ROOTS * MOCK_ACCEL_SLOTS)
#define MOCK_ACCEL_MAX_NODES 64
#define MOCK_ACCEL_SEED_SIZE 65

/* The fields have the names of the module's parameters; ABI.md says what each means. */
struct mock_accel_config {
	u32 num_pfs;
	u32 total_vfs;
	u32 num_vfs;
	u32 num_roots;
	u32 first_domain;
	u64 pf_memory;
	u64 vf_memory;
	u32 link_speed;
	u32 link_width;
	char uuid_seed[MOCK_ACCEL_SEED_SIZE];
	/* Without any, the roots take the machine's nodes in turn. */
	u32 node_count;
	u16 numa_nodes[MOCK_ACCEL_MAX_NODES];
};

/* Where a physical function is: on which root bus (counted from 0) and in which slot of it. */
struct mock_accel_place {
	u32 root;
	u32 slot;
};

/* What mock-device has, on one root bus. */
#define MOCK_ACCEL_CONFIG_DEFAULT         \
	{                                 \
		.num_pfs = 1,             \
		.total_vfs = 4,           \
		.num_vfs = 0,             \
		.num_roots = 1,           \
		.first_domain = 0x1000,   \
		.pf_memory = 16ULL << 30, \
		.vf_memory = 2ULL << 30,  \
		.link_speed = 4,          \
		.link_width = 16,         \
	}

/*
 * Set one field by the name of its parameter. Only the form of the value is judged here, since one
 * value may be right or wrong by another that comes later.
 *
 * Returns 0, -EINVAL for a value of wrong form, -ENOENT for a name that no field has.
 */
int mock_accel_config_set(struct mock_accel_config *config, const char *name, const char *value);

/* Write the field's value in the form in which it can be set; returns what snprintf() does. */
int mock_accel_config_get(const struct mock_accel_config *config, const char *name, char *text,
			  size_t size);

/* Judge the description as a whole. Returns 0, or -EINVAL and the reason in words. */
int mock_accel_config_validate(const struct mock_accel_config *config, char *reason, size_t size);

/* What is below needs a valid description. */

/* The number of physical functions on a root bus: as even as can be, the first buses have the rest. */
u32 mock_accel_config_root_pfs(const struct mock_accel_config *config, u32 root);

/* Physical functions fill one root bus after the other, so that their numbers go with their addresses. */
struct mock_accel_place mock_accel_config_place(const struct mock_accel_config *config, u32 pf);

/*
 * Describe a physical function: one of those that the description has, in its place, or one with a
 * higher number, which is like them and on the first root bus unless it is told otherwise.
 */
void mock_accel_config_pf(const struct mock_accel_config *config, u32 number,
			  struct mock_accel_pf *pf);

#endif
