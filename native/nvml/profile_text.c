/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values that have a form of their own: UUIDs, times, states, sets of names. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

static bool is_na_text(const char *text)
{
	return text && (strcmp(text, "N/A") == 0 || strcmp(text, "n/a") == 0);
}

/* --- texts --- */

/* The pattern's x stand for hexadecimal digits, anything else for itself. */
static bool matches(const char *text, const char *pattern)
{
	for (; *pattern; text++, pattern++)
		if (*pattern == 'x' ? !isxdigit((unsigned char)*text) : *text != *pattern)
			return false;
	return !*text;
}

int read_uuid(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	const char *text = reader_text(node);

	if (!text || !matches(text, "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
		return reader_fail(reader, node,
				   "a UUID of the form GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx "
				   "(hexadecimal)");
	snprintf(draft->uuid, sizeof(draft->uuid), "%s", text);
	for (char *c = draft->uuid + 4; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

int read_cluster_uuid(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	const char *text = reader_text(node);
	unsigned int digit = 0;

	if (!text || (!matches(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") &&
		      !matches(text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")))
		return reader_fail(reader, node, "a UUID of 32 hexadecimal digits");
	memset(draft->board.fabric.cluster_uuid, 0, 16);
	for (; *text; text++) {
		unsigned int value = *text <= '9' ? (unsigned int)(*text - '0')
						  : (unsigned int)((*text | 32) - 'a' + 10);

		if (*text == '-')
			continue;
		draft->board.fabric.cluster_uuid[digit / 2] |=
			(uint8_t)(value << (digit % 2 ? 0 : 4));
		digit++;
	}
	return 0;
}

int read_bus_id(struct reader *reader, yaml_node_t *node, void *target)
{
	return reader_pci_address(reader, node, &((struct draft *)target)->address);
}

int read_performance_state(struct reader *reader, yaml_node_t *node, void *target)
{
	struct draft *draft = target;
	const char *text = reader_text(node);
	unsigned int state = 0;

	if (is_na_text(text)) {
		draft->readings.performance_state = 32;
		return 0;
	}
	if (!text || text[0] != 'P' || !isdigit((unsigned char)text[1]) || strlen(text) > 3)
		return reader_fail(reader, node, "a performance state from P0 to P15, or N/A");
	for (text++; isdigit((unsigned char)*text); text++)
		state = state * 10 + (unsigned int)(*text - '0');
	if (*text || state > 15)
		return reader_fail(reader, node, "a performance state from P0 to P15, or N/A");
	draft->readings.performance_state = state;
	return 0;
}

/* Days since 1970-01-01 of a date of our calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int read_bbx_time(struct reader *reader, yaml_node_t *node, void *target)
{
	static const char form[] = "dddd/dd/dd dd:dd:dd.ddd";
	struct draft *draft = target;
	const char *text = reader_text(node);
	int64_t field[7] = { 0 };
	unsigned int n = 0, i = 0;

	if (is_na_text(text)) {
		draft->board.bbx_flush_time_us = NA_U64;
		return 0;
	}
	for (; text && form[i]; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			break;
		if (form[i] == 'd')
			field[n] = field[n] * 10 + (text[i] - '0');
		else
			n++;
	}
	if (!text || form[i] || text[i] || field[0] < 1970 || field[1] < 1 || field[1] > 12 ||
	    field[2] < 1 || field[2] > 31 || field[3] > 23 || field[4] > 59 || field[5] > 60)
		return reader_fail(reader, node, "a time such as 2026/08/20 23:33:00.497, or N/A");
	draft->board.bbx_flush_time_us =
		(uint64_t)(((days_of(field[0], field[1], field[2]) * 24 + field[3]) * 60 +
			    field[4]) *
				   60 +
			   field[5]) *
			1000000 +
		(uint64_t)field[6] * 1000;
	return 0;
}

int read_version(struct reader *reader, yaml_node_t *node, void *target)
{
	const char *text = reader_text(node);

	(void)target;
	if (!text || text[0] != '1' || (text[1] && text[1] != '.'))
		return reader_fail(reader, node, "version 1.0 of this format");
	return 0;
}

/* --- fans --- */

static int read_fans(struct reader *reader, yaml_node_t *node, uint32_t fans[PROFILE_MAX_FANS])
{
	static const struct key range = {
		.min = 0, .max = 100, .unit = UNIT_PERCENT, .flags = KEY_NA | KEY_QUOTED
	};
	int64_t value = NA_U32;

	if (!is_na_text(reader_text(node)) && reader_number(reader, node, &range, &value) != 0)
		return -1;
	for (unsigned int i = 0; i < PROFILE_MAX_FANS; i++)
		fans[i] = (uint32_t)value;
	return 0;
}

int read_fan_speed(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_fans(reader, node, ((struct draft *)target)->readings.fan_percent);
}

int read_fan_target(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_fans(reader, node, ((struct draft *)target)->readings.fan_target_percent);
}

/* --- PCI Express atomics --- */

static int read_atomics(struct reader *reader, yaml_node_t *node, uint32_t *mask)
{
	static const char *const names[] = { "FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64",
					     "CAS_32",	    "CAS_64",	   "CAS_128" };
	int count;

	if (is_na_text(reader_text(node))) {
		*mask = NA_U32;
		return 0;
	}
	count = reader_list(reader, node, 7, "atomic operations");
	if (count < 0)
		return -1;
	*mask = 0;
	for (int i = 0; i < count; i++) {
		yaml_node_t *item = reader_item(reader, node, (unsigned int)i);
		const char *text = reader_text(item);
		unsigned int bit = 0;

		while (bit < 7 && (!text || strcmp(text, names[bit]) != 0))
			bit++;
		if (bit == 7)
			return reader_fail(
				reader, item,
				"one of FETCHADD_32, FETCHADD_64, SWAP_32, SWAP_64, CAS_32, CAS_64, CAS_128");
		*mask |= 1u << bit;
	}
	return 0;
}

int read_atomics_in(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_atomics(reader, node, &((struct draft *)target)->board.pcie.atomics_inbound);
}

int read_atomics_out(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_atomics(reader, node, &((struct draft *)target)->board.pcie.atomics_outbound);
}

/* --- retired pages --- */

static int read_pages(struct reader *reader, yaml_node_t *node, uint64_t addresses[])
{
	static const struct key range = {
		.kind = KIND_U32, .min = 0, .max = INT64_MAX, .flags = KEY_QUOTED
	};
	int count = reader_list(reader, node, PROFILE_MAX_RETIRED_PAGES, "page addresses");

	for (int i = 0; i < count; i++) {
		int64_t value;

		if (reader_number_item(reader, node, (unsigned int)i, &range, &value) != 0)
			return -1;
		addresses[i] = (uint64_t)value;
	}
	return count < 0 ? -1 : 0;
}

int read_single_pages(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_pages(reader, node, ((struct draft *)target)->readings.retired.address[0]);
}

int read_double_pages(struct reader *reader, yaml_node_t *node, void *target)
{
	return read_pages(reader, node, ((struct draft *)target)->readings.retired.address[1]);
}
