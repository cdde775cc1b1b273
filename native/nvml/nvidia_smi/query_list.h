/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the queries that list something of each GPU share. */
#ifndef SMI_QUERY_LIST_H
#define SMI_QUERY_LIST_H

#include "query_write.h"

/* The fields that each of them begins with. */
#define OF_THE_GPU                                                                             \
	{ "timestamp", .help = "when the line was made: YYYY/MM/DD HH:MM:SS.msec",             \
	  .write = write_timestamp },                                                          \
		{ "gpu_name", .help = "name of the product", TEXT(DeviceGetName) },            \
		{ "gpu_bus_id", .help = "domain:bus:device.function", PART(pci, PCI_BUS_ID) }, \
		{ "gpu_serial", .help = "serial number of the board", TEXT(DeviceGetSerial) }, \
	{                                                                                      \
		"gpu_uuid", .help = "unique identifier of the GPU", TEXT(DeviceGetUUID)        \
	}

/* One more; NULL where there is no memory. */
struct query_item *query_item_add(struct query_items *items);

/* What was found is worth nothing when the list is not whole: one line says why. */
void query_items_fail(struct query_items *items, nvmlReturn_t result);

/* The process of the item. */
nvmlReturn_t write_pid(const struct query_item *item, char *out);

#endif
