/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nvlink: switches, and links that a file lists one by one. */
#include <stdlib.h>

#include "profile_internal.h"

static int read_switch_address(struct reader *reader, yaml_node_t *node, void *target)
{
	return reader_pci_address(reader, node, target);
}

const struct key profile_switch_keys[] = {
	{ .name = "bdf",
	  .kind = KIND_CALL,
	  .call = read_switch_address,
	  .expects = "a PCI address such as 0000:07:00.0 or 07:00.0" },
	{ .name = "uuid", .kind = KIND_IGNORED, .flags = KEY_QUIET },
	{ .name = NULL },
};

int read_switches(struct reader *reader, yaml_node_t *node, void *target)
{
	struct profile_file *file = target;
	int count = reader_list(reader, node, PROFILE_MAX_SWITCHES, "switches");

	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);

		file->switches[i].bus = NA_U32;
		if (reader_section(reader, item, profile_switch_keys, &file->switches[i]) != 0)
			return -1;
		if (file->switches[i].bus == NA_U32)
			return reader_fail(reader, item, "a switch with its bdf");
		reader_leave(reader, length);
	}
	if (count >= 0)
		file->switch_count = (uint32_t)count;
	return count < 0 ? -1 : 0;
}

static int read_remote_address(struct reader *reader, yaml_node_t *node, void *target)
{
	return reader_pci_address(reader, node, &((struct draft_link *)target)->remote);
}

static const struct choice remote_types[] = {
	{ "gpu", PROFILE_REMOTE_GPU },
	{ "GPU", PROFILE_REMOTE_GPU },
	{ "ibmnpu", PROFILE_REMOTE_NPU },
	{ "switch", PROFILE_REMOTE_SWITCH },
	{ "SWITCH", PROFILE_REMOTE_SWITCH },
	{ "nvswitch", PROFILE_REMOTE_SWITCH },
	{ NULL, 0 },
};

static const struct choice link_states[] = {
	{ "active", 1 }, { "up", 1 },	    { "enabled", 1 }, { "inactive", 0 },
	{ "down", 0 },	 { "disabled", 0 }, { NULL, 0 },
};

#define LINK(member) .offset = offsetof(struct draft_link, member)

const struct key profile_link_keys[] = {
	{ .name = "link", .kind = KIND_U32, LINK(link), .min = 0, .max = PROFILE_MAX_LINKS - 1 },
	{ .name = "state", .kind = KIND_CHOICE, LINK(active), .more = link_states },
	{ .name = "remote_device_type",
	  .kind = KIND_CHOICE,
	  LINK(remote_type),
	  .more = remote_types },
	{ .name = "remote_pci_bus_id",
	  .kind = KIND_CALL,
	  .call = read_remote_address,
	  .expects = "a PCI address such as 0000:07:00.0 or 07:00.0" },
	{ .name = "remote_index",
	  .kind = KIND_U32,
	  LINK(remote_index),
	  .min = 0,
	  .max = PROFILE_MAX_DEVICES - 1 },
	{ .name = NULL },
};

static int read_device_link_list(struct reader *reader, yaml_node_t *node,
				 struct profile_file *file, uint32_t device)
{
	int count = reader_list(reader, node, PROFILE_MAX_LINKS, "links");

	if (count > 0 && !file->links)
		file->links = calloc(PROFILE_MAX_DEVICES * PROFILE_MAX_LINKS, sizeof(*file->links));
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		size_t length = reader_enter_index(reader, (unsigned int)i);
		struct draft_link *link;

		if (!file->links || file->link_count == PROFILE_MAX_DEVICES * PROFILE_MAX_LINKS)
			return reader_fail(reader, item, "at most %d links per GPU",
					   PROFILE_MAX_LINKS);
		link = &file->links[file->link_count++];
		*link = (struct draft_link){ .device = device,
					     .link = (uint32_t)i,
					     .active = NA_U32,
					     .remote_type = PROFILE_REMOTE_NONE,
					     .remote.bus = NA_U32,
					     .remote_index = NA_U32,
					     .line = (int)item->start_mark.line + 1 };
		if (reader_section(reader, item, profile_link_keys, link) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return count < 0 ? -1 : 0;
}

int read_links(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_device_link_list(reader, node, target, NA_U32);
}

struct device_links {
	struct profile_file *file;
	uint32_t index;
};

static int read_one_device_links(struct reader *reader, yaml_node_t *node, void *target)
{
	struct device_links *links = target;

	return read_device_link_list(reader, node, links->file, links->index);
}

const struct key profile_device_link_keys[] = {
	{ .name = "index",
	  .kind = KIND_U32,
	  .offset = offsetof(struct device_links, index),
	  .min = 0,
	  .max = PROFILE_MAX_DEVICES - 1 },
	{ .name = "links",
	  .kind = KIND_CALL,
	  .call = read_one_device_links,
	  .more = profile_link_keys },
	{ .name = NULL },
};

int read_device_links(struct reader *reader, yaml_node_t *node, void *target)
{
	int count = reader_list(reader, node, PROFILE_MAX_DEVICES, "devices");

	for (int i = 0; i < count; i++) {
		struct device_links links = { target, (uint32_t)i };
		size_t length = reader_enter_index(reader, (unsigned int)i);

		if (reader_section(reader, reader_item(reader, node, (unsigned int)i),
				   profile_device_link_keys, &links) != 0)
			return -1;
		reader_leave(reader, length);
	}
	return count < 0 ? -1 : 0;
}
