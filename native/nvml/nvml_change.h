/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the setters share. Initialised and handle come first, then the arguments
 * against what the board can, then that the caller is root; only then the page's
 * lock is taken. So a refused call never waits and changes nothing:
 *
 *	nvmlReturn_t ret = change_check(__func__, device, &change);
 *	... refuse what the board does not have, by change.gpu ...
 *	ret = change_open(&change);
 *	... refuse by change_drop() what the state does not allow now ...
 *	change.running->settings.x = value;
 *	return change_end(&change);
 */
#ifndef MIRAGE_NVML_CHANGE_H
#define MIRAGE_NVML_CHANGE_H

#include "nvml_internal.h"
#include "state_write.h"

struct change {
	struct gpu gpu; /* as it was when the change began, for checks */
	struct state_writer writer;
	struct running *running; /* the copy to be changed; nobody sees it yet */
};

/* Initialised and the handle; gpu is then there for checks of arguments. */
nvmlReturn_t change_check(const char *function, nvmlDevice_t device, struct change *change);

/* Root, and the page's lock. After NVML_SUCCESS either change_end or change_drop. */
nvmlReturn_t change_open(struct change *change);

/* The same for what is not for root alone: then the page's own rights decide. */
nvmlReturn_t change_open_for_all(struct change *change);

/* Put the changed copy in force. */
nvmlReturn_t change_end(struct change *change);

/* Change nothing, and answer ret. */
nvmlReturn_t change_drop(struct change *change, nvmlReturn_t ret);

nvmlReturn_t change_result(enum state_result result);

#endif
