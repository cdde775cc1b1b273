/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the module share.
 *
 * The module alone is GPL-2.0-or-later in a collection that is GPL-3.0-or-later: it runs inside a kernel
 * that is GPL-2.0-only, and most of the PCI core's functions are exported to such modules alone.
 *
 * Two sides are kept apart, as hardware and its driver are: the bus side (mock_accel_bus.c) makes host
 * bridges and answers accesses to configuration space, the driver side (mock_accel_device.c and what is
 * on it) knows a device by its pci_dev and reads its registers.
 */
#ifndef MOCK_ACCEL_H
#define MOCK_ACCEL_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/uuid.h>

#include "mock_accel_config.h"

#define MOCK_ACCEL_NAME "mock-accel"
#define MOCK_ACCEL_WORDLIST_FILE "mock-accel-wordlist"

/* --- the bus side: mock_accel_bus.c --- */

struct mock_accel_root;

/*
 * Make a root bus in this domain, at this NUMA node (or NUMA_NO_NODE), with nothing on it. It is seen by
 * nobody until mock_accel_root_add(); mock_accel_root_remove() takes it off again, seen or not.
 */
struct mock_accel_root *mock_accel_root_create(int domain, int node);
/* Put a physical function with its VFs into a slot, before the bus is added. */
int mock_accel_root_fill(struct mock_accel_root *root, u32 slot,
			 const struct mock_accel_config *config, u32 pf);
int mock_accel_root_add(struct mock_accel_root *root);
/* The function 0 of a slot with a reference, or NULL where somebody has removed it. */
struct pci_dev *mock_accel_root_pf(struct mock_accel_root *root, u32 slot);
void mock_accel_root_remove(struct mock_accel_root *root);

/* The number of the physical function that this is, or that it belongs to; -ENODEV: not on a bus of ours. */
int mock_accel_bus_index(struct pci_dev *pdev);

/* --- the driver side --- */

/*
 * A function that our driver is bound to. It outlives the binding while somebody has its character device
 * open: then pdev is NULL, and every operation answers -ENODEV.
 */
struct mock_accel {
	struct device dev;
	struct cdev cdev;
	/* Held for reading by whoever uses pdev outside of sysfs, whose own files are gone before it. */
	struct rw_semaphore lock;
	struct pci_dev *pdev;
	u16 registers;
	uuid_t uuid;
	u64 memory_size;
	u32 capabilities;
};

/*
 * mock_accel_device.c: registered before there is a bus; unbound before the buses are removed, and
 * unregistered when the last device has been freed.
 */
int mock_accel_devices_register(void);
void mock_accel_devices_unbind(void);
void mock_accel_devices_unregister(void);
/* Make this many VFs of a physical function, or take off all it has (0). */
int mock_accel_set_vfs(struct pci_dev *pdev, int number);
/* -EIO: the function does not answer. */
int mock_accel_read_status(struct mock_accel *accel, u32 *status);
int mock_accel_write_status(struct mock_accel *accel, u32 status);

/* mock_accel_chardev.c */
extern const struct file_operations mock_accel_fops;

/* mock_accel_passphrase.c: draw this many words from the firmware file into a buffer of 256 bytes. */
int mock_accel_passphrase(struct device *dev, u32 word_count, char *text);
void mock_accel_passphrase_exit(void);

/* mock_accel_sysfs.c */
extern const struct attribute_group *mock_accel_groups[];
int mock_accel_sysfs_link(struct mock_accel *accel);
void mock_accel_sysfs_unlink(struct mock_accel *accel);
const char *mock_accel_status_name(u32 status);

/*
 * Bridges and devices are freed by the last one who has a reference, maybe after we have let go of them.
 * The code that frees them is in the module, which waits for this count to be zero before it goes.
 */
void mock_accel_live_get(void);
void mock_accel_live_put(void);

#endif
