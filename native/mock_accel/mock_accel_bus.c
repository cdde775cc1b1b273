// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The slots of root buses, into which functions are plugged: an access to the configuration space of one
 * ends in memory.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/nodemask.h>
#include <linux/slab.h>

#include "mock_accel.h"
#include "mock_accel_root.h"
#include "mock_accel_uapi.h"

struct mock_accel_slot {
	struct mock_accel_root *root;
	u32 number; /* of the physical function, among all */
	u32 slot;
	u32 count; /* of functions: the physical one and behind it its VFs */
	bool registers;
	bool foreign; /* another driver may know its ids, or its class */
	bool unclaimed; /* ours could not be fixed to it */
	/* Each is one word, written by one process and read by any. */
	bool going;
	bool hang;
	bool silent;
	struct mock_accel_space spaces[];
};

/* --- configuration space --- */

/* The slot that answers for a function, or NULL if none does; the lock is held. */
static struct mock_accel_slot *find_slot(struct mock_accel_root *root, unsigned int devfn)
{
	struct mock_accel_slot *slot = root->slots[PCI_SLOT(devfn)];
	u32 function = PCI_FUNC(devfn);

	if (!slot || READ_ONCE(slot->silent) || function >= slot->count)
		return NULL;
	if (function > mock_accel_space_enabled_vfs(&slot->spaces[0]))
		return NULL;
	return slot;
}

