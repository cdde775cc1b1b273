/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The description of one physical function with the virtual ones that it can have: what it is and where
 * it is plugged in. It is set field by field, judged as a whole, and asked what each function looks like.
 * It knows nothing of the kernel.
 */
#ifndef MOCK_ACCEL_PF_H
#define MOCK_ACCEL_PF_H

#include "mock_accel_portable.h"

/* A root bus has 32 slots; each holds one physical function and, as its other functions, its VFs. */
#define MOCK_ACCEL_SLOTS 32
#define MOCK_ACCEL_SLOT_FUNCTIONS 8
#define MOCK_ACCEL_MAX_VFS (MOCK_ACCEL_SLOT_FUNCTIONS - 1)
#define MOCK_ACCEL_UUID_BYTES 16
/* Memory is shown in a 64-bit register, but whoever reads it may count in signed numbers. */
#define MOCK_ACCEL_MAX_MEMORY (1ULL << 62)

/* Of slot and numa_node: let the module choose. */
#define MOCK_ACCEL_ANY (-1)

/* The fields have the names of the attributes in configfs; ABI.md says what each means. */
struct mock_accel_pf {
	u32 vendor;
	u32 device;
	u32 subsystem_vendor;
	u32 subsystem_device;
	u32 vf_device;
	u32 class;
	u32 revision;
	u32 registers;
	u32 total_vfs;
	u32 link_speed; /* generation: 1 is 2.5 GT/s, 6 is 64 GT/s */
	u32 link_width;
	u64 memory_size;
	u64 vf_memory_size;
	/* Where: root_bus is both numbers in one text. */
	u32 domain;
	u32 bus;
	s32 slot;
	s32 numa_node;
	/* Those of its VFs follow from it. */
	u8 uuid[MOCK_ACCEL_UUID_BYTES];
	u32 number;
};

/* One function, physical or virtual, as its configuration space shows it. */
struct mock_accel_function_config {
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem_device;
	u32 class;
	u8 revision;
	bool registers;
	u8 uuid[MOCK_ACCEL_UUID_BYTES];
	u64 memory_size;
	u32 capabilities;
	u8 link_speed;
	u8 link_width;
	bool is_vf;
	/* Of a physical function; without VFs it has no SR-IOV capability. */
	u8 total_vfs;
	u16 vf_device;
};

/* Give it a number, and the UUID that follows from the seed and the number. */
void mock_accel_pf_identify(struct mock_accel_pf *pf, u32 number, const char *uuid_seed);

/*
 * Set one field by the name of its attribute. Returns 0, -EINVAL for a value that the field cannot
 * have, with the reason in words, or -ENOENT for a name that no field has.
 */
int mock_accel_pf_set(struct mock_accel_pf *pf, const char *name, const char *value, char *reason,
		      size_t size);

/* Write the field's value in the form in which it can be set; returns what snprintf() does. */
int mock_accel_pf_get(const struct mock_accel_pf *pf, const char *name, char *text, size_t size);

/* Describe function 0 of its slot (the physical one) or one of its VFs (1 and up). */
void mock_accel_pf_function(const struct mock_accel_pf *pf, u32 function,
			    struct mock_accel_function_config *description);

#endif
