/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Identities of GPUs that nobody gave one: a function of node name and index,
 * so that a node always gets the same and two nodes never share one.
 */
#ifndef MIRAGE_IDENTITY_H
#define MIRAGE_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

/* 128 bits of SipHash-2-4 over node name, index and what the bits are for. */
struct identity_hash {
	uint64_t high;
	uint64_t low;
};

struct identity_hash identity_hash(const char *node, uint32_t index, const char *purpose);

#define IDENTITY_UUID_SIZE 48

/* "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"; out has 48 bytes. */
void identity_uuid(const char *node, uint32_t index, char out[48]);

/*
 * "MIG-" and a UUID of version 5, which follows from the GPU's UUID and the ids
 * of the instances: an instance made anew at the same place has the same again.
 */
void identity_mig_uuid(const char *gpu, uint32_t gpu_instance, uint32_t compute_instance,
		       char out[IDENTITY_UUID_SIZE]);

/* 13 digits that begin with 1, as on data centre boards; out has 32 bytes. */
void identity_serial(const char *node, uint32_t module, char out[32]);

/*
 * First PCI domain of the node's GPUs. Never 0, so that a mock GPU does not lie
 * on the address of a device the host really has; at most 0xff00, because the
 * kernel's domains end at ffff and 128 GPUs take up to 128 of them.
 */
uint32_t identity_pci_domain(const char *node);

/* Lower-case host name up to its first dot; out has size bytes. */
void identity_node_name(char *out, size_t size);

#endif