static int read_space(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	struct mock_accel_root *root = bus->sysdata;
	struct mock_accel_slot *slot;
	unsigned long flags;

	*value = ~0;
	raw_spin_lock_irqsave(&root->lock, flags);
	slot = find_slot(root, devfn);
	if (slot && !READ_ONCE(slot->hang))
		*value = mock_accel_space_read(&slot->spaces[PCI_FUNC(devfn)], where, size);
	raw_spin_unlock_irqrestore(&root->lock, flags);
	return slot ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

/* VFs that are no longer enabled forget who had them, as SR-IOV asks. */
static void write_function(struct mock_accel_slot *slot, u32 function, int where, int size,
			   u32 value)
{
	u32 before = mock_accel_space_enabled_vfs(&slot->spaces[0]), after;

	mock_accel_space_write(&slot->spaces[function], where, size, value);
	after = mock_accel_space_enabled_vfs(&slot->spaces[0]);
	for (u32 vf = after + 1; vf <= before; vf++)
		mock_accel_space_reset(&slot->spaces[vf]);
}

static int write_space(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	struct mock_accel_root *root = bus->sysdata;
	struct mock_accel_slot *slot;
	unsigned long flags;

	raw_spin_lock_irqsave(&root->lock, flags);
	slot = find_slot(root, devfn);
	if (slot && !READ_ONCE(slot->hang))
		write_function(slot, PCI_FUNC(devfn), where, size, value);
	raw_spin_unlock_irqrestore(&root->lock, flags);
	return slot ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static struct pci_ops mock_accel_pci_ops = {
	.read = read_space,
	.write = write_space,
};

/* The slot that a function of ours is in, or NULL for any other; while the function is on its bus. */
static struct mock_accel_slot *slot_of(struct pci_dev *pdev)
{
	struct mock_accel_root *root = pdev->bus->sysdata;

	if (pdev->bus->ops != &mock_accel_pci_ops)
		return NULL;
	return root->slots[PCI_SLOT(pdev->devfn)];
}

int mock_accel_bus_number(struct pci_dev *pdev)
{
	struct mock_accel_slot *slot = slot_of(pdev);

	return slot ? slot->number : -ENODEV;
}

bool mock_accel_bus_has_registers(struct pci_dev *pdev)
{
	struct mock_accel_slot *slot = slot_of(pdev);

	return slot && slot->registers;
}

bool mock_accel_bus_is_going(struct pci_dev *pdev)
{
	struct mock_accel_slot *slot = slot_of(pdev);

	return !slot || READ_ONCE(slot->going);
}

/* --- drivers of others --- */

static int set_override(struct pci_dev *pdev)
{
#ifdef PCI_DEV_DRIVER_OVERRIDE
	return driver_set_override(&pdev->dev, &pdev->driver_override, MOCK_ACCEL_NAME,
				   strlen(MOCK_ACCEL_NAME));
#else
	return device_set_driver_override(&pdev->dev, MOCK_ACCEL_NAME);
#endif
}

/*
 * A function that has the ids of somebody's hardware must not be taken by its driver, which would look for
 * registers. This is called before anybody hears of the function, and before any driver may look at it.
 */
static int claim_function(struct notifier_block *block, unsigned long event, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct mock_accel_slot *slot;
	int error;

	if (event != BUS_NOTIFY_ADD_DEVICE)
		return NOTIFY_DONE;
	slot = slot_of(pdev);
	if (!slot || !slot->foreign)
		return NOTIFY_DONE;
	error = set_override(pdev);
	/* A physical function is taken back; a virtual one is the business of whoever has made it. */
	if (error && !pdev->is_virtfn)
		slot->unclaimed = true;
	if (error)
		pci_err(pdev, "its driver cannot be fixed to " MOCK_ACCEL_NAME ": error %d\n",
			error);
	return NOTIFY_OK;
}

static struct notifier_block claimer = {
	.notifier_call = claim_function,
};

int mock_accel_bus_register(void)
{
	return bus_register_notifier(&pci_bus_type, &claimer);
}

void mock_accel_bus_unregister(void)
{
	bus_unregister_notifier(&pci_bus_type, &claimer);
}

/* --- plugging --- */

static bool is_empty(const struct mock_accel_root *root)
{
	for (u32 i = 0; i < MOCK_ACCEL_SLOTS; i++)
		if (root->slots[i])
			return false;
	return true;
}

bool mock_accel_bus_has_node(u32 node)
{
	return node < MAX_NUMNODES && node_online(node);
}

#define REFUSE(error, ...)                           \
	do {                                         \
		snprintf(reason, size, __VA_ARGS__); \
		return ERR_PTR(error);               \
	} while (0)

/* Find the root bus, or make one that is not shown yet. */
static struct mock_accel_root *get_root(const struct mock_accel_pf *pf, char *reason, size_t size)
{
	struct mock_accel_root *root = mock_accel_root_find(pf->domain, pf->bus);
	int node = pf->numa_node;

	if (node != MOCK_ACCEL_ANY && !mock_accel_bus_has_node(node))
		REFUSE(-EINVAL, "NUMA node %d is asked for, which this machine does not have",
		       node);
	if (root) {
		if (node != MOCK_ACCEL_ANY && node != root->sysdata.node)
			REFUSE(-EINVAL, "root bus %04x:%02x is at NUMA node %d, not %d", pf->domain,
			       pf->bus, root->sysdata.node, node);
		return root;
	}
	if (mock_accel_root_domain_taken(pf->domain, &mock_accel_pci_ops))
		REFUSE(-EBUSY, "PCI domain 0x%x is in use: choose another one", pf->domain);
	root = mock_accel_root_create(pf->domain, pf->bus, node, &mock_accel_pci_ops);
	if (!root)
		REFUSE(-ENOMEM, "no memory for root bus %04x:%02x", pf->domain, pf->bus);
	return root;
}

static int choose_slot(const struct mock_accel_root *root, s32 wish)
{
	if (wish != MOCK_ACCEL_ANY)
		return root->slots[wish] ? -EBUSY : wish;
	for (u32 i = 0; i < MOCK_ACCEL_SLOTS; i++)
		if (!root->slots[i])
			return i;
	return -ENOSPC;
}

static struct mock_accel_slot *build_slot(const struct mock_accel_pf *pf,
					  struct mock_accel_root *root, u32 number)
{
	u32 count = 1 + pf->total_vfs;
	struct mock_accel_slot *slot;

	slot = kzalloc(struct_size(slot, spaces, count), GFP_KERNEL);
	if (!slot)
		return NULL;
	slot->root = root;
	slot->slot = number;
	slot->number = pf->number;
	slot->count = count;
	slot->registers = pf->registers;
	slot->foreign = pf->vendor != MOCK_ACCEL_VENDOR_ID ||
			pf->device != MOCK_ACCEL_PF_DEVICE_ID ||
			pf->vf_device != MOCK_ACCEL_VF_DEVICE_ID || pf->class != MOCK_ACCEL_CLASS;
	for (u32 function = 0; function < count; function++) {
		struct mock_accel_function_config description;

		mock_accel_pf_function(pf, function, &description);
		mock_accel_space_build(&slot->spaces[function], &description,
				       PCI_DEVFN(number, function));
	}
	return slot;
}

static void put_slot(struct mock_accel_root *root, u32 number, struct mock_accel_slot *slot)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&root->lock, flags);
	root->slots[number] = slot;
	raw_spin_unlock_irqrestore(&root->lock, flags);
}

