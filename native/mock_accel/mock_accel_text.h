/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading numbers from text. No library is called whose behaviour could differ between the kernel and
 * the tests.
 */
#ifndef MOCK_ACCEL_TEXT_H
#define MOCK_ACCEL_TEXT_H

#include "mock_accel_portable.h"

/* Copy a value without the line end that echo writes; -EINVAL where it is too long. */
int mock_accel_text_copy(char *to, size_t size, const char *from);

/* The value of a digit, or -1 for what is none in this base. */
int mock_accel_text_digit(char c, u32 base);

/* Read digits, decimal or after 0x hexadecimal; *end is behind the last one. */
int mock_accel_text_digits(const char *text, u64 *number, const char **end);

/* The whole text is one number, of at most 32 bits. */
int mock_accel_text_number(const char *text, u32 *number);

/* Bytes, or with K, M, G or T behind the number (each 1024 of the former) many of them. */
int mock_accel_text_memory(const char *text, u64 *size);

#endif
