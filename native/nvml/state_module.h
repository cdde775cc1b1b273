/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GPUs on one module say of it: the same, whichever of them was told. */
#ifndef MIRAGE_STATE_MODULE_H
#define MIRAGE_STATE_MODULE_H

#include "state_write.h"

bool module_differs(const struct readings *before, const struct readings *after);

/* After what is being edited was put in force: have the other GPUs of its module say the same. */
enum state_result module_share(struct state_writer *writer);

#endif
