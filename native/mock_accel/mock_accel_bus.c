// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Root buses made in software: a host bridge each, whose accesses to configuration space end in memory.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "mock_accel.h"
#include "mock_accel_space.h"

#ifndef CONFIG_X86
#error "mock_accel knows only how x86 tells a root bus its domain and NUMA node (struct pci_sysdata)"
#endif

/* Bus numbers of a root; VFs stay on the first, the others are for whatever rescans the bus. */
#define ROOT_BUSES 8

/* A slot: the physical function and behind it its VFs. */
struct mock_accel_slot {
	u32 index;
	u32 count;
	struct mock_accel_space spaces[];
};

struct mock_accel_root {
	struct pci_sysdata sysdata; /* what x86 looks for behind bus->sysdata; must be the first */
	struct resource bus_numbers;
	struct pci_host_bridge *bridge;
	bool added;
	/* x86 reads and writes configuration space from several processors at a time. */
	raw_spinlock_t lock;
	struct mock_accel_slot *slots[MOCK_ACCEL_SLOTS];
};

/* The space that answers for a function, or NULL if none does; the lock is held. */
static struct mock_accel_space *find_space(struct mock_accel_root *root, unsigned int devfn)
{
	struct mock_accel_slot *slot = root->slots[PCI_SLOT(devfn)];
	u32 function = PCI_FUNC(devfn);

	if (!slot || function >= slot->count)
		return NULL;
	if (function > mock_accel_space_enabled_vfs(&slot->spaces[0]))
		return NULL;
	return &slot->spaces[function];
}

static int read_space(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	struct mock_accel_root *root = bus->sysdata;
	struct mock_accel_space *space;
	unsigned long flags;

	raw_spin_lock_irqsave(&root->lock, flags);
	space = bus->number ? NULL : find_space(root, devfn);
	if (space)
		*value = mock_accel_space_read(space, where, size);
	raw_spin_unlock_irqrestore(&root->lock, flags);
	if (space)
		return PCIBIOS_SUCCESSFUL;
	*value = ~0;
	return PCIBIOS_DEVICE_NOT_FOUND;
}

static int write_space(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	struct mock_accel_root *root = bus->sysdata;
	struct mock_accel_space *space;
	unsigned long flags;

	raw_spin_lock_irqsave(&root->lock, flags);
	space = bus->number ? NULL : find_space(root, devfn);
	if (space)
		mock_accel_space_write(space, where, size, value);
	raw_spin_unlock_irqrestore(&root->lock, flags);
	return space ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static struct pci_ops mock_accel_pci_ops = {
	.read = read_space,
	.write = write_space,
};

static void release_root(struct pci_host_bridge *bridge)
{
	struct mock_accel_root *root = pci_host_bridge_priv(bridge);

	for (u32 i = 0; i < MOCK_ACCEL_SLOTS; i++)
		kfree(root->slots[i]);
	mock_accel_live_put();
}

struct mock_accel_root *mock_accel_root_create(int domain, int node)
{
	struct pci_host_bridge *bridge;
	struct mock_accel_root *root;

	bridge = pci_alloc_host_bridge(sizeof(*root));
	if (!bridge)
		return NULL;
	root = pci_host_bridge_priv(bridge);
	root->bridge = bridge;
	raw_spin_lock_init(&root->lock);
	root->sysdata.domain = domain;
	root->sysdata.node = node;
	root->bus_numbers.name = MOCK_ACCEL_NAME;
	root->bus_numbers.end = ROOT_BUSES - 1;
	root->bus_numbers.flags = IORESOURCE_BUS;

	mock_accel_live_get();
	pci_set_host_bridge_release(bridge, release_root, NULL);
	/* The bridge gets no parent, so that its name is the first of every path below it. */
	bridge->sysdata = &root->sysdata;
	bridge->ops = &mock_accel_pci_ops;
	bridge->busnr = 0;
	pci_add_resource(&bridge->windows, &root->bus_numbers);
	return root;
}

int mock_accel_root_fill(struct mock_accel_root *root, u32 slot,
			 const struct mock_accel_config *config, u32 pf)
{
	u32 count = 1 + config->total_vfs;
	struct mock_accel_slot *filled;

	filled = kzalloc(struct_size(filled, spaces, count), GFP_KERNEL);
	if (!filled)
		return -ENOMEM;
	filled->index = pf;
	filled->count = count;
	for (u32 function = 0; function < count; function++) {
		struct mock_accel_function_config description;

		mock_accel_config_function(config, pf, function, &description);
		mock_accel_space_build(&filled->spaces[function], &description,
				       PCI_DEVFN(slot, function));
	}
	root->slots[slot] = filled;
	return 0;
}

int mock_accel_root_add(struct mock_accel_root *root)
{
	int error;

	pci_lock_rescan_remove();
	error = pci_scan_root_bus_bridge(root->bridge);
	if (!error) {
		root->added = true;
		pci_bus_add_devices(root->bridge->bus);
	}
	pci_unlock_rescan_remove();
	return error;
}

struct pci_dev *mock_accel_root_pf(struct mock_accel_root *root, u32 slot)
{
	if (!root->added)
		return NULL;
	return pci_get_slot(root->bridge->bus, PCI_DEVFN(slot, 0));
}

void mock_accel_root_remove(struct mock_accel_root *root)
{
	struct pci_host_bridge *bridge = root->bridge;

	if (root->added) {
		pci_lock_rescan_remove();
		pci_stop_root_bus(bridge->bus);
		pci_remove_root_bus(bridge->bus);
		pci_unlock_rescan_remove();
	}
	put_device(&bridge->dev);
}

int mock_accel_bus_index(struct pci_dev *pdev)
{
	struct mock_accel_root *root = pdev->bus->sysdata;
	struct mock_accel_slot *slot;

	if (pdev->bus->ops != &mock_accel_pci_ops)
		return -ENODEV;
	slot = root->slots[PCI_SLOT(pdev->devfn)];
	return slot ? slot->index : -ENODEV;
}
