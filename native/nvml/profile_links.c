/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which NVLink of which GPU leads where. */
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

#define CAPABILITIES_ALL 0x3fu /* P2P, system memory, atomics of both, SLI, valid */
#define VENDOR 0x10deu

/* The NVSwitch that a generation of NVLink came with, as PCI devices show it. */
static uint32_t switch_pci_id(uint32_t nvlink_version)
{
	switch (nvlink_version) {
	case 2:
		return 0x1ac2u << 16 | VENDOR;
	case 3:
		return 0x1af1u << 16 | VENDOR;
	case 4:
		return 0x22a3u << 16 | VENDOR;
	default:
		return 0;
	}
}

static bool lies_at(const struct device *device, const struct pci_address *address, uint32_t domain)
{
	return device->pci_domain == (address->domain == NA_U32 ? domain : address->domain) &&
	       device->pci_bus == address->bus && device->pci_device == address->device &&
	       device->pci_function == address->function;
}

static void lead_to_address(struct device_link *link, const struct pci_address *address,
			    uint32_t domain)
{
	link->remote_domain = address->domain == NA_U32 ? domain : address->domain;
	link->remote_bus = address->bus;
	link->remote_slot = address->device;
	link->remote_function = address->function;
}

static void lead_to_gpu(struct device_link *link, const struct description *description,
			uint32_t peer)
{
	const struct device *device = &description->devices[peer];
	const struct board *board = description_board(description, device);

	link->remote_type = PROFILE_REMOTE_GPU;
	link->remote_device = (int32_t)peer;
	link->remote_domain = device->pci_domain;
	link->remote_bus = device->pci_bus;
	link->remote_slot = device->pci_device;
	link->remote_function = device->pci_function;
	link->remote_pci_id = board->pci_device_id;
	link->remote_subsystem_id = board->pci_subsystem_id;
}

static void reset_link(struct device_link *link)
{
	memset(link, 0, sizeof(*link));
	link->remote_device = -1;
	link->remote_type = PROFILE_REMOTE_NONE;
}

/* Every link of every GPU to the switches in turn, so that each reaches all. */
static void link_by_switches(const struct profile_file *file, uint32_t domain,
			     struct device *device)
{
	bool up = file->link_state == NA_U32 || file->link_state;

	device->link_count = file->nvlink.links;
	for (uint32_t i = 0; i < device->link_count; i++) {
		struct device_link *link = &device->links[i];

		reset_link(link);
		if (!file->nvlink.switches)
			continue;
		link->active = up;
		link->remote_type = PROFILE_REMOTE_SWITCH;
		if (!file->switch_count)
			continue;
		lead_to_address(link, &file->switches[i % file->switch_count], domain);
		link->remote_pci_id = switch_pci_id(file->nvlink.version);
	}
}

static int build_link(struct reader *reader, const struct draft_link *draft, uint32_t domain,
		      struct description *description, uint32_t index)
{
	struct device *device = &description->devices[index];
	struct device_link *link = &device->links[draft->link];
	uint32_t peer = draft->remote_index;
	bool up = draft->active != NA_U32 ? draft->active != 0 : reader->file->link_state != 0;

	for (uint32_t i = 0;
	     peer == NA_U32 && draft->remote.bus != NA_U32 && i < description->device_count; i++)
		if (lies_at(&description->devices[i], &draft->remote, domain))
			peer = i;
	if (peer != NA_U32 && (peer == index || peer >= description->device_count)) {
		if (peer == index) {
			snprintf(
				reader->error->text, sizeof(reader->error->text),
				"%s:%d: nvlink: expected a link to another GPU than %u, found itself",
				reader->name, draft->line, index);
			return -1;
		}
		/* The peer is not among the GPUs asked for: the link is down. */
		peer = NA_U32;
		up = false;
	}
	if (draft->link >= device->link_count)
		device->link_count = draft->link + 1;
	reset_link(link);
	link->active = up;
	link->remote_link = (uint8_t)draft->link;
	if (peer != NA_U32) {
		lead_to_gpu(link, description, peer);
		return 0;
	}
	link->remote_type = (uint8_t)draft->remote_type;
	if (draft->remote.bus != NA_U32)
		lead_to_address(link, &draft->remote, domain);
	if (draft->remote_type == PROFILE_REMOTE_SWITCH)
		link->remote_pci_id = switch_pci_id(reader->file->nvlink.version);
	return 0;
}

