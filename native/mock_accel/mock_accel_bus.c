// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Root buses made in software: a host bridge each, whose accesses to configuration space end in memory,
 * and the slots on them, into which functions are plugged.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/version.h>

#include "mock_accel.h"
#include "mock_accel_uapi.h"

#ifndef CONFIG_X86
#error "mock_accel knows only how x86 tells a root bus its domain and NUMA node (struct pci_sysdata)"
#endif

struct mock_accel_slot {
	struct mock_accel_root *root;
	u32 number; /* of the physical function, among all */
	u32 slot;
	u32 count; /* of functions: the physical one and behind it its VFs */
	bool registers;
	bool foreign; /* another driver may know its ids */
	/* Each is one word, written by one process and read by any. */
	bool going;
	bool hang;
	bool silent;
	struct mock_accel_space spaces[];
};

struct mock_accel_root {
	struct pci_sysdata sysdata; /* what x86 looks for behind bus->sysdata; must be the first */
	struct list_head entry;
	struct resource bus_numbers;
	struct pci_host_bridge *bridge;
	/* x86 reads and writes configuration space from several processors at a time. */
	raw_spinlock_t lock;
	struct mock_accel_slot *slots[MOCK_ACCEL_SLOTS];
};

/* All that are plugged in, and how many there have been: whoever plugs is one at a time. */
static LIST_HEAD(roots);
static u32 roots_made;

/* --- configuration space --- */

/* The slot that answers for a function, or NULL if none does; the lock is held. */
static struct mock_accel_slot *find_slot(struct mock_accel_root *root, unsigned int devfn)
{
	struct mock_accel_slot *slot = root->slots[PCI_SLOT(devfn)];
	u32 function = PCI_FUNC(devfn);

	if (!slot || slot->silent || function >= slot->count)
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
	if (slot && !slot->hang)
		*value = mock_accel_space_read(&slot->spaces[PCI_FUNC(devfn)], where, size);
	raw_spin_unlock_irqrestore(&root->lock, flags);
	return slot ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static int write_space(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	struct mock_accel_root *root = bus->sysdata;
	struct mock_accel_slot *slot;
	unsigned long flags;

	raw_spin_lock_irqsave(&root->lock, flags);
	slot = find_slot(root, devfn);
	if (slot && !slot->hang)
		mock_accel_space_write(&slot->spaces[PCI_FUNC(devfn)], where, size, value);
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
	error = driver_set_override(&pdev->dev, &pdev->driver_override, MOCK_ACCEL_NAME,
				    strlen(MOCK_ACCEL_NAME));
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
	roots_made = 0;
	return bus_register_notifier(&pci_bus_type, &claimer);
}

void mock_accel_bus_unregister(void)
{
	bus_unregister_notifier(&pci_bus_type, &claimer);
}

/* --- root buses --- */

static void release_root(struct pci_host_bridge *bridge)
{
	mock_accel_live_put();
}

static struct mock_accel_root *find_root(u32 domain, u32 bus)
{
	struct mock_accel_root *root;

	list_for_each_entry(root, &roots, entry) if (root->sysdata.domain == domain &&
						     root->bridge->busnr == bus) return root;
	return NULL;
}

/* A domain that has any bus of others has an owner, whatever the number of the bus. */
static bool domain_is_taken(u32 domain)
{
	struct pci_bus *bus = NULL;

	while ((bus = pci_find_next_bus(bus)))
		if (pci_domain_nr(bus) == domain && bus->ops != &mock_accel_pci_ops)
			return true;
	return false;
}

/* Root buses that name no node get the machine's in turn. */
static int node_in_turn(void)
{
	u32 skip = roots_made % num_online_nodes();
	int node;

	for_each_online_node(node) if (!skip--) return node;
	return NUMA_NO_NODE;
}

static struct mock_accel_root *create_root(u32 domain, u32 bus, int node)
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
	/* One bus: VFs stay on it, and other roots of the domain may have the next number. */
	root->bus_numbers.start = bus;
	root->bus_numbers.end = bus;
	root->bus_numbers.flags = IORESOURCE_BUS;

	mock_accel_live_get();
	pci_set_host_bridge_release(bridge, release_root, NULL);
	/* The bridge gets no parent, so that its name is the first of every path below it. */
	bridge->sysdata = &root->sysdata;
	bridge->ops = &mock_accel_pci_ops;
	bridge->busnr = bus;
	pci_add_resource(&bridge->windows, &root->bus_numbers);
	return root;
}

