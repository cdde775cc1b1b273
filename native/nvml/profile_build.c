/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what a file says to a node's GPUs: versions, identities, places. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"
#include "profile_internal.h"

/* The CUDA version each driver branch speaks; for drivers that a site chooses. */
static const struct {
	uint32_t branch, major, minor;
} cuda_by_branch[] = {
	{ 525, 12, 0 }, { 530, 12, 1 }, { 535, 12, 2 }, { 545, 12, 3 },
	{ 550, 12, 4 }, { 555, 12, 5 }, { 560, 12, 6 }, { 565, 12, 7 },
	{ 570, 12, 8 }, { 575, 12, 9 }, { 580, 13, 0 }, { 590, 13, 1 },
};

static uint32_t branch_of(const char *driver_version)
{
	uint32_t branch = 0;

	for (; *driver_version >= '0' && *driver_version <= '9' && branch < 100000;
	     driver_version++)
		branch = branch * 10 + (uint32_t)(*driver_version - '0');
	return branch;
}

static bool is_version(const char *text)
{
	bool digit = false;

	for (; *text; text++) {
		if (*text == '.' ? !digit : *text < '0' || *text > '9')
			return false;
		digit = *text != '.';
	}
	return digit;
}

/* What a host or a Kubernetes node may be called; it is written to files. */
static bool is_node_name(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
			return false;
	return *text && strlen(text) <= 253;
}

static int build_cuda(struct reader *reader, bool other_driver, struct profile_system *system)
{
	struct profile_file *file = reader->file;
	uint32_t major = file->cuda_major, minor = file->cuda_minor;
	uint32_t text_major, text_minor;

	if (file->cuda_version[0]) {
		const char *point = strchr(file->cuda_version, '.');

		text_major = branch_of(file->cuda_version);
		text_minor = point ? branch_of(point + 1) : 0;
		if (!is_version(file->cuda_version) || !point || text_major > 99 || text_minor > 9)
			return reader_fail_at(reader, "system.cuda_version", file->cuda_version,
					      "a version such as 12.4");
		if ((major != NA_U32 && major != text_major) ||
		    (minor != NA_U32 && minor != text_minor))
			return reader_fail_at(reader, "system.cuda_version", file->cuda_version,
					      "the version of cuda_version_major and _minor");
		major = text_major;
		minor = text_minor;
	}
	if (major == NA_U32 || other_driver)
		for (size_t i = 0; i < sizeof(cuda_by_branch) / sizeof(cuda_by_branch[0]); i++)
			if (i == 0 ||
			    branch_of(system->driver_version) >= cuda_by_branch[i].branch) {
				major = cuda_by_branch[i].major;
				minor = cuda_by_branch[i].minor;
			}
	system->cuda_version = major * 1000 + (minor == NA_U32 ? 0 : minor) * 10;
	return 0;
}

static int build_system(struct reader *reader, const struct profile_site *site,
			struct profile_system *system)
{
	struct profile_file *file = reader->file;
	const char *chosen =
		site->driver_version ? site->driver_version : file->site_driver_version;
	bool other_driver = *chosen && file->driver_version[0] &&
			    branch_of(chosen) != branch_of(file->driver_version);

	if (!*chosen)
		chosen = file->driver_version[0] ? file->driver_version : DRIVER_VERSION;
	if (!is_version(chosen) || strlen(chosen) >= 32)
		return reader_fail_at(reader,
				      chosen == file->site_driver_version ? "site.driver_version"
									  : "system.driver_version",
				      chosen, "a version such as 550.163.01");
	snprintf(system->driver_version, sizeof(system->driver_version), "%s", chosen);
	if (build_cuda(reader, other_driver, system) != 0)
		return -1;
	if (file->nvml_version[0] && strcmp(chosen, file->driver_version) == 0)
		snprintf(system->nvml_version, sizeof(system->nvml_version), "%s",
			 file->nvml_version);
	else
		snprintf(system->nvml_version, sizeof(system->nvml_version), "%u.%s",
			 system->cuda_version / 1000, system->driver_version);
	if (site->node_name)
		snprintf(system->node_name, sizeof(system->node_name), "%s", site->node_name);
	else if (file->site_node_name[0])
		snprintf(system->node_name, sizeof(system->node_name), "%s", file->site_node_name);
	else
		identity_node_name(system->node_name, sizeof(system->node_name));
	if (!is_node_name(system->node_name))
		return reader_fail_at(reader, "site.node_name", system->node_name,
				      "a host name of letters, digits, '.', '-' and '_'");
	return 0;
}

