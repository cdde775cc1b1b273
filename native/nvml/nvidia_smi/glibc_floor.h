/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The driver's tools are put into containers of any age, so this program asks
 * for the oldest version of what the C library has since moved or renewed:
 * glibc 2.17 is enough, whatever it was built with.
 */
#ifndef SMI_GLIBC_FLOOR_H
#define SMI_GLIBC_FLOOR_H

#if defined(__x86_64__)
#define GLIBC_FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define GLIBC_FIRST "GLIBC_2.17"
#else
#error "name the first symbol version of this architecture's C library here"
#endif

/* Makes this file's calls of @function name the first version of @symbol. */
#define GLIBC_USE_FIRST(function, symbol) __asm__(".symver " #function "," #symbol "@" GLIBC_FIRST)

#endif
