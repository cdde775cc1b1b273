/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What another boot has left in a page. Changes are not waited for until they are on
 * the disk, so that a machine that stops at once, as by a power loss, may leave parts
 * of one. What is not whole then begins anew; the rest goes on as a boot leaves it.
 */
#ifndef MIRAGE_STATE_BOOT_H
#define MIRAGE_STATE_BOOT_H

#include "state_write.h"

/* End it, where the page's times are of another boot: for state_write.c alone. */
enum state_result state_end_past(struct state_writer *writer);

#endif
