// SPDX-License-Identifier: GPL-3.0-or-later
#include "export_table_unknown.h"

// Not inline: 320 copies of it would be a twentieth of the library.
static __attribute__((noinline)) nvmlReturn_t unknown(unsigned int number)
{
	log_debug("slot %u of the internal table, which is not known", number);
	return NVML_ERROR_NOT_SUPPORTED;
}

#define DEFINE(tens, ones)                                \
	nvmlReturn_t export_unknown_##tens##_##ones(void) \
	{                                                 \
		return unknown(tens * 10 + ones);         \
	}

UNKNOWN_ALL(DEFINE)
