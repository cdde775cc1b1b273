/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults that have counted something end when their counters are cleared: what
 * they counted becomes the board's own first, so that only what is cleared goes.
 */
#ifndef MIRAGE_FAULT_SETTLE_H
#define MIRAGE_FAULT_SETTLE_H

#include "fault_kind.h"
#include "handle.h"

#define FAULT_BIT(name) (1u << (name))
#define FAULTS_OF_ECC \
	(FAULT_BIT(FAULT_NAME_ECC_CORRECTABLE) | FAULT_BIT(FAULT_NAME_ECC_UNCORRECTABLE))

/* Those of names (FAULT_BIT) that hold now. */
void fault_settle(struct running *running, const struct gpu *gpu, uint32_t names);

#endif
