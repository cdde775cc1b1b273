/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slots of the internal table that nothing is known about: each answers "not
 * supported" and tells the log its number, which is how one learns of it. A slot
 * is not told which one it is, so each has a function, named by tens and ones.
 */
#ifndef MIRAGE_EXPORT_TABLE_UNKNOWN_H
#define MIRAGE_EXPORT_TABLE_UNKNOWN_H

#include "nvml_internal.h"

#define UNKNOWN_SLOTS 320

/* clang-format off */
#define UNKNOWN_TEN(do, t) \
	do(t, 0) do(t, 1) do(t, 2) do(t, 3) do(t, 4) do(t, 5) do(t, 6) do(t, 7) do(t, 8) do(t, 9)
#define UNKNOWN_EIGHTY(do, a, b, c, d, e, f, g, h) \
	UNKNOWN_TEN(do, a) UNKNOWN_TEN(do, b) UNKNOWN_TEN(do, c) UNKNOWN_TEN(do, d) \
	UNKNOWN_TEN(do, e) UNKNOWN_TEN(do, f) UNKNOWN_TEN(do, g) UNKNOWN_TEN(do, h)
/* do(tens, ones) for 0 to UNKNOWN_SLOTS */
#define UNKNOWN_ALL(do) \
	UNKNOWN_EIGHTY(do, 0, 1, 2, 3, 4, 5, 6, 7) \
	UNKNOWN_EIGHTY(do, 8, 9, 10, 11, 12, 13, 14, 15) \
	UNKNOWN_EIGHTY(do, 16, 17, 18, 19, 20, 21, 22, 23) \
	UNKNOWN_EIGHTY(do, 24, 25, 26, 27, 28, 29, 30, 31) \
	do(32, 0)
/* clang-format on */

#define UNKNOWN_DECLARE(tens, ones) nvmlReturn_t export_unknown_##tens##_##ones(void);

/* For an array of addresses by number. */
#define UNKNOWN_ADDRESS(tens, ones) \
	[tens * 10 + ones] = (const void *)export_unknown_##tens##_##ones,

UNKNOWN_ALL(UNKNOWN_DECLARE)

#endif