/* Whoever scans the bus meanwhile waits, so what is found in the slot has been found here. */
static int show_slot(struct mock_accel_root *root, u32 number, struct mock_accel_slot *slot)
{
	struct pci_dev *pdev = NULL;
	int error;

	pci_lock_rescan_remove();
	put_slot(root, number, slot);
	error = mock_accel_root_scan(root, number);
	if (!error)
		pdev = mock_accel_bus_pf(slot);
	if (!error && !pdev)
		error = -EIO;
	if (!error && slot->unclaimed)
		error = -ENOMEM;
	if (!error) {
		/* This one only: on Linux 6.1 whoever makes VFs on the bus does not wait, and adds them too. */
		pci_bus_add_device(pdev);
	} else {
		if (pdev)
			pci_stop_and_remove_bus_device(pdev);
		put_slot(root, number, NULL);
	}
	pci_unlock_rescan_remove();
	pci_dev_put(pdev);
	return error;
}

struct mock_accel_slot *mock_accel_bus_plug(const struct mock_accel_pf *pf, char *reason,
					    size_t size)
{
	struct mock_accel_root *root = get_root(pf, reason, size);
	struct mock_accel_slot *slot = NULL;
	bool is_new;
	int number, error;

	if (IS_ERR(root))
		return ERR_CAST(root);
	is_new = !mock_accel_root_is_shown(root);
	number = choose_slot(root, pf->slot);
	if (number < 0) {
		error = number;
		snprintf(reason, size, "root bus %04x:%02x has %s", pf->domain, pf->bus,
			 error == -EBUSY ? "something in that slot" : "no free slot");
		goto out_put_root;
	}
	slot = build_slot(pf, root, number);
	if (!slot) {
		error = -ENOMEM;
		snprintf(reason, size, "no memory for the function");
		goto out_put_root;
	}
	error = show_slot(root, number, slot);
	if (error) {
		snprintf(reason, size, "%04x:%02x:%02x.0 cannot be added: error %d", pf->domain,
			 pf->bus, number, error);
		kfree(slot);
		goto out_put_root;
	}
	return slot;

out_put_root:
	if (is_new)
		mock_accel_root_remove(root);
	return ERR_PTR(error);
}

struct pci_dev *mock_accel_bus_pf(struct mock_accel_slot *slot)
{
	return pci_get_slot(slot->root->bridge->bus, PCI_DEVFN(slot->slot, 0));
}

void mock_accel_bus_address(struct mock_accel_slot *slot, char *text, size_t size)
{
	snprintf(text, size, "%04x:%02x:%02x.0", slot->root->sysdata.domain,
		 slot->root->bridge->busnr, slot->slot);
}

/*
 * On newer kernels whoever writes sriov_numvfs holds the device's lock and waits for that of rescanning, and
 * removing a function takes both the other way round. So its VFs go first, with the device's lock alone, and then
 * its driver, which does not come back to a slot that is going; a write to an unbound device is refused.
 */
static void unbind(struct mock_accel_slot *slot)
{
	struct pci_dev *pdev;

	WRITE_ONCE(slot->going, true);
	pdev = mock_accel_bus_pf(slot);
	if (!pdev)
		return;
	mock_accel_device_set_vfs(pdev, 0);
	device_release_driver(&pdev->dev);
	pci_dev_put(pdev);
}

void mock_accel_bus_unplug(struct mock_accel_slot *slot)
{
	struct mock_accel_root *root = slot->root;
	struct pci_dev *pdev;

	unbind(slot);
	pci_lock_rescan_remove();
	pdev = mock_accel_bus_pf(slot);
	if (pdev)
		pci_stop_and_remove_bus_device(pdev);
	/* From here on a rescan finds nothing. */
	put_slot(root, slot->slot, NULL);
	pci_unlock_rescan_remove();
	pci_dev_put(pdev);
	kfree(slot);
	if (is_empty(root))
		mock_accel_root_remove(root);
}

/* --- faults --- */

void mock_accel_bus_set_hang(struct mock_accel_slot *slot, bool hang)
{
	WRITE_ONCE(slot->hang, hang);
}

void mock_accel_bus_set_link(struct mock_accel_slot *slot, bool up)
{
	WRITE_ONCE(slot->silent, !up);
}

void mock_accel_bus_set_errors(struct mock_accel_slot *slot, u32 errors)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&slot->root->lock, flags);
	mock_accel_space_set_errors(&slot->spaces[0], errors);
	raw_spin_unlock_irqrestore(&slot->root->lock, flags);
}

void mock_accel_bus_log_error(struct mock_accel_slot *slot, enum mock_accel_severity severity)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&slot->root->lock, flags);
	mock_accel_space_log_error(&slot->spaces[0], severity);
	raw_spin_unlock_irqrestore(&slot->root->lock, flags);
}