static uint32_t choose_count(const struct profile_file *file, const struct profile_site *site)
{
	if (site->device_count)
		return site->device_count;
	if (file->site_num_devices != NA_U32)
		return file->site_num_devices;
	if (file->num_devices != NA_U32)
		return file->num_devices;
	return file->listed ? file->listed : PROFILE_DEFAULT_DEVICES;
}

static struct draft *draft_of(struct profile_file *file, uint32_t index)
{
	return file->devices[index] ? file->devices[index] : &file->defaults;
}

/* --- boards --- */

static uint32_t share_board(struct description *description, const struct board *board)
{
	uint32_t i = 0;

	while (i < description->board_count &&
	       memcmp(&description->boards[i], board, sizeof(*board)) != 0)
		i++;
	if (i == description->board_count) {
		description->boards[i] = *board;
		description->board_count++;
	}
	return i;
}

/* --- places --- */

static struct pci_address address_of(const struct draft *draft, uint32_t index, uint32_t domain)
{
	struct pci_address address = draft->address;
	uint32_t slots = draft->slot_count ? draft->slot_count : 8;

	if (address.bus == NA_U32) {
		address = (struct pci_address){ NA_U32, (index % slots + 1) * 16, 0, 0 };
		if (draft->slot_count)
			address = draft->slots[index % slots];
		address.domain =
			(address.domain == NA_U32 ? domain : address.domain) + index / slots;
	}
	if (address.domain == NA_U32)
		address.domain = domain;
	return address;
}

static bool is_listed(const struct draft_root *root, const struct device *device, uint32_t index,
		      uint32_t domain)
{
	for (uint32_t i = 0; i < root->index_count; i++)
		if (root->indexes[i] == index)
			return true;
	for (uint32_t i = 0; i < root->address_count; i++) {
		const struct pci_address *address = &root->addresses[i];

		if (device->pci_domain == (address->domain == NA_U32 ? domain : address->domain) &&
		    device->pci_bus == address->bus && device->pci_device == address->device)
			return true;
	}
	return false;
}

/* After how many GPUs the places repeat; one slot may serve several root
 * complexes, each in a PCI domain of its own. */
static uint32_t places(const struct profile_file *file)
{
	uint32_t period = file->defaults.slot_count;

	if (!period)
		return PROFILE_MAX_DEVICES;
	for (uint32_t r = 0; r < file->root_count; r++)
		for (uint32_t i = 0; i < file->roots[r].index_count; i++)
			if (file->roots[r].indexes[i] >= period)
				period = file->roots[r].indexes[i] + 1;
	return period;
}

static void place(const struct profile_file *file, struct device *device, uint32_t index,
		  uint32_t domain)
{
	uint32_t period = places(file);

	device->numa_node = -1;
	device->root_complex = NA_U32;
	device->root_level = 30;
	for (uint32_t r = 0; r < file->root_count; r++) {
		const struct draft_root *root = &file->roots[r];
		uint32_t first = root->numa_node * file->cores_per_numa;
		bool given = false;

		if (!is_listed(root, device, index % period, domain))
			continue;
		device->numa_node = (int32_t)root->numa_node;
		device->root_complex = index / period * file->root_count + r;
		device->root_level = root->level;
		memcpy(device->cpus, root->cpus, sizeof(device->cpus));
		for (uint32_t w = 0; w < PROFILE_CPU_WORDS; w++)
			given = given || root->cpus[w];
		for (uint32_t cpu = first;
		     !given && file->cores_per_numa != NA_U32 &&
		     cpu < first + file->cores_per_numa && cpu < PROFILE_CPU_WORDS * 64;
		     cpu++)
			device->cpus[cpu / 64] |= (uint64_t)1 << (cpu % 64);
		return;
	}
}

/* --- identities --- */

static void identify(struct reader *reader, const struct draft *draft,
		     const struct profile_system *system, uint32_t index, uint32_t domain,
		     struct device *device)
{
	struct pci_address address = address_of(draft, index, domain);
	const char *node = system->node_name;
	bool own_serial =
		draft->serial[0] && strcmp(draft->serial, reader->file->defaults.serial) != 0;

