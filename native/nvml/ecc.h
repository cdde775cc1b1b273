/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MIRAGE_ECC_H
#define MIRAGE_ECC_H

#include "profile.h"

/* Set to 0 what is counted; counter is NVML_VOLATILE_ECC or NVML_AGGREGATE_ECC. */
void ecc_clear(struct readings_ecc *ecc, unsigned int counter);

#endif
