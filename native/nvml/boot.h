/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which boot of the machine it is: times since boot mean nothing in another one. */
#ifndef MIRAGE_BOOT_H
#define MIRAGE_BOOT_H

#include <stdbool.h>
#include <stdint.h>

/* The same number in all processes and containers until the machine is booted anew; 0: not known. */
uint64_t boot_now(void);

/* Whether it can be such a number: damage in the page is no other boot. */
bool boot_is_sound(uint64_t boot);

/* Such a number, of any other one. */
uint64_t boot_of(uint64_t hash);

#endif
