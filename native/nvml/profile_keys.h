/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the tables of keys are written, and the sections other files have. */
#ifndef MIRAGE_PROFILE_KEYS_H
#define MIRAGE_PROFILE_KEYS_H

#include "profile_internal.h"

#define AT(type, member) .offset = offsetof(type, member)
#define MEMBER_SIZE(type, member) .size = sizeof(((type *)0)->member)

#define TEXT(key, member, ...)               \
	{ .name = key,                       \
	  .kind = KIND_TEXT,                 \
	  AT(struct draft, member),          \
	  MEMBER_SIZE(struct draft, member), \
	  __VA_ARGS__ }
#define U32(key, member, lowest, highest, ...) \
	{ .name = key,                         \
	  .kind = KIND_U32,                    \
	  AT(struct draft, member),            \
	  .min = lowest,                       \
	  .max = highest,                      \
	  __VA_ARGS__ }
#define I32(key, member, lowest, highest, ...) \
	{ .name = key,                         \
	  .kind = KIND_I32,                    \
	  AT(struct draft, member),            \
	  .min = lowest,                       \
	  .max = highest,                      \
	  __VA_ARGS__ }
#define U64(key, member, highest, ...) \
	{ .name = key,                 \
	  .kind = KIND_U64,            \
	  AT(struct draft, member),    \
	  .min = 0,                    \
	  .max = highest,              \
	  __VA_ARGS__ }
#define BOOL(key, member, ...) \
	{ .name = key, .kind = KIND_BOOL, AT(struct draft, member), __VA_ARGS__ }
#define ENABLED(key, member, ...) \
	{ .name = key, .kind = KIND_ENABLED, AT(struct draft, member), __VA_ARGS__ }
#define CHOICE(key, member, list, ...) \
	{ .name = key, .kind = KIND_CHOICE, AT(struct draft, member), .more = list, __VA_ARGS__ }
#define REASON(key, bit) \
	{ .name = key, .kind = KIND_BIT, AT(struct draft, readings.event_reasons), .max = bit }
#define SECTION(key, keys) { .name = key, .kind = KIND_SECTION, .more = keys }
#define CALL(key, function, text) \
	{ .name = key, .kind = KIND_CALL, .call = function, .expects = text }
#define LIST(key, function, items) \
	{ .name = key, .kind = KIND_CALL, .call = function, .more = items }
#define IGNORED(key) { .name = key, .kind = KIND_IGNORED }
#define QUIET(key) { .name = key, .kind = KIND_IGNORED, .flags = KEY_QUIET }
#define END { .name = NULL }

#define NA .flags = KEY_NA
#define UNSET .flags = KEY_UNSET
#define NA_ZERO .flags = KEY_NA | KEY_ZERO
#define ZERO_DEFAULT .flags = KEY_ZERO_DEFAULT
#define COUNT_MAX ((uint64_t)INT64_MAX)
#define BYTES_MAX ((uint64_t)1 << 50)

#define CELSIUS(key, member) I32(key, member, -300, 300, .unit = UNIT_CELSIUS, NA)
#define MILLIWATTS(key, member) U32(key, member, 0, 100000000, .unit = UNIT_MILLIWATTS, NA)
#define MHZ(key, member) U32(key, member, 0, 100000, .unit = UNIT_MHZ, NA)
#define PERCENT(key, member) U32(key, member, 0, 100, .unit = UNIT_PERCENT, NA_ZERO)
#define COUNTER(key, member) U64(key, member, COUNT_MAX, NA)
#define BYTES(key, member) U64(key, member, BYTES_MAX, .unit = UNIT_BYTES, NA)
#define MICROSECONDS(key, member) U64(key, member, COUNT_MAX, .unit = UNIT_MICROSECONDS, NA)

extern const struct key compute_capability_keys[];
extern const struct key inforom_keys[];
extern const struct key memory_keys[];
extern const struct key bar1_memory_keys[];
extern const struct key confidential_compute_keys[];
extern const struct key pci_keys[];
extern const struct key pcie_keys[];
extern const struct key power_keys[];
extern const struct key thermal_keys[];
extern const struct key fan_keys[];
extern const struct key clocks_keys[];
extern const struct key throttle_keys[];
extern const struct key supported_clocks_keys[];
extern const struct key utilization_keys[];
extern const struct key encoder_keys[];
extern const struct key fbc_keys[];
extern const struct key ecc_keys[];
extern const struct key retired_pages_keys[];
extern const struct key remapped_rows_keys[];
extern const struct key display_keys[];
extern const struct key mig_keys[];
extern const struct key operation_mode_keys[];
extern const struct key driver_model_keys[];
extern const struct key accounting_keys[];
extern const struct key virtualization_keys[];
extern const struct key gsp_keys[];
extern const struct key capabilities_keys[];
extern const struct key topology_keys[];
extern const struct key motion_keys[];
extern const struct key gpm_keys[];
extern const struct key fabric_keys[];
extern const struct key platform_keys[];

#endif
