// SPDX-License-Identifier: GPL-3.0-or-later
#include "trace_column.h"

#include <string.h>
#include <strings.h>

#define PERCENT(column, member)                          \
	{ column,    NULL,                               \
	  "%",	     "a number from 0 to 100 %, or N/A", \
	  COLUMN_U8, offsetof(struct trace_row, member), \
	  0,	     100,                                \
	  0 }
#define CLOCK(column, second, member)                         \
	{ column,     second,                                 \
	  "MHz",      "a number from 0 to 60000 MHz, or N/A", \
	  COLUMN_U16, offsetof(struct trace_row, member),     \
	  0,	      60000,                                  \
	  0 }
#define CELSIUS(column, member)                            \
	{ column,     NULL,                                \
	  "C",	      "a number from -100 to 300, or N/A", \
	  COLUMN_I16, offsetof(struct trace_row, member),  \
	  -100,	      300,                                 \
	  0 }
#define POWER(column)                            \
	{ column,                                \
	  NULL,                                  \
	  "W",                                   \
	  "a number from 0 to 100000 W, or N/A", \
	  COLUMN_MILLI,                          \
	  offsetof(struct trace_row, power_mw),  \
	  0,                                     \
	  100000,                                \
	  0 }
#define REASON(column, bit)                    \
	{ "clocks_event_reasons." column,      \
	  "clocks_throttle_reasons." column,   \
	  NULL,                                \
	  "Active, Not Active or N/A",         \
	  COLUMN_REASON,                       \
	  offsetof(struct trace_row, reasons), \
	  0,                                   \
	  0,                                   \
	  bit }

static const struct trace_column columns[] = {
	{ "timestamp", NULL, NULL, "a time such as 2026/11/29 21:16:32.123", COLUMN_TIMESTAMP, 0, 0,
	  0, 0 },
	{ "index", NULL, NULL, "a number from 0 to 127", COLUMN_INDEX, 0, 0, 127, 0 },
	{ "uuid", "gpu_uuid", NULL, "a UUID such as GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
	  COLUMN_UUID, 0, 0, 0, 0 },
	PERCENT("utilization.gpu", gpu),
	PERCENT("utilization.memory", memory),
	PERCENT("utilization.encoder", encoder),
	PERCENT("utilization.decoder", decoder),
	PERCENT("fan.speed", fan),
	{ "memory.used", NULL, "MiB", "a number from 0 to 1073741824 MiB, or N/A", COLUMN_U32,
	  offsetof(struct trace_row, memory_used_mib), 0, 1073741824, 0 },
	CELSIUS("temperature.gpu", temperature_c),
	CELSIUS("temperature.memory", memory_temperature_c),
	POWER("power.draw"),
	POWER("power.draw.instant"),
	CLOCK("clocks.gr", "clocks.current.graphics", graphics_mhz),
	CLOCK("clocks.sm", "clocks.current.sm", sm_mhz),
	CLOCK("clocks.mem", "clocks.current.memory", memory_mhz),
	CLOCK("clocks.video", "clocks.current.video", video_mhz),
	{ "pstate", NULL, NULL, "a performance state from P0 to P15, or N/A", COLUMN_PSTATE,
	  offsetof(struct trace_row, performance_state), 0, 15, 0 },
	{ "clocks_event_reasons.active", "clocks_throttle_reasons.active", NULL,
	  "a mask such as 0x0000000000000001, or N/A", COLUMN_REASONS,
	  offsetof(struct trace_row, reasons), 0, 0xffff, 0 },
	REASON("gpu_idle", 0x1),
	REASON("applications_clocks_setting", 0x2),
	REASON("sw_power_cap", 0x4),
	REASON("hw_slowdown", 0x8),
	REASON("sync_boost", 0x10),
	REASON("sw_thermal_slowdown", 0x20),
	REASON("hw_thermal_slowdown", 0x40),
	REASON("hw_power_brake_slowdown", 0x80),
};

static const struct trace_column ignored = { .name = "", .kind = COLUMN_IGNORED };

static bool is_text(struct trace_cell cell, const char *text)
{
	return text && cell.length == strlen(text) &&
	       strncasecmp(cell.text, text, cell.length) == 0;
}

struct trace_cell trace_cell_trim(struct trace_cell cell)
{
	while (cell.length && strchr(" \t\r", *cell.text)) {
		cell.text++;
		cell.length--;
	}
	while (cell.length && strchr(" \t\r", cell.text[cell.length - 1]))
		cell.length--;
	return cell;
}

const struct trace_column *trace_column_find(struct trace_cell cell)
{
	const char *unit = memchr(cell.text, '[', cell.length);

	if (unit)
		cell.length = (size_t)(unit - cell.text);
	cell = trace_cell_trim(cell);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (is_text(cell, columns[i].name) || is_text(cell, columns[i].other))
			return &columns[i];
	return &ignored;
}

static bool is_missing(struct trace_cell cell)
{
	static const char *const words[] = { "N/A", "[N/A]", "[Not Supported]", "[Unknown Error]",
					     "[GPU requires reset]" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_text(cell, words[i]))
			return true;
	return false;
}

