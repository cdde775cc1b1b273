/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCI addresses as people write them. */
#ifndef MIRAGE_PCI_ADDRESS_H
#define MIRAGE_PCI_ADDRESS_H

#include <stdbool.h>

struct pci_address {
	unsigned int domain;
	unsigned int bus;
	unsigned int device;
	unsigned int function;
};

/* "domain:bus:device.function" in hex; domain and function may be left out. */
bool pci_address_parse(const char *text, struct pci_address *address);

#endif