static bool is_empty(const struct mock_accel_root *root)
{
	for (u32 i = 0; i < MOCK_ACCEL_SLOTS; i++)
		if (root->slots[i])
			return false;
	return true;
}

static void remove_root(struct mock_accel_root *root)
{
	struct pci_host_bridge *bridge = root->bridge;

	list_del(&root->entry);
	pci_lock_rescan_remove();
	pci_stop_root_bus(bridge->bus);
	pci_remove_root_bus(bridge->bus);
	pci_unlock_rescan_remove();
	put_device(&bridge->dev);
}

/* The first function is in its slot: now the bus is shown with it. */
static int show_root(struct mock_accel_root *root)
{
	int error;

	pci_lock_rescan_remove();
	error = pci_scan_root_bus_bridge(root->bridge);
	if (!error)
		pci_bus_add_devices(root->bridge->bus);
	pci_unlock_rescan_remove();
	return error;
}

static int show_slot(struct mock_accel_root *root, u32 slot)
{
	struct pci_bus *bus = root->bridge->bus;
	int found;

	pci_lock_rescan_remove();
	found = pci_scan_slot(bus, PCI_DEVFN(slot, 0));
	if (found)
		pci_bus_add_devices(bus);
	pci_unlock_rescan_remove();
	return found ? 0 : -EIO;
}

/* --- plugging --- */

#define REFUSE(error, ...)                           \
	do {                                         \
		snprintf(reason, size, __VA_ARGS__); \
		return ERR_PTR(error);               \
	} while (0)

/* Find the root bus, or make one; a new one is not in the list yet. */
static struct mock_accel_root *get_root(const struct mock_accel_pf *pf, char *reason, size_t size)
{
	struct mock_accel_root *root = find_root(pf->domain, pf->bus);
	int node = pf->numa_node;

	/* A device at a node without memory would send every allocation for it astray. */
	if (node != MOCK_ACCEL_ANY && (node >= MAX_NUMNODES || !node_online(node)))
		REFUSE(-EINVAL, "NUMA node %d is asked for, which this machine does not have",
		       node);
	if (root) {
		if (node != MOCK_ACCEL_ANY && node != root->sysdata.node)
			REFUSE(-EINVAL, "root bus %04x:%02x is at NUMA node %d, not %d", pf->domain,
			       pf->bus, root->sysdata.node, node);
		return root;
	}
	if (domain_is_taken(pf->domain))
		REFUSE(-EBUSY, "PCI domain 0x%x is in use: choose another one", pf->domain);
	root = create_root(pf->domain, pf->bus, node == MOCK_ACCEL_ANY ? node_in_turn() : node);
	if (!root)
		REFUSE(-ENOMEM, "no memory for root bus %04x:%02x", pf->domain, pf->bus);
	INIT_LIST_HEAD(&root->entry);
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
			pf->vf_device != MOCK_ACCEL_VF_DEVICE_ID;
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

struct mock_accel_slot *mock_accel_bus_plug(const struct mock_accel_pf *pf, char *reason,
					    size_t size)
{
	struct mock_accel_root *root = get_root(pf, reason, size);
	struct mock_accel_slot *slot = NULL;
	bool is_new;
	int number, error;

	if (IS_ERR(root))
		return ERR_CAST(root);
	is_new = list_empty(&root->entry);
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
	put_slot(root, number, slot);
	error = is_new ? show_root(root) : show_slot(root, number);
	if (error) {
		snprintf(reason, size, "%04x:%02x:%02x.0 cannot be added: error %d", pf->domain,
			 pf->bus, number, error);
		goto out_free_slot;
	}
	if (is_new) {
		list_add_tail(&root->entry, &roots);
		roots_made++;
	}
	return slot;

out_free_slot:
	put_slot(root, number, NULL);
	kfree(slot);
out_put_root:
	if (is_new)
		put_device(&root->bridge->dev);
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
 * Whoever writes sriov_numvfs holds the device's lock and waits for that of rescanning, and removing a
 * function takes both the other way round. So its VFs go first, in the writer's order, and then its
 * driver, which does not come back to a slot that is going; a write to an unbound device is refused.
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
		remove_root(root);
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