bool trace_number(struct trace_cell cell, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	if (!cell.length)
		return false;
	for (size_t i = 0; i < cell.length; i++) {
		if (cell.text[i] < '0' || cell.text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(cell.text[i] - '0');
		if (value > max)
			return false;
	}
	*number = value;
	return true;
}

// A number with at most three decimals that count and the column's unit, in thousandths.
static bool milli(const struct trace_column *column, struct trace_cell cell, int64_t *value)
{
	size_t unit = column->unit ? strlen(column->unit) : 0;
	uint64_t whole, part = 0, weight = 100;
	struct trace_cell number = cell;
	const char *point;
	bool negative;

	if (unit && cell.length > unit &&
	    strncmp(cell.text + cell.length - unit, column->unit, unit) == 0)
		number.length -= unit;
	number = trace_cell_trim(number);
	negative = number.length && *number.text == '-';
	number.text += negative;
	number.length -= negative;
	point = memchr(number.text, '.', number.length);
	for (const char *c = point ? point + 1 : number.text;
	     point && c < number.text + number.length; c++, weight /= 10) {
		if (*c < '0' || *c > '9')
			return false;
		part += weight * (uint64_t)(*c - '0');
	}
	if (point)
		number.length = (size_t)(point - number.text);
	if (!trace_number(number, 1u << 31, &whole))
		return false;
	*value = (int64_t)(whole * 1000 + part);
	if (negative)
		*value = -*value;
	return *value >= (int64_t)column->min * 1000 && *value <= (int64_t)column->max * 1000;
}

static void put(const struct trace_column *column, int64_t value, struct trace_row *row)
{
	char *place = (char *)row + column->offset;
	uint32_t wide = (uint32_t)value;
	uint16_t half = (uint16_t)value;
	int16_t degrees = (int16_t)value;
	uint8_t byte = (uint8_t)value;

	switch (column->kind) {
	case COLUMN_U8:
	case COLUMN_PSTATE:
		memcpy(place, &byte, sizeof(byte));
		break;
	case COLUMN_U16:
		memcpy(place, &half, sizeof(half));
		break;
	case COLUMN_I16:
		memcpy(place, &degrees, sizeof(degrees));
		break;
	default:
		memcpy(place, &wide, sizeof(wide));
	}
}

static bool read_mask(struct trace_cell cell, uint32_t max, struct trace_row *row)
{
	uint64_t mask = 0;

	if (cell.length < 3 || cell.length > 18 || strncmp(cell.text, "0x", 2) != 0)
		return false;
	for (size_t i = 2; i < cell.length; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = memchr(digits, cell.text[i] | 0x20, 16);

		if (!digit)
			return false;
		mask = mask << 4 | (uint64_t)(digit - digits);
	}
	row->reasons = (uint32_t)mask;
	return mask <= max;
}

static bool read_reason(const struct trace_column *column, struct trace_cell cell,
			struct trace_row *row)
{
	bool active = is_text(cell, "Active");

	if (!active && !is_text(cell, "Not Active"))
		return false;
	if (row->reasons == TRACE_NONE_U32)
		row->reasons = 0;
	if (active)
		row->reasons |= column->reason;
	return true;
}

bool trace_column_read(const struct trace_column *column, struct trace_cell cell,
		       struct trace_row *row)
{
	uint64_t state;
	int64_t value;

	if (column->kind == COLUMN_IGNORED || is_missing(cell))
		return true;
	switch (column->kind) {
	case COLUMN_REASONS:
		return read_mask(cell, (uint32_t)column->max, row);
	case COLUMN_REASON:
		return read_reason(column, cell, row);
	case COLUMN_PSTATE:
		if (!cell.length || *cell.text != 'P' ||
		    !trace_number((struct trace_cell){ cell.text + 1, cell.length - 1 },
				  (uint64_t)column->max, &state))
			return false;
		put(column, (int64_t)state, row);
		return true;
	default:
		break;
	}
	if (!milli(column, cell, &value))
		return false;
	put(column, column->kind == COLUMN_MILLI ? value : value / 1000, row);
	return true;
}

// Days since 1970 of a date in the Gregorian calendar, with years that begin in March.
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	month += month <= 2 ? 9 : -3;
	return year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 -
	       719468;
}

static uint32_t days_of(uint32_t year, uint32_t month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool trace_timestamp(struct trace_cell cell, uint64_t *ms)
{
	static const char form[] = "dddd/dd/dd dd:dd:dd";
	static const uint32_t highest[] = { 9999, 12, 31, 23, 59, 60, 999 };
	uint32_t parts[7] = { 0 };
	unsigned int part = 0;

	if (cell.length != 19 && cell.length != 23)
		return false;
	for (size_t i = 0; i < cell.length; i++) {
		char wanted = i < 19 ? form[i] : (i == 19 ? '.' : 'd');

		if (wanted != 'd') {
			// Other programs write dates with hyphens.
			if (cell.text[i] != wanted && !(wanted == '/' && cell.text[i] == '-'))
				return false;
			part++;
			continue;
		}
		if (cell.text[i] < '0' || cell.text[i] > '9')
			return false;
		parts[part] = parts[part] * 10 + (uint32_t)(cell.text[i] - '0');
	}
	for (part = 0; part < 7; part++)
		if (parts[part] > highest[part])
			return false;
	if (parts[0] < 1970 || !parts[1] || !parts[2] || parts[2] > days_of(parts[0], parts[1]))
		return false;
	*ms = (uint64_t)days(parts[0], parts[1], parts[2]) * 86400000 + parts[3] * 3600000u +
	      parts[4] * 60000u + parts[5] * 1000u + parts[6];
	return true;
}
