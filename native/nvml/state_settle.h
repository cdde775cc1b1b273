/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a change: how a device's readings go on where it makes them go another
 * way, and the writing itself. For state_*.c alone.
 */
#ifndef MIRAGE_STATE_SETTLE_H
#define MIRAGE_STATE_SETTLE_H

#include "state_write.h"

/* Through the file, so that a full disk is an error here and not a SIGBUS. */
int state_put(const struct state_writer *writer, void *target, const void *data, size_t size);

/* Into the table that only the past is read from. The board is as warm as it has become. */
int state_move_on(const struct state_writer *writer, const struct running *before,
		  const struct motion_table *old, uint64_t now);

/* Count what was until now, and find out how it goes on: no writer can forget it. */
enum state_result state_settle(const struct state_writer *writer, const struct running *before);

/* What is being edited, as it is: with its checksum and under the next number. */
enum state_result state_put_in_force(struct state_writer *writer);

#endif
