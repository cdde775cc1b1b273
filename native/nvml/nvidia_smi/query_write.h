/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the fields of --query-gpu are found and written: the functions that the
 * rows of query_field.c name. */
#ifndef SMI_QUERY_WRITE_H
#define SMI_QUERY_WRITE_H

#include "query_field.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Values of field.which for write_pci(), write_memory(), write_protected_memory(). */
enum pci_part {
	PCI_BUS_ID,
	PCI_DOMAIN,
	PCI_BUS,
	PCI_DEVICE,
	PCI_BASE_CLASS,
	PCI_SUB_CLASS,
	PCI_DEVICE_ID,
	PCI_SUBSYSTEM_ID,
};
enum memory_part { MEMORY_TOTAL, MEMORY_RESERVED, MEMORY_USED, MEMORY_FREE };

/*
 * Functions of NVML that have the same shape differ in the enumeration they
 * write, never in its size, so one writer serves a whole family of fields.
 */
typedef nvmlReturn_t (*get_number)(nvmlDevice_t, unsigned int *);
typedef nvmlReturn_t (*get_pair)(nvmlDevice_t, unsigned int *, unsigned int *);
typedef nvmlReturn_t (*get_numbered)(nvmlDevice_t, unsigned int, unsigned int *);
typedef nvmlReturn_t (*get_text)(nvmlDevice_t, char *, unsigned int);
typedef nvmlReturn_t (*get_words)(nvmlDevice_t, unsigned int, char *, unsigned int);

/* How a row names its writer. */
#define CALL(name) .function = offsetof(struct nvml_api, name)
#define NUMBER(name) .write = write_number, CALL(name)
#define ENABLED(name) .write = write_enabled, CALL(name)
/* What is not on is off, whatever NVML answers. */
#define SWITCH(name) .write = write_switch, CALL(name)
#define TEXT(name) .write = write_text, CALL(name)
#define PAIR(writer, name, part) .write = write_##writer, CALL(name), .which = part
#define PART(writer, part) .write = write_##writer, .which = part
#define CLOCK(name, type) .unit = "MHz", .write = write_numbered, CALL(name), .which = type
#define REASON(bit) .write = write_reason, .which = bit

#define FUNCTION(type, field) (*(const type *)((const char *)&nvml + (field)->function))

/* Write what was found, if it was, and pass the result on. */
nvmlReturn_t put_number(nvmlReturn_t result, char *out, unsigned int number);
nvmlReturn_t put_word(nvmlReturn_t result, char *out, const char *word);
/* Of memory in MiB: free is what the other two, rounded, leave over. */
nvmlReturn_t put_part(nvmlReturn_t result, char *out, unsigned int part, unsigned long long total,
		      unsigned long long used);

typedef nvmlReturn_t field_writer(nvmlDevice_t device, const struct field *field, char *out);

field_writer write_number;
field_writer write_numbered;
field_writer write_enabled;
field_writer write_text;
field_writer write_words;
field_writer write_pair;
field_writer write_pair_enabled;
field_writer write_pair_switch;
field_writer write_gsp_mode;
field_writer write_operation_mode;
field_writer write_driver_model;
field_writer write_watts;
field_writer write_pair_watts;
field_writer write_field_value;
field_writer write_field_watts;
field_writer write_field_yes;
field_writer write_timestamp;
field_writer write_driver_version;
field_writer write_count;
field_writer write_vgpu_driver;
field_writer write_pci;
field_writer write_host_pcie;
field_writer write_addressing;
field_writer write_compute_mode;
field_writer write_capability;
field_writer write_c2c;
field_writer write_fabric_state;
field_writer write_fabric_status;
field_writer write_pstate;
field_writer write_reasons_supported;
field_writer write_reasons_active;
field_writer write_reason;
field_writer write_memory;
field_writer write_protected_memory;
field_writer write_utilization;
field_writer write_encoder_stats;
field_writer write_ecc;
field_writer write_ecc_total;
field_writer write_retired;
field_writer write_yes;
field_writer write_margin;

/* Those that only the report has use for. */
field_writer write_hex;
field_writer write_lanes;
field_writer write_throughput;
field_writer write_brand;
field_writer write_architecture;
field_writer write_virtualization;
field_writer write_host_vgpu;
field_writer write_heterogeneous;
field_writer write_flush_time;
field_writer write_flush_duration;
field_writer write_gsp_version;
field_writer write_pci_digits;
field_writer write_atomics;
field_writer write_bar1;
field_writer write_fbc_stats;
field_writer write_boost;
field_writer write_signed_field;
field_writer write_switch;
field_writer write_protected_free;
field_writer write_exact_watts;
field_writer write_unknown;

#endif
