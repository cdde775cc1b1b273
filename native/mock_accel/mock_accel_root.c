// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Root buses: see mock_accel_root.h.
 */
#include <linux/nodemask.h>

#include "mock_accel.h"
#include "mock_accel_root.h"

/* All that are shown. */
static LIST_HEAD(roots);
static u32 roots_made;

static void release_root(struct pci_host_bridge *bridge)
{
	mock_accel_live_put();
}

struct mock_accel_root *mock_accel_root_find(u32 domain, u32 bus)
{
	struct mock_accel_root *root;

	list_for_each_entry(root, &roots, entry)
		if (root->sysdata.domain == domain && root->bridge->busnr == bus)
			return root;
	return NULL;
}

/* A domain that has any bus of others has an owner, whatever the number of the bus. */
bool mock_accel_root_domain_taken(u32 domain, const struct pci_ops *ops)
{
	struct pci_bus *bus = NULL;
	bool taken = false;

	/* No bus goes meanwhile. */
	pci_lock_rescan_remove();
	while (!taken && (bus = pci_find_next_bus(bus)))
		taken = pci_domain_nr(bus) == domain && bus->ops != ops;
	pci_unlock_rescan_remove();
	return taken;
}

static int node_in_turn(void)
{
	u32 skip = roots_made % num_online_nodes();
	int node;

	for_each_online_node(node)
		if (!skip--)
			return node;
	return NUMA_NO_NODE;
}

struct mock_accel_root *mock_accel_root_create(u32 domain, u32 bus, int node, struct pci_ops *ops)
{
	struct pci_host_bridge *bridge;
	struct mock_accel_root *root;

	bridge = pci_alloc_host_bridge(sizeof(*root));
	if (!bridge)
		return NULL;
	root = pci_host_bridge_priv(bridge);
	root->bridge = bridge;
	INIT_LIST_HEAD(&root->entry);
	raw_spin_lock_init(&root->lock);
	root->sysdata.domain = domain;
	root->sysdata.node = node == MOCK_ACCEL_ANY ? node_in_turn() : node;
	root->bus_numbers.name = MOCK_ACCEL_NAME;
	/* One bus: VFs stay on it, and other roots of the domain may have the next number. */
	root->bus_numbers.start = bus;
	root->bus_numbers.end = bus;
	root->bus_numbers.flags = IORESOURCE_BUS;

	mock_accel_live_get();
	pci_set_host_bridge_release(bridge, release_root, NULL);
	/* The bridge gets no parent, so that its name is the first of every path below it. */
	bridge->sysdata = &root->sysdata;
	bridge->ops = ops;
	bridge->busnr = bus;
	pci_add_resource(&bridge->windows, &root->bus_numbers);
	if (list_empty(&bridge->windows)) {
		/* It had no memory for that, and says so in the log only; the bus would take all numbers. */
		put_device(&bridge->dev);
		return NULL;
	}
	return root;
}

bool mock_accel_root_is_shown(const struct mock_accel_root *root)
{
	return !list_empty(&root->entry);
}

int mock_accel_root_scan(struct mock_accel_root *root, u32 slot)
{
	int error;

	if (mock_accel_root_is_shown(root)) {
		pci_scan_slot(root->bridge->bus, PCI_DEVFN(slot, 0));
		return 0;
	}
	error = pci_scan_root_bus_bridge(root->bridge);
	if (error)
		return error;
	list_add_tail(&root->entry, &roots);
	roots_made++;
	return 0;
}

void mock_accel_root_remove(struct mock_accel_root *root)
{
	struct pci_host_bridge *bridge = root->bridge;

	if (mock_accel_root_is_shown(root)) {
		list_del(&root->entry);
		pci_lock_rescan_remove();
		pci_stop_root_bus(bridge->bus);
		pci_remove_root_bus(bridge->bus);
		pci_unlock_rescan_remove();
	}
	put_device(&bridge->dev);
}
