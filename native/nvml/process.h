/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks over the processes of a device by PROFILE_PROCESS_* bits. */
#ifndef MIRAGE_PROCESS_H
#define MIRAGE_PROCESS_H

#include "handle.h"

#define ALL_PROCESSES (PROFILE_PROCESS_COMPUTE | PROFILE_PROCESS_GRAPHICS | PROFILE_PROCESS_MPS)

/*
 * Copies of the processes of the type that live, at most room of them, all from
 * one state of the device. Returns how many there are, which may be more than room.
 */
uint32_t process_list(struct gpu *gpu, uint32_t type, struct running_process *list, uint32_t room);

#endif
