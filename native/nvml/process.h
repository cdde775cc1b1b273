/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over the described processes of a device by PROFILE_PROCESS_* bits. */
#ifndef MIRAGE_PROCESS_H
#define MIRAGE_PROCESS_H

#include "profile.h"

uint32_t process_count(const struct readings *readings, uint32_t type);

/* The next one of the type from *position on, which moves behind it; or NULL. */
const struct readings_process *process_next(const struct readings *readings, uint32_t type,
					    uint32_t *position);

#endif
