// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading numbers from text: see mock_accel_text.h.
 */
#include "mock_accel_text.h"

#define MAX_NUMBER (~0ULL)

int mock_accel_text_copy(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length && from[length - 1] == '\n')
		length--;
	if (length >= size)
		return -EINVAL;
	memcpy(to, from, length);
	to[length] = 0;
	return 0;
}

int mock_accel_text_digit(char c, u32 base)
{
	int value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value >= 0 && (u32)value < base ? value : -1;
}

int mock_accel_text_digits(const char *text, u64 *number, const char **end)
{
	u32 base = 10;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (mock_accel_text_digit(*p, base) < 0)
		return -EINVAL;
	for (*number = 0; mock_accel_text_digit(*p, base) >= 0; p++) {
		u32 value = mock_accel_text_digit(*p, base);

		/* Eight bits to spare keep the product in range without a 64-bit division. */
		if (*number >> 56)
			return -EINVAL;
		*number = *number * base + value;
	}
	*end = p;
	return 0;
}

int mock_accel_text_number(const char *text, u32 *number)
{
	const char *end;
	u64 value;

	if (mock_accel_text_digits(text, &value, &end) || *end || value > 0xffffffff)
		return -EINVAL;
	*number = value;
	return 0;
}

int mock_accel_text_memory(const char *text, u64 *size)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	u64 value;
	u32 shift = 0;

	if (mock_accel_text_digits(text, &value, &end))
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * (u32)(unit - units + 1);
	}
	if (value > MAX_NUMBER >> shift)
		return -EINVAL;
	*size = value << shift;
	return 0;
}
