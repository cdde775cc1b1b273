/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers with their units. */
#include <stdio.h>
#include <string.h>

#include "profile_internal.h"

struct unit_suffix {
	const char *text;
	uint32_t factor_log; /* of the key's own unit: 10^n, or 2^n for bytes */
};

struct unit_name {
	const char *name;
	bool binary;
	struct unit_suffix suffixes[5];
};

static const struct unit_name units[] = {
	[UNIT_NONE] = { "", false, { { NULL, 0 } } },
	[UNIT_BYTES] = { "bytes, or with B, KiB, MiB, GiB, TiB",
			 true,
			 { { "B", 0 },
			   { "KiB", 10 },
			   { "MiB", 20 },
			   { "GiB", 30 },
			   { "TiB", 40 } } },
	[UNIT_MIB] = { "MiB", true, { { "MiB", 0 }, { "GiB", 10 } } },
	[UNIT_MILLIWATTS] = { "mW, or with W", false, { { "mW", 0 }, { "W", 3 } } },
	[UNIT_MILLIJOULES] = { "mJ, or with J", false, { { "mJ", 0 }, { "J", 3 } } },
	[UNIT_MHZ] = { "MHz", false, { { "MHz", 0 }, { "GHz", 3 } } },
	[UNIT_KHZ] = { "kHz", false, { { "kHz", 0 }, { "MHz", 3 } } },
	[UNIT_CELSIUS] = { "degrees C", false, { { "C", 0 } } },
	[UNIT_PERCENT] = { "%", false, { { "%", 0 } } },
	[UNIT_MICROSECONDS] = { "us, or with ms, s",
				false,
				{ { "us", 0 }, { "ms", 3 }, { "s", 6 } } },
	[UNIT_MICROVOLTS] = { "uV, or with mV, V",
			      false,
			      { { "uV", 0 }, { "mV", 3 }, { "V", 6 } } },
	[UNIT_KBPS] = { "KB/s", false, { { "KB/s", 0 }, { "MB/s", 3 } } },
	[UNIT_MBPS] = { "Mbps", false, { { "Mbps", 0 }, { "Gbps", 3 } } },
};

struct decimal {
	uint64_t digits; /* the number without its point */
	unsigned int decimals;
	bool negative;
	const char *rest;
};

/* 12, -3, 0x1f, 1_000, 49.68; false where it is no number or does not fit. */
static bool parse_decimal(const char *text, struct decimal *number)
{
	unsigned int base = 10;
	bool any = false, point = false;

	memset(number, 0, sizeof(*number));
	if (*text == '-' || *text == '+')
		number->negative = *text++ == '-';
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	for (; *text; text++) {
		unsigned int digit;

		if (*text >= '0' && *text <= '9')
			digit = (unsigned int)(*text - '0');
		else if (base == 16 && ((*text | 32) >= 'a' && (*text | 32) <= 'f'))
			digit = (unsigned int)((*text | 32) - 'a' + 10);
		else if (*text == '_' && any)
			continue;
		else if (*text == '.' && base == 10 && any && !point) {
			point = true;
			continue;
		} else
			break;
		if (number->digits > (UINT64_MAX - digit) / base || number->decimals > 9)
			return false;
		number->digits = number->digits * base + digit;
		number->decimals += point;
		any = true;
	}
	number->rest = text;
	return any;
}

enum scaled { SCALED, NOT_A_NUMBER, NOT_WHOLE };

/*
 * Bring a decimal with a unit to the key's own unit. It must come out whole, but
 * that nobody means parts of a byte: 39.9 GiB is rounded to the nearest one.
 */
static enum scaled scale(const struct decimal *number, const struct unit_name *unit,
			 uint64_t *value)
{
	const char *suffix = number->rest;
	uint64_t factor = 1, divisor = 1;

	while (*suffix == ' ')
		suffix++;
	if (*suffix) {
		size_t i = 0;

		while (i < 5 && unit->suffixes[i].text && strcmp(suffix, unit->suffixes[i].text))
			i++;
		if (i == 5 || !unit->suffixes[i].text)
			return NOT_A_NUMBER;
		for (uint32_t n = unit->suffixes[i].factor_log; n; n--)
			factor *= unit->binary ? 2 : 10;
	}
	if (number->digits && factor > UINT64_MAX / 2 / number->digits)
		return NOT_A_NUMBER;
	*value = number->digits * factor;
	for (unsigned int n = number->decimals; n; n--)
		divisor *= 10;
	if (*value % divisor && (unit != &units[UNIT_BYTES] || factor == 1))
		return NOT_WHOLE;
	*value = (*value + divisor / 2) / divisor;
	return SCALED;
}

/* 0.5 mW: the range alone would not say what is wrong. */
static int fail_fraction(struct reader *reader, yaml_node_t *node, const struct key *key)
{
	const char *unit = units[key->unit].name;
	char expected[240];

	key_expected(key, expected, sizeof(expected));
	return reader_fail(reader, node, "%s, that comes to a whole number%s%.*s", expected,
			   *unit ? " of " : "", (int)strcspn(unit, ","), unit);
}

int reader_number(struct reader *reader, yaml_node_t *node, const struct key *key, int64_t *value)
{
	const char *text = reader_text(node);
	struct decimal number;
	enum scaled scaled;
	uint64_t magnitude;

	if (!text || !parse_decimal(text, &number))
		return reader_fail_value(reader, node, key);
	scaled = scale(&number, &units[key->unit], &magnitude);
	if (scaled == NOT_WHOLE)
		return fail_fraction(reader, node, key);
	if (scaled != SCALED)
		return reader_fail_value(reader, node, key);
	/* "12" in quotes is a text, except where it carries its unit. */
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !*number.rest &&
	    !(key->flags & KEY_QUOTED))
		return reader_fail_value(reader, node, key);
	if (magnitude > INT64_MAX || (number.negative && key->min >= 0 && magnitude))
		return reader_fail_value(reader, node, key);
	*value = number.negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (*value < key->min || (*value > 0 && (uint64_t)*value > key->max))
		return reader_fail_value(reader, node, key);
	return 0;
}

void number_expected(const struct key *key, char *out, size_t size)
{
	const char *unit = units[key->unit].name;

	snprintf(out, size, "a number from %lld to %llu%s%s%s",
		 (long long)key->min + (key->flags & KEY_ZERO_DEFAULT ? 1 : 0),
		 (unsigned long long)key->max, *unit ? " " : "", unit,
		 key->flags & KEY_ZERO_DEFAULT ? ", or 0 for the default" : "");
}
