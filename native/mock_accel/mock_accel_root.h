/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A root bus made in software, with a host bridge of its own. Whoever makes, shows and removes root buses
 * is one at a time.
 */
#ifndef MOCK_ACCEL_ROOT_H
#define MOCK_ACCEL_ROOT_H

#include <linux/list.h>
#include <linux/pci.h>

#include "mock_accel_pf.h"

#ifndef CONFIG_X86
#error "mock_accel knows only how x86 tells a root bus its domain and NUMA node (struct pci_sysdata)"
#endif

struct mock_accel_slot;

struct mock_accel_root {
	struct pci_sysdata sysdata; /* what x86 looks for behind bus->sysdata; must be the first */
	struct list_head entry;
	struct resource bus_numbers;
	struct pci_host_bridge *bridge;
	/* x86 reads and writes configuration space from several processors at a time. */
	raw_spinlock_t lock;
	struct mock_accel_slot *slots[MOCK_ACCEL_SLOTS];
};

/* The root bus that is shown with these numbers, or NULL. */
struct mock_accel_root *mock_accel_root_find(u32 domain, u32 bus);
/* Whether there is a bus in this domain whose accesses do not end in these operations. */
bool mock_accel_root_domain_taken(u32 domain, const struct pci_ops *ops);

/* Make one at a NUMA node, or at the next in turn (MOCK_ACCEL_ANY). Nobody sees it yet. */
struct mock_accel_root *mock_accel_root_create(u32 domain, u32 bus, int node, struct pci_ops *ops);
bool mock_accel_root_is_shown(const struct mock_accel_root *root);
/*
 * Look into a slot; a root bus that is not shown yet is from then on. Drivers do not hear of what is found
 * before pci_bus_add_device(). The lock of rescanning is held.
 */
int mock_accel_root_scan(struct mock_accel_root *root, u32 slot);
/* Take it off, shown or not. */
void mock_accel_root_remove(struct mock_accel_root *root);

#endif