	if (draft->uuid[0])
		memcpy(device->uuid, draft->uuid, sizeof(device->uuid));
	else
		identity_uuid(node, index, device->uuid);
	/* One serial for all would be nobody's: only a device's own one is kept. */
	if (own_serial)
		memcpy(device->serial, draft->serial, sizeof(device->serial));
	else
		identity_serial(node, index / draft->board.gpus_per_module, device->serial);
	device->minor = draft->minor == NA_U32 ? index : draft->minor;
	device->pci_domain = address.domain;
	device->pci_bus = address.bus;
	device->pci_device = address.device;
	device->pci_function = address.function;
	snprintf(device->pci_bus_id, sizeof(device->pci_bus_id), "%08X:%02X:%02X.%X",
		 address.domain, address.bus, address.device, address.function);
	device->board_id = address.domain << 16 | address.bus << 8 | address.device << 3;
	device->module_id = draft->module_id;
	if (device->module_id == NA_U32 && draft->module_count)
		device->module_id = draft->modules[index % draft->module_count];
	device->memory_numa_node = -1;
	if (draft->memory_node_count)
		device->memory_numa_node =
			(int32_t)draft->memory_nodes[index % draft->memory_node_count];
	device->pdi = identity_hash(node, index, "pdi").low;
	device->fabric_guid = NA_U64;
	if (draft->board.fabric.state != NA_U32)
		device->fabric_guid = identity_hash(node, index, "fabric").low;
}

/* Of two GPUs with one identity, complain about the one whose key the file has. */
static int fail_shared(struct reader *reader, uint32_t index, uint32_t other, const char *key,
		       const char *what, const char *found)
{
	const struct draft *draft = draft_of(reader->file, index);
	uint32_t against = other;
	char path[128];

	if (!draft_gives(reader, draft, key)) {
		draft = draft_of(reader->file, other);
		against = index;
	}
	draft_path(reader, draft, key, path, sizeof(path));
	return reader_fail_at(reader, path, found, "a %s no other GPU has (device %u has it)", what,
			      against);
}

static int check_unique(struct reader *reader, const struct description *description,
			uint32_t index)
{
	const struct device *device = &description->devices[index];
	char path[128], minor[16];

	if (device->pci_domain > 0xffff) {
		draft_path(reader, draft_of(reader->file, index), "pci.slots", path, sizeof(path));
		return reader_fail_at(reader, path, device->pci_bus_id,
				      "PCI domains that end at ffff");
	}
	snprintf(minor, sizeof(minor), "%u", device->minor);
	for (uint32_t i = 0; i < index; i++) {
		const struct device *other = &description->devices[i];

		if (strcmp(other->uuid, device->uuid) == 0)
			return fail_shared(reader, index, i, "uuid", "UUID", device->uuid);
		if (strcmp(other->pci_bus_id, device->pci_bus_id) == 0)
			return fail_shared(reader, index, i, "pci.bus_id", "PCI address",
					   device->pci_bus_id);
		if (other->minor == device->minor)
			return fail_shared(reader, index, i, "minor_number", "minor number", minor);
	}
	return 0;
}

static int build_device(struct reader *reader, struct draft *draft, struct description *description,
			uint32_t index, uint32_t domain)
{
	struct profile_file *file = reader->file;
	struct device *device = &description->devices[index];
	struct board *board = &draft->board;

	if (draft_finish(reader, draft) != 0)
		return -1;
	board->nvlink = file->nvlink;
	/* The firmware is the driver's: a file for another driver does not know it. */
	if (board->gsp_mode == 1 &&
	    (!board->gsp_version[0] ||
	     strcmp(description->system.driver_version, file->driver_version) != 0))
		memcpy(board->gsp_version, description->system.driver_version,
		       sizeof(board->gsp_version));
	device->readings = draft->readings;
	device->processes = draft->processes;
	device->board = share_board(description, board);
	identify(reader, draft, &description->system, index, domain, device);
	if (check_unique(reader, description, index) != 0)
		return -1;
	place(file, device, index, domain);
	return 0;
}

/* First PCI domain of the GPUs whose addresses have none of their own. */
static uint32_t choose_domain(const struct profile_file *file, const struct profile_site *site,
			      const char *node_name)
{
	uint32_t chosen = site->pci_domain;

	if (!chosen && file->site_pci_domain != NA_U32)
		chosen = file->site_pci_domain;
	if (site->chosen_pci_domain)
		*site->chosen_pci_domain = chosen;
	return chosen ? chosen : identity_pci_domain(node_name);
}

int profile_build(struct reader *reader, const struct profile_site *site,
		  struct description *description)
{
	struct profile_file *file = reader->file;
	uint32_t count = choose_count(file, site);
	uint32_t domain;

	if (build_system(reader, site, &description->system) != 0)
		return -1;
	domain = choose_domain(file, site, description->system.node_name);
	if (file->switch_count)
		file->nvlink.switches = file->switch_count;
	description->device_count = count;
	for (uint32_t i = 0; i < count; i++)
		if (build_device(reader, draft_of(file, i), description, i, domain) != 0)
			return -1;
	return links_build(reader, domain, description);
}
