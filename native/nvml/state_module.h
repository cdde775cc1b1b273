/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GPUs on one module say of it: the same, whichever of them was told. */
#ifndef MIRAGE_STATE_MODULE_H
#define MIRAGE_STATE_MODULE_H

#include "state_write.h"

/*
 * Before what is being edited is put in force, where before is: have the other GPUs of
 * its module say the same. With each change, so that half of one is made whole by the
 * next; none where one of them is damaged and what they say would change.
 */
enum state_result module_share(struct state_writer *writer, const struct running *before);

#endif
