/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of the devices that a module has, apart from the devices: it is read from text,
 * judged as a whole, and asked what one function looks like. It knows nothing of the kernel.
 */
#ifndef MOCK_ACCEL_CONFIG_H
#define MOCK_ACCEL_CONFIG_H

#include "mock_accel_portable.h"

#define MOCK_ACCEL_MAX_ROOTS 16
/* A root bus has 32 slots; each holds one physical function and, as its other functions, its VFs. */
#define MOCK_ACCEL_SLOTS 32
#define MOCK_ACCEL_SLOT_FUNCTIONS 8
#define MOCK_ACCEL_MAX_VFS (MOCK_ACCEL_SLOT_FUNCTIONS - 1)
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

/* One function, physical or virtual, as its configuration space shows it. */
struct mock_accel_function_config {
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem_device;
	u32 class;
	u8 revision;
	u8 uuid[16];
	u64 memory_size;
	u32 capabilities;
	u8 link_speed; /* generation: 1 is 2.5 GT/s, 6 is 64 GT/s */
	u8 link_width;
	bool is_vf;
	/* Of a physical function; without VFs it has no SR-IOV capability. */
	u8 total_vfs;
	u16 vf_device;
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

/* Describe function 0 of a slot (the physical one) or one of its VFs (1 and up). */
void mock_accel_config_function(const struct mock_accel_config *config, u32 pf, u32 function,
				struct mock_accel_function_config *description);

#endif
