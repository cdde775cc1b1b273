/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a node's config.yaml: a profile's, with how this node uses it. */
#ifndef MIRAGE_CONFIG_TEXT_H
#define MIRAGE_CONFIG_TEXT_H

#include <stddef.h>

#include "profile.h"

/*
 * text (a valid profile) without its site section, and with the one of system,
 * device_count and pci_domain (0: none was chosen) after it. Comments and order
 * stay. To be freed; NULL without memory.
 */
char *config_text(const char *text, size_t length, const struct profile_system *system,
		  uint32_t device_count, uint32_t pci_domain, size_t *out_length);

#endif
