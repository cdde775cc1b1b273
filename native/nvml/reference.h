/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reference of profile keys that docs/profiles.md prints. */
#ifndef MIRAGE_REFERENCE_H
#define MIRAGE_REFERENCE_H

#include <stdio.h>

/* One line of a Markdown table for each key: its path and what it must be. */
void reference_print(FILE *stream);

#endif
