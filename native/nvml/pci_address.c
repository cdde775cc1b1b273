// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <string.h>

#include "pci_address.h"

bool pci_address_parse(const char *text, struct pci_address *address)
{
	const char *colon = strchr(text, ':');
	bool has_domain = colon && strchr(colon + 1, ':');
	int end = 0;

	*address = (struct pci_address){ 0 };
	if (has_domain && sscanf(text, "%8x:%2x:%2x%n", &address->domain, &address->bus,
				 &address->device, &end) != 3)
		return false;
	if (!has_domain && sscanf(text, "%2x:%2x%n", &address->bus, &address->device, &end) != 2)
		return false;
	text += end;
	if (!*text)
		return true;
	end = 0;
	return sscanf(text, ".%1x%n", &address->function, &end) == 1 && !text[end];
}