/* The nth link of a device that leads to peer; NULL where it has not so many. */
static struct device_link *nth_link_to(struct device *device, uint32_t peer, uint32_t n)
{
	for (uint32_t i = 0; i < device->link_count; i++)
		if (device->links[i].remote_device == (int32_t)peer && n-- == 0)
			return &device->links[i];
	return NULL;
}

/*
 * Of two GPUs' links to each other, the first meets the first and so on. A link
 * is up when both its ends are.
 */
static void join_links(struct description *description, uint32_t a, uint32_t b)
{
	struct device *one = &description->devices[a], *two = &description->devices[b];
	struct device_link *link, *end;

	for (uint32_t n = 0; (link = nth_link_to(one, b, n)); n++) {
		end = nth_link_to(two, a, n);
		if (!end)
			return;
		link->remote_link = (uint8_t)(end - two->links);
		end->remote_link = (uint8_t)(link - one->links);
		link->active = end->active = link->active && end->active;
	}
}

static bool same_switch(const struct device_link *a, const struct device_link *b)
{
	return b->remote_type == PROFILE_REMOTE_SWITCH && a->remote_domain == b->remote_domain &&
	       a->remote_bus == b->remote_bus && a->remote_slot == b->remote_slot &&
	       a->remote_function == b->remote_function;
}

/*
 * Each link to a switch has a port of its own there: those of the first GPU come
 * first. Switches without an address have one link of each GPU.
 */
static void number_ports(struct device *device, uint32_t index)
{
	uint32_t place[PROFILE_MAX_LINKS] = { 0 }, ports = 1;

	for (uint32_t i = 0; i < device->link_count; i++) {
		for (uint32_t before = 0; before < i && device->links[i].remote_bus; before++)
			place[i] += same_switch(&device->links[i], &device->links[before]);
		if (place[i] >= ports)
			ports = place[i] + 1;
	}
	for (uint32_t i = 0; i < device->link_count; i++)
		if (device->links[i].remote_type == PROFILE_REMOTE_SWITCH)
			device->links[i].remote_link = (uint8_t)(index * ports + place[i]);
}

static bool has_own_links(const struct profile_file *file, uint32_t index)
{
	for (uint32_t i = 0; i < file->link_count; i++)
		if (file->links[i].device == index)
			return true;
	return false;
}

int links_build(struct reader *reader, uint32_t domain, struct description *description)
{
	const struct profile_file *file = reader->file;

	for (uint32_t index = 0; index < description->device_count; index++) {
		bool own = has_own_links(file, index);

		if (!own && !(index == 0 && file->link_count && has_own_links(file, NA_U32))) {
			link_by_switches(file, domain, &description->devices[index]);
			continue;
		}
		for (uint32_t i = 0; i < PROFILE_MAX_LINKS; i++)
			reset_link(&description->devices[index].links[i]);
		description->devices[index].link_count = file->nvlink.links;
		for (uint32_t i = 0; i < file->link_count; i++)
			if (file->links[i].device == (own ? index : NA_U32) &&
			    build_link(reader, &file->links[i], domain, description, index) != 0)
				return -1;
	}
	for (uint32_t i = 0; i < description->device_count; i++)
		number_ports(&description->devices[i], i);
	for (uint32_t a = 0; file->link_count && a < description->device_count; a++)
		for (uint32_t b = a + 1; b < description->device_count; b++)
			join_links(description, a, b);
	for (uint32_t i = 0; i < description->board_count; i++)
		if (description->boards[i].nvlink.links)
			description->boards[i].nvlink.capabilities = CAPABILITIES_ALL;
	return 0;
}
