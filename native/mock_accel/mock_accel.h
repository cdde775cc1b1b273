/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the module share.
 *
 * The module alone is GPL-2.0-or-later in a collection that is GPL-3.0-or-later: it runs inside a kernel
 * that is GPL-2.0-only, and most of the PCI core's functions are exported to such modules alone.
 *
 * Two sides are kept apart, as hardware and its driver are: the bus side (mock_accel_bus.c on
 * mock_accel_root.c) plugs functions into root buses and answers accesses to configuration space, the
 * driver side (mock_accel_device.c and what is on it) knows a device by its pci_dev and reads its registers.
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
#include "mock_accel_space.h"

#define MOCK_ACCEL_NAME "mock-accel"
#define MOCK_ACCEL_WORDLIST_FILE "mock-accel-wordlist"

/* --- the bus side: mock_accel_bus.c --- */

/* Reasons that are said in one line of the log have room for a sentence. */
#define MOCK_ACCEL_REASON 160

/* A slot of a root bus with a physical function in it. */
struct mock_accel_slot;

/* A device at a node without memory would send every allocation for it astray. */
bool mock_accel_bus_has_node(u32 node);

int mock_accel_bus_register(void);
void mock_accel_bus_unregister(void);

/*
 * Plug a physical function in as a hot-plug slot does: on the root bus that it names, which is made where
 * there is none, or fails with the reason in words. When the last function of a root bus is unplugged,
 * the bus goes too. Both may sleep, and are called by one process at a time.
 */
struct mock_accel_slot *mock_accel_bus_plug(const struct mock_accel_pf *pf, char *reason,
					    size_t size);
/* Its VFs go first, then its driver is unbound; after that nobody finds the slot any more. */
void mock_accel_bus_unplug(struct mock_accel_slot *slot);

/* The physical function with a reference, or NULL where somebody has removed it. */
struct pci_dev *mock_accel_bus_pf(struct mock_accel_slot *slot);
/* Its address, whether somebody has removed it or not: at least 16 bytes. */
void mock_accel_bus_address(struct mock_accel_slot *slot, char *text, size_t size);

/* The number of the physical function that this is, or that it belongs to; -ENODEV: not on a bus of ours. */
int mock_accel_bus_number(struct pci_dev *pdev);
/* Whether there are registers in it, and nobody is unplugging it. */
bool mock_accel_bus_has_registers(struct pci_dev *pdev);
bool mock_accel_bus_is_going(struct pci_dev *pdev);

/* What can be wrong with a function: it answers all ones, or not at all; errors that it shows or logs. */
void mock_accel_bus_set_hang(struct mock_accel_slot *slot, bool hang);
void mock_accel_bus_set_link(struct mock_accel_slot *slot, bool up);
void mock_accel_bus_set_errors(struct mock_accel_slot *slot, u32 errors);
void mock_accel_bus_log_error(struct mock_accel_slot *slot, enum mock_accel_severity severity);

/* --- functions that are plugged in and unplugged: mock_accel_function.c --- */

struct mock_accel_function {
	struct mock_accel_pf pf;
	/* NULL while it is not plugged in; faults begin and end with it. */
	struct mock_accel_slot *slot;
	bool hang;
	bool link_down;
	u8 errors;
};

/* Give it a number and describe it as the module's parameters do; -EEXIST, -ENOSPC or -EINVAL by its name. */
int mock_accel_function_init(struct mock_accel_function *function, const char *name,
			     const struct mock_accel_config *config);
void mock_accel_function_exit(struct mock_accel_function *function);

/* As mock_accel_pf_get() and mock_accel_pf_set() do; -EBUSY while it is plugged in, -EINVAL for a node that is not here. */
int mock_accel_function_get(struct mock_accel_function *function, const char *name, char *text,
			    size_t size);
int mock_accel_function_set(struct mock_accel_function *function, const char *name,
			    const char *value, char *reason, size_t size);

/* Neither does anything to a function that is as it should be already. */
int mock_accel_function_plug(struct mock_accel_function *function, char *reason, size_t size);
void mock_accel_function_unplug(struct mock_accel_function *function);
/* Make this many VFs, or take off all it has (0). */
int mock_accel_function_set_vfs(struct mock_accel_function *function, int number);
/* An empty text where it is not plugged in; at least 16 bytes. */
void mock_accel_function_address(struct mock_accel_function *function, char *text, size_t size);

/* Faults: -ENODEV where it is not plugged in. */
int mock_accel_function_set_hang(struct mock_accel_function *function, bool hang);
int mock_accel_function_set_link(struct mock_accel_function *function, bool up);
int mock_accel_function_set_errors(struct mock_accel_function *function, u8 errors);
int mock_accel_function_inject(struct mock_accel_function *function,
			       enum mock_accel_severity severity, const char *name);
int mock_accel_function_surprise(struct mock_accel_function *function);

/* --- their folders in configfs: mock_accel_configfs.c --- */

/* Plug in what the module's parameters describe; the reason why not has been said. */
int mock_accel_functions_add(const struct mock_accel_config *config);
/* Show them in configfs, where others can be made. */
int mock_accel_functions_register(void);
void mock_accel_functions_unregister(void);
/* Make this many VFs of each, or take off all they have (0). */
int mock_accel_functions_set_vfs(int number);
void mock_accel_functions_remove(void);

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
int mock_accel_device_set_vfs(struct pci_dev *pdev, int number);
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
u32 mock_accel_status_errors(u32 status);

/*
 * Bridges and devices are freed by the last one who has a reference, maybe after we have let go of them.
 * The code that frees them is in the module, which waits for this count to be zero before it goes.
 */
void mock_accel_live_get(void);
void mock_accel_live_put(void);

#endif
